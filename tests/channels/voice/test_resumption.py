"""A call that outlived a gateway: what happened meanwhile is caught up with, and nobody is told what is not true."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import pytest

from channels.voice import instructions as tell_to
from channels.voice import messages as msg
from channels.voice.call import Call
from channels.voice.flow import Desk, Story
from channels.voice.scene import ContactView
from config.load import load
from routing import events as ev
from routing.model import Channel, Guest, Offer

C1 = "AAAA-0001"
OUTSIDE = "+441632960200"
CARA = Guest("ext 204", "transfer", 0.0, "cara")
MARK = ev.CallerHeard(C1)


class Process:
    """A call process that does what it is told, and says only what the test puts into ``says``."""

    id, slot, gone, arrived = "0-1-a", 0, False, None

    def __init__(self, legs: Sequence[msg.LegName], story: dict[str, str], ended: tuple[msg.Leg, ...]) -> None:
        up = (*(msg.Leg(name, "answered") for name in legs), *ended)
        told = {"reference": C1, **story}
        self.snapshot = msg.Snapshot(slot=0, pid=1, port=5060, begun=True, legs=up, recording="kept", story=told)
        self.says: asyncio.Queue[msg.Event] = asyncio.Queue()
        self.caught_up = asyncio.Event()
        self.done: list[msg.Command] = []

    async def do(self, *commands: msg.Command) -> None:
        self.done += commands

    def post(self, command: msg.Command) -> None:
        self.done.append(command)

    async def next(self, deadline: float | None) -> msg.Event:
        return await self.says.get()


class KnownDesk:
    """One contact, as ``shown``; ben's extension is 203, and ``busy`` says why he cannot be rung."""

    def __init__(self, shown: ContactView, busy: str) -> None:
        self.shown, self.busy = shown, busy

    def view(self, reference: str) -> ContactView:
        return self.shown

    def target_at(self, extension: str) -> tell_to.Target:
        assert extension == "203"
        return tell_to.Target("Ben Beck", "sip:203@gateway.invalid", "ben")

    def refusal(self, event: ev.Event) -> str:
        return self.busy


class PickedUp:
    """The story of the call under a new gateway."""

    def __init__(self, process: Process, desk: KnownDesk) -> None:
        self.process, self._told = process, asyncio.Queue[ev.Event]()
        settings = load(overlay={"edge": {"phone_secret": "x"}})
        self.story = Story(cast(Call, process), C1, settings, cast(Desk, desk), self._report)

    async def _report(self, event: ev.Event) -> str:
        self._told.put_nowait(event)
        return C1

    async def told(self) -> list[ev.Event]:
        """What the gateway was told, when everything so far has been dealt with."""
        self.story.inbox.put_nowait(msg.Heard("caller"))
        return await self.told_until(MARK)

    async def told_until(self, last: ev.Event) -> list[ev.Event]:
        told = list[ev.Event]()
        async with asyncio.timeout(2):
            while (event := await self._told.get()) != last:
                told.append(event)
        return told

    def heard(self) -> list[str]:
        """The names of the announcements, each without its directory and ending."""
        played = [c for c in self.process.done if isinstance(c, msg.Play) and c.name == "announcement"]
        return [file.rsplit("/", 1)[-1].split(".")[0] for play in played for file in play.files]


@asynccontextmanager
async def picked_up(
    *legs: msg.LegName,
    busy: str = "",
    story: dict[str, str] | None = None,
    ended: tuple[msg.Leg, ...] = (),
    **known: Any,
) -> AsyncIterator[PickedUp]:
    shown: dict[str, Any] = {"offers": (), "handler": "", "handing_over": False, "place": 0, "party": "+441632960001"}
    call = PickedUp(Process(legs, story or {}, ended), KnownDesk(ContactView(**shown | known), busy))
    telling = asyncio.create_task(call.story.resumed())
    try:
        yield call
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling


def third(role: str, words: str, handler: str = "") -> dict[str, str]:
    """Somebody whom the last gateway had rung."""
    return {"third_role": role, "third_words": words, "third_uri": "sip:them@edge", "third_handler": handler}


# --- keeping the place ---------------------------------------------------------------------------------

ASKED = {"stage_name": "keep_place", "stage_typed": ""}


async def test_who_was_being_asked_and_has_been_led_on_meanwhile_is_not_told_that_they_are_called_back() -> None:
    async with picked_up("caller", story=ASKED) as call:
        assert await call.told() == [ev.CallQueued(C1)]
        assert call.heard() == ["keep_place_number"]


async def test_whose_call_back_is_planned_is_told_so_and_let_go() -> None:
    async with picked_up("caller", story=ASKED, callback="f1") as call:
        await call.told()
        assert call.heard() == ["keep_place_done"]
        call.process.says.put_nowait(msg.Played("announcement"))
        assert await call.told_until(ev.CallEnded(C1, "system")) == []


