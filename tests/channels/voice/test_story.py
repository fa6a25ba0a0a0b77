"""What a call's story does when a handler's or a supervisor's wish and the board do not fit together.

The call process and the board are played here; what they do is written down in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from channels.voice import instructions as tell_to
from channels.voice import messages as msg
from channels.voice.call import Call, CommandRefused
from channels.voice.flow import ContactView, Desk, Story
from channels.voice.objections import objection
from channels.voice.reporting import Over
from config.load import load
from routing import events as ev
from routing.model import Channel, Guest, Offer

REF = "AAAA-0001"
OFFER = Offer("o1", REF, "anna", Channel.VOICE, by_phone=True, made_at=0.0, expires_at=20.0)
SAM = Guest("sam", "supervisor", 0.0, "sam", 1.0)
TAKE_OVER = tell_to.TakeOver("nobody else is here")


class CallProcess:
    """Does what it is told, but for the kinds in ``refuses``."""

    id, slot, gone = "0-1-a", 0, False

    def __init__(self, *legs: msg.Leg, paused: bool = False) -> None:
        recording = {"recording": "/recordings/r", "recording_paused": paused}
        self.snapshot = msg.Snapshot(0, 1, 5060, begun=True, legs=legs, **recording)  # type: ignore[arg-type]
        self.done: list[msg.Command] = []
        self.refuses: tuple[str, ...] = ()
        self.caught_up = asyncio.Event()

    async def do(self, *commands: msg.Command) -> None:
        refused = [command.type for command in commands if command.type in self.refuses]
        self.done += [command for command in commands if command.type not in self.refuses]
        if refused:
            raise CommandRefused(refused[0])

    def post(self, command: msg.Command) -> None:
        self.done.append(command)

    async def next(self, deadline: float | None) -> Any:
        await asyncio.Event().wait()


class Board:
    """Knows one contact; refuses the events in ``refuses`` as too late."""

    def __init__(self, view: ContactView) -> None:
        self.seen = view
        self.told: list[ev.Event] = []
        self.refuses: tuple[type, ...] = ()

    def view(self, reference: str) -> ContactView:
        return self.seen

    def extension(self, handler: str) -> str:
        return "201"

    def answers_by_itself(self, handler: str) -> bool:
        return False

    async def report(self, event: ev.Event) -> str:
        self.told.append(event)
        if isinstance(event, self.refuses):
            raise Over("too late")
        return ""


class Telling:
    """A call that a new gateway has picked up."""

    def __init__(self, process: CallProcess, board: Board) -> None:
        self.process, self.board, self._marks = process, board, 0
        settings = load(overlay={"edge": {"phone_secret": "x"}})
        self.story = Story(cast(Call, process), REF, settings, cast(Desk, board), board.report)

    def wants(self, wish: tell_to.Instruction | msg.Event) -> None:
        self.story.inbox.put_nowait(wish)

    def dialled(self) -> list[str]:
        return [command.leg for command in self.process.done if isinstance(command, msg.Dial)]

    def renamed(self) -> list[tuple[str, str]]:
        return [(command.old, command.new) for command in self.process.done if isinstance(command, msg.Rename)]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(2):
            while not condition():
                await asyncio.sleep(0)

    async def all_is_done(self) -> None:
        """A wish put in now is taken after all those before it."""
        self._marks += 1
        self.wants(tell_to.SendDigits("handler:test", str(self._marks)))
        await self.until(lambda: msg.SendDigits("caller", str(self._marks)) in self.process.done)

    async def tells(self, kind: type) -> None:
        await self.until(lambda: any(isinstance(event, kind) for event in self.board.told))


@asynccontextmanager
async def call(*legs: msg.Leg, paused: bool = False, **view: Any) -> AsyncIterator[Telling]:
    """The caller and these legs are on the line; ``view``: what the board knows of the contact."""
    known: dict[str, Any] = {"offers": (), "handler": "", "handing_over": False, "place": 0, "party": "+441632960001"}
    process = CallProcess(msg.Leg("caller", "answered"), *legs, paused=paused)
    telling = Telling(process, Board(ContactView(**(known | view), recording_paused=paused)))
    task = asyncio.create_task(telling.story.resumed())
    await telling.until(lambda: any(isinstance(command, msg.Bridge) for command in process.done))
    try:
        yield telling
    finally:
        telling.wants(tell_to.HangUp("system"))
        telling.wants(tell_to.Gone())
        await asyncio.wait_for(task, 2)


def anna_rings_and_sam_listens() -> Any:
    legs = (msg.Leg("handler", "ringing"), msg.Leg("supervisor", "answered"))
    return call(*legs, place=1, offers=(OFFER,), guests=(SAM,))


def anna_talks_and_sam_listens(*, paused: bool = False) -> Any:
    legs = (msg.Leg("handler", "answered"), msg.Leg("supervisor", "answered"))
    return call(*legs, handler="anna", guests=(SAM,), paused=paused)


# --- a caller whom nobody has ------------------------------------------------------------------------


async def test_a_supervisor_takes_over_a_caller_who_waits_and_the_phone_that_rings_is_let_go() -> None:
    async with anna_rings_and_sam_listens() as telling:
        telling.wants(TAKE_OVER)
        await telling.tells(ev.CallTakenOver)

        # when the board withdraws the offer, which was told of the phone that is gone
        telling.wants(msg.LegChanged("handler", "answered"))  # it was picked up just then
        telling.wants(msg.LegChanged("handler", "ended"))
        telling.wants(tell_to.StopRinging("o1"))
        await telling.all_is_done()

        assert ev.CallTakenOver(REF, "sam", "", "nobody else is here") in telling.board.told
        assert telling.process.done.count(msg.Drop("handler")) == 1, "the supervisor is not hung up in its place"
        assert telling.story.scene.handler == "sam"
        assert telling.story.scene.line.joined == {"caller", "handler"}
        assert not [event for event in telling.board.told if isinstance(event, ev.OfferAccepted)]


async def test_a_take_over_that_the_board_refuses_is_undone_and_the_phone_rings_again() -> None:
    async with anna_rings_and_sam_listens() as telling:
        telling.board.refuses = (ev.CallTakenOver,)
        telling.wants(TAKE_OVER)
        await telling.until(telling.dialled)

        assert telling.renamed() == [("supervisor", "handler"), ("handler", "supervisor")]
        assert telling.dialled() == ["handler"]
        assert telling.story.scene.handler == ""
        assert telling.story.supervision.supervisor == "sam"
        assert telling.story.scene.line.joined == {"caller", "supervisor"}
        await telling.tells(ev.CallQueued)


async def test_a_supervisor_who_has_just_gone_leaves_the_caller_in_the_queue() -> None:
    async with anna_talks_and_sam_listens() as telling:
        telling.process.refuses = ("rename",)
        telling.wants(TAKE_OVER)
        await telling.tells(ev.CallQueued)

        assert telling.board.told[-2:] == [ev.HandlerLeft(REF, "anna"), ev.CallQueued(REF)]
        assert telling.story.scene.handler == ""


async def test_nobody_is_held_muted_or_moved_whom_nobody_has() -> None:
    async with call(msg.Leg("supervisor", "answered"), place=1, guests=(SAM,)) as telling:
        for wish in (
            tell_to.Hold("handler:sam", True),
            tell_to.Mute("handler:sam", True),
            tell_to.Requeue("crime", ""),
        ):
            assert "Nobody has the caller" in objection(telling.story, wish)
            telling.wants(wish)  # it was possible when it was asked for, and their handler has left since
        await telling.all_is_done()

        line = telling.story.scene.line
        assert (line.held, line.muted) == (False, False)
        kinds = {type(event) for event in telling.board.told}
        assert not kinds & {ev.HeldChanged, ev.MutedChanged, ev.Requeued}


async def test_a_caller_whose_move_to_another_queue_is_refused_waits_again() -> None:
    async with anna_talks_and_sam_listens() as telling:
        telling.board.refuses = (ev.Requeued,)
        telling.wants(tell_to.Requeue("crime", "theft"))
        await telling.tells(ev.CallQueued)

        assert telling.board.told[-2:] == [ev.HandlerLeft(REF, "anna"), ev.CallQueued(REF)]


# --- a pause of the recording ------------------------------------------------------------------------


async def test_a_pause_ends_when_a_supervisor_takes_over() -> None:
    async with anna_talks_and_sam_listens(paused=True) as telling:
        telling.wants(TAKE_OVER)
        await telling.tells(ev.RecordingResumed)
        assert msg.ResumeRecording() in telling.process.done


async def test_a_pause_ends_when_the_caller_goes_back_to_a_queue() -> None:
    async with anna_talks_and_sam_listens() as telling:
        telling.wants(tell_to.PauseRecording("handler:anna", "card number"))
        await telling.all_is_done()
        assert telling.story.keeping.paused, "while anna has the caller it goes on"

        telling.wants(tell_to.Requeue("crime", "theft"))
        await telling.tells(ev.RecordingResumed)


async def test_a_pause_ends_when_the_caller_is_passed_on() -> None:
    async with call(msg.Leg("handler", "answered"), handler="anna", paused=True) as telling:
        telling.wants(tell_to.Bring("transfer", tell_to.Target("Ben", "sip:202@gw", "ben")))
        telling.wants(msg.LegChanged("third", "answered"))
        await telling.tells(ev.CallPassed)
        await telling.tells(ev.RecordingResumed)
        assert telling.story.scene.handler == "ben"


# --- for the next gateway ----------------------------------------------------------------------------


async def test_what_somebody_is_rung_for_is_remembered_before_they_can_answer() -> None:
    async with call(msg.Leg("handler", "answered"), handler="anna") as telling:
        telling.wants(tell_to.Bring("transfer", tell_to.Target("+441632960555", "sip:+441632960555@gw")))
        await telling.until(telling.dialled)

        done = telling.process.done
        dialled = next(n for n, command in enumerate(done) if isinstance(command, msg.Dial))
        (*_, remembered) = (command for command in done[:dialled] if isinstance(command, msg.Remember))
        assert remembered.story["third_role"] == "transfer"