# --- a phone that rang --------------------------------------------------------------------------------

RANG = Offer("o1", C1, "anna", Channel.VOICE, by_phone=True, made_at=0.0, expires_at=20.0)


async def test_who_answered_and_talked_to_the_end_while_no_gateway_was_there_had_the_caller() -> None:
    ended = (msg.Leg("caller", "ended"), msg.Leg("handler", "ended"))
    async with picked_up(offers=(RANG,), ended=ended) as call:
        told = await call.told_until(ev.CallerLeft(C1))
        assert told == [ev.OfferAccepted("o1", C1, "anna")]


async def test_a_phone_that_only_rang_did_not_have_the_caller() -> None:
    ended = (msg.Leg("caller", "ended"), msg.Leg("handler", "failed", code=487))
    async with picked_up(offers=(RANG,), ended=ended) as call:
        assert await call.told_until(ev.CallerLeft(C1)) == []


async def test_it_has_caught_up_when_all_of_it_is_reported() -> None:
    async with picked_up("caller", "handler", offers=(RANG,)) as call:
        async with asyncio.timeout(2):
            await call.process.caught_up.wait()
        assert ev.OfferAccepted("o1", C1, "anna") in await call.told()


# --- led on ----------------------------------------------------------------------------------------------


async def test_who_talks_with_the_control_room_is_led_nowhere_and_the_queue_hears_of_it() -> None:
    async with picked_up("caller", "control_room", place=1) as call:
        await call.told()
        call.story.inbox.put_nowait(tell_to.LeadOn("voicemail", "general"))
        (event,) = await call.told()
        assert isinstance(event, ev.NotLedOn)


async def test_the_phone_of_a_handler_who_is_not_free_does_not_ring_for_a_caller_who_is_led_to_it() -> None:
    async with picked_up("caller", place=1, busy="Ben is being rung.") as call:
        await call.told()
        await call.story.third.lead_to("203")
        assert await call.told() == [ev.PartyLeft(C1, "Ben Beck", "Ben is being rung.", "ben"), ev.CallQueued(C1)]
        assert not [c for c in call.process.done if isinstance(c, msg.Dial)]


# --- the third party -------------------------------------------------------------------------------------


async def test_who_answered_outside_while_no_gateway_was_there_has_the_caller() -> None:
    async with picked_up("caller", "third", story=third("transfer", OUTSIDE)) as call:
        assert await call.told() == [ev.LedOut(C1, OUTSIDE)]
        assert call.story.third.passed


async def test_a_transfer_that_was_answered_while_no_gateway_was_there_completes_itself() -> None:
    ringing = third("transfer", "ext 204", "cara")
    async with picked_up("caller", "handler", "third", story=ringing, handler="ben", guests=(CARA,)) as call:
        assert await call.told() == [ev.CallPassed(C1, "ben", "ext 204", "cara")]
        assert call.story.scene.handler == "cara"
        assert [c for c in call.process.done if isinstance(c, msg.Drop | msg.Rename)] == [
            msg.Drop("handler"),
            msg.Rename("third", "handler"),
        ]


async def test_it_completes_too_when_the_handler_has_gone() -> None:
    ringing = third("transfer", "ext 204", "cara")
    async with picked_up("caller", "third", story=ringing, handler="ben", guests=(CARA,)) as call:
        assert await call.told() == [ev.CallPassed(C1, "ben", "ext 204", "cara")]


async def test_who_is_only_asked_first_waits_for_the_handler_to_pass_the_caller_on() -> None:
    asked = third("consult", "ext 204", "cara")
    async with picked_up("caller", "handler", "third", story=asked, handler="ben", guests=(CARA,)) as call:
        assert await call.told() == [ev.PartyAnswered(C1, "ext 204", "cara")]
        assert call.story.scene.handler == "ben"


# --- what the last gateway had no time to write down -----------------------------------------------------

SAM = Guest("Sam", "supervisor", 0.0, "sam")


async def test_whom_the_caller_was_passed_to_outside_is_made_up_for() -> None:
    passed = third("transfer", OUTSIDE) | {"third_passed": "yes"}
    async with picked_up("caller", "third", story=passed, handler="ben") as call:
        assert await call.told() == [ev.CallPassed(C1, "ben", OUTSIDE)]
        assert call.story.third.passed and not call.story.scene.handler


async def test_where_the_queue_led_the_caller_is_made_up_for() -> None:
    led = third("transfer", OUTSIDE) | {"third_passed": "yes"}
    async with picked_up("caller", "third", story=led) as call:
        assert await call.told() == [ev.LedOut(C1, OUTSIDE)]
    async with picked_up("caller", "third", story=led, passed_to=OUTSIDE) as call:
        assert await call.told() == [], "it was written"


async def test_the_colleague_who_has_the_caller_is_made_up_for() -> None:
    story = {"handler": "cara"}
    async with picked_up("caller", "handler", story=story, handler="ben", guests=(CARA,)) as call:
        assert await call.told() == [ev.CallPassed(C1, "ben", "ext 204", "cara")]
        assert call.story.scene.handler == "cara"
    async with picked_up("caller", "handler", story=story, handler="cara") as call:
        assert await call.told() == [], "it was written"


async def test_a_colleague_whose_ringing_was_not_written_either_is_made_up_for() -> None:
    async with picked_up("caller", "handler", story={"handler": "cara"}, handler="ben") as call:
        rung = ev.PartyRung(C1, "handler:ben", "transfer", "cara", "cara")
        assert await call.told() == [rung, ev.CallPassed(C1, "ben", "cara", "cara")]


async def test_who_answered_a_menus_extension_keeps_the_caller() -> None:
    async with picked_up("caller", "handler", story={"handler": "cara"}) as call:
        rung = ev.PartyRung(C1, "system", "transfer", "cara", "cara")
        assert await call.told() == [rung, ev.CallPassed(C1, "", "cara", "cara")]
        assert not [c for c in call.process.done if isinstance(c, msg.Drop)]


@pytest.mark.parametrize("legs", [("third",), ("handler",)], ids=["before their leg was renamed", "after it"])
async def test_a_colleague_who_was_just_being_given_the_caller_has_them(legs: tuple[msg.LegName, ...]) -> None:
    story = {"handler": "cara"} | third("transfer", "ext 204", "cara") | {"third_passed": "yes"}
    async with picked_up("caller", *legs, story=story, handler="ben", guests=(CARA,)) as call:
        assert await call.told() == [ev.CallPassed(C1, "ben", "ext 204", "cara")]
        assert call.story.scene.handler == "cara"
        assert call.story.scene.line.joined == {"caller", "handler"}
        assert not call.story.third.busy


async def test_the_supervisor_who_took_the_caller_over_is_made_up_for() -> None:
    async with picked_up("caller", "handler", story={"handler": "sam"}, handler="ben", guests=(SAM,)) as call:
        (told,) = await call.told()
        assert isinstance(told, ev.CallTakenOver)
        assert (told.supervisor, told.handler) == ("sam", "ben")


async def test_the_voicemail_that_a_handler_passed_the_caller_to_is_made_up_for() -> None:
    at_voicemail = {"stage_name": "voicemail", "stage_state": '{"part": "greeting", "extension": "202"}'}
    async with picked_up("caller", story=at_voicemail, handler="ben") as call:
        assert await call.told() == [ev.CallPassed(C1, "ben", "voicemail of 202")]
        assert call.heard() == ["voicemail_greeting", "beep"]


async def test_the_queue_that_a_handler_sent_the_caller_to_is_made_up_for() -> None:
    sent = {"stage_name": "requeued", "stage_queue": "crime", "stage_why": "theft"}
    async with picked_up("caller", story=sent, handler="ben") as call:
        assert await call.told() == [ev.Requeued(C1, "ben", "crime", "theft"), ev.CallQueued(C1)]
    async with picked_up("caller", story=sent, place=1) as call:
        assert await call.told() == [], "it was written"


async def test_a_handler_who_answered_an_offer_is_not_taken_for_one_who_was_passed_the_caller() -> None:
    async with picked_up("caller", "handler", story={"handler": "cara"}, place=1) as call:
        await call.told()
        assert [c for c in call.process.done if isinstance(c, msg.Drop)] == [msg.Drop("handler")]


# --- emergencies ---------------------------------------------------------------------------------------


async def test_a_control_room_that_came_while_no_gateway_was_there_is_told_with_the_reason() -> None:
    async with picked_up("caller", "control_room", place=1) as call:
        by_itself = "no gateway was there: the call fetched the control room by itself"
        fetched = ev.Recorded(by_itself, "system", reference=C1)
        assert await call.told() == [fetched, ev.ControlRoomJoined(C1, "control room")]


async def test_a_control_room_that_left_while_no_gateway_was_there_is_missed() -> None:
    helped = third("interpreter", "Polish")
    async with picked_up("caller", "third", story=helped, handed_over=True) as call:
        assert await call.told() == [ev.ControlRoomLeft(C1, "control room"), ev.CallQueued(C1)]


async def test_emergency_digits_that_the_process_tells_of_are_one_emergency() -> None:
    async with picked_up("caller", place=1) as call:
        for item in (msg.Digit("caller", "5"), msg.Digit("caller", "5"), msg.FallbackStarted(pressed=True)):
            call.story.inbox.put_nowait(item)
        told = await call.told()
        assert len([event for event in told if isinstance(event, ev.EmergencyRaised)]) == 1


async def test_emergency_digits_of_which_only_the_process_knows_are_an_emergency() -> None:
    async with picked_up("caller", place=1) as call:
        call.story.inbox.put_nowait(msg.FallbackStarted(pressed=True))
        assert [event for event in await call.told() if isinstance(event, ev.EmergencyRaised)]
