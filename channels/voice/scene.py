"""What every part of a call's story works with: who is on the line, what they hear, and the way to the gateway."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from channels.voice import messages as msg
from channels.voice.call import Call, CallGone, VoiceError
from channels.voice.instructions import Target
from channels.voice.line import Line, waits_alone, who_hears_whom
from channels.voice.sounds import Sounds
from config.menus import Destination
from config.settings import Settings
from routing.events import EmergencyRaised, Event
from routing.model import Guest, Offer

log = structlog.get_logger()

MUSIC, URGENT, ANNOUNCEMENT = "music", "urgent", "announcement"
STAGE = "stage_"


@dataclass(frozen=True, slots=True)
class ContactView:
    """What a story needs to know of its contact. ``place``: 1 for the first in line, 0 when not waiting.

    ``expected_wait``: seconds, None where nothing true can be said of it; ``waited``: seconds in the queue.
    ``callback``: the follow-up that keeps the caller's place, '' for none. ``handing_over``: the control room is
    being called; ``handed_over``: it is on the line. ``emergency``: it is known to be one."""

    offers: tuple[Offer, ...]
    handler: str
    handing_over: bool
    place: int
    party: str
    expected_wait: float | None = None
    waited: float = 0.0
    guests: tuple[Guest, ...] = ()
    passed_to: str = ""
    recording_paused: bool = False
    callback: str = ""
    handed_over: bool = False
    emergency: bool = False


class Desk(Protocol):
    """What a story asks the gateway; answered at once, from memory."""

    def view(self, reference: str) -> ContactView | None: ...

    def extension(self, handler: str) -> str: ...

    def answers_by_itself(self, handler: str) -> bool: ...

    def pass_to(self, reference: str, handler: str, dialled: str, replaces: str) -> Target: ...

    def target_at(self, extension: str) -> Target:
        """The telephone with this extension, in the words of its handler's name."""
        ...

    def refusal(self, event: Event) -> str:
        """'' or why the gateway would not take this event now."""
        ...

    def leads_to(self, called: str) -> Destination: ...


class Scene:
    """``handler``: who has the caller, '' for nobody. ``over``: the call is to be ended. ``quiet``: no
    music, the caller is being spoken to. ``place``: what the next
    gateway must know beside the legs, should this one die; ``stage``: where a caller is with whom nobody is.
    ``watched``: it is noticed if they say nothing. ``raised``: the caller pressed the emergency digits, and it is not
    written down yet."""

    def __init__(
        self, call: Call, reference: str, settings: Settings, desk: Desk, tell: Callable[[Event], None]
    ) -> None:
        self.call, self.reference, self.settings, self.tell = call, reference, settings, tell
        self.sounds = Sounds(settings.voice)
        self.line = Line()
        self.handler = ""
        self.over = False
        self.quiet = False
        self.calling_control_room = False
        self.place: dict[str, str] = {}
        self.stage: dict[str, str] = {}
        self.watched = False
        self.raised = False
        self._desk = desk
        self._looping: dict[str, bool | None] = {}
        self._remembered: dict[str, str] = {}
        self._parted: Counter[msg.LegName] = Counter()

    def view(self) -> ContactView | None:
        return self._desk.view(self.reference)

    def extension(self, handler: str) -> str:
        return self._desk.extension(handler)

    def answers_by_itself(self, handler: str) -> bool:
        return self._desk.answers_by_itself(handler)

    def pass_to(self, dialled: str, replaces: str) -> Target:
        """Whom the handler's phone asks to pass the caller to. Raises channels.base.Refused."""
        return self._desk.pass_to(self.reference, self.handler, dialled, replaces)

    def target_at(self, extension: str) -> Target:
        return self._desk.target_at(extension)

    def refusal(self, event: Event) -> str:
        return self._desk.refusal(event)

    async def do(self, *commands: msg.Command) -> bool:
        """Whether the process carried them out. A leg may vanish at any time: its end is told as an event."""
        try:
            await self.call.do(*commands)
        except VoiceError as error:
            if self.call.gone:
                raise CallGone(str(error)) from error
            log.warning("command_not_carried_out", contact=self.reference, why=str(error))
            return False
        return True

    @property
    def full(self) -> bool:
        """Nobody more can be rung, the control room aside."""
        return not self.line.has_room(kept_for_control_room=self.calling_control_room)

    async def dial(
        self, leg: msg.LegName, uri: str, seconds: float, *more: tuple[str, str], helps: bool = False
    ) -> bool:
        """Ring somebody in the caller's name; False when they cannot be, also for want of room. ``more``: headers."""
        if self.full:
            return False
        headers = (("X-Contact-Reference", self.reference), *more)
        dialled = await self.do(msg.Dial(leg, uri, seconds, self.from_uri(), headers, helps))
        if dialled:
            self.line.legs[leg] = "dialling"
        return dialled

    async def join(self, leg: msg.LegName) -> None:
        self.line.joined.add(leg)
        await self.settle()
        self.remember()

    async def part(self, leg: msg.LegName) -> None:
        """The leg is no longer of this call; it is hung up if it is still there."""
        self.line.leave(leg)
        await self.settle()
        if self.line.under_way(leg):
            self.line.legs[leg] = "ended"
            self._parted[leg] += 1
            await self.do(msg.Drop(leg))
        self.remember()

    def changed(self, leg: msg.LegChanged) -> bool:
        """Takes note; False when it is of a leg that was parted with: its name may be another's now. Its end is told
        before anything of the other's."""
        if self._parted[leg.leg]:
            self._parted[leg.leg] -= leg.state in ("failed", "ended")
            return False
        self.line.legs[leg.leg] = leg.state
        return True

    async def settle(self) -> None:
        """Those who are joined hear each other; a caller alone hears music, or that help is being fetched."""
        if self.over:
            return
        alone = waits_alone(self.line) and not self.quiet
        await self.do(
            msg.Bridge(who_hears_whom(self.line)),
            *self._loop(URGENT, (self.sounds.prompt("control_room"),), on=alone and self.calling_control_room),
            *self._loop(MUSIC, self.sounds.music(), on=alone and not self.calling_control_room),
        )
        await self._watch_silence()

    async def _watch_silence(self) -> None:
        """From when somebody first hears the caller, or is fetched for them; whoever waits has nobody to talk to."""
        expected = self.calling_control_room or not waits_alone(self.line)
        if expected and "caller" in self.line.joined and not self.watched:
            self.watched = await self.do(msg.WatchSilence(self.settings.voice.silent_after_seconds))

    async def announce(self, *files: str, to: tuple[msg.LegName, ...] = ("caller",)) -> bool:
        """Said once; music pauses meanwhile."""
        return await self.do(msg.Play(ANNOUNCEMENT, files, to))

    async def hush(self) -> None:
        """Nothing more is said."""
        await self.do(msg.StopPlaying(ANNOUNCEMENT))

    def remember(self) -> None:
        line = self.line
        told = {"reference": self.reference, "handler": self.handler, "supervision": line.supervision, **self.place}
        flags = {name: "yes" for name in ("held", "muted", "aside") if getattr(line, name)}
        flags |= {name: "yes" for name in ("watched", "raised") if getattr(self, name)}
        story = told | flags | {STAGE + name: value for name, value in self.stage.items()}
        if story != self._remembered:
            self._remembered = story
            self.call.post(msg.Remember(story))

    def raise_emergency(self, how: str) -> None:
        """By the caller. It is remembered until it is written down: whoever comes next must not miss it."""
        self.raised = True
        self.remember()
        self.tell(EmergencyRaised(self.reference, "caller", how))

    def raised_and_written(self) -> None:
        if self.raised:
            self.raised = False
            self.remember()

    def at(self, stage: str = "", **facts: str) -> None:
        """The caller has come to this stage before the queue; '': they are past it."""
        self.stage = {"name": stage, **facts} if stage else {}
        self.remember()

    def recall(self, snapshot: msg.Snapshot) -> None:
        """Take the line as an earlier gateway left it."""
        line, story = self.line, snapshot.story
        line.legs = {leg.name: leg.state for leg in snapshot.legs}
        line.joined = {name for name, state in line.legs.items() if state == "answered"}
        line.held_at_phone = any(leg.held for leg in snapshot.legs if leg.name == "handler")
        self._looping = dict.fromkeys(snapshot.playing)  # to whom is not known
        self.watched, self.raised = (story.get(name) == "yes" for name in ("watched", "raised"))
        self.stage = {name.removeprefix(STAGE): value for name, value in story.items() if name.startswith(STAGE)}
        line.held, line.muted, line.aside = (story.get(name) == "yes" for name in ("held", "muted", "aside"))
        if "handler" not in line.joined:  # it was theirs, and they went while no gateway was there
            line.held = line.muted = False
        for mode in ("listen", "whisper", "barge"):
            if story.get("supervision") == mode:
                line.supervision = mode
        self.place = {name: value for name, value in story.items() if name.startswith("third_")}

    def from_uri(self) -> str:
        """The caller, as the handler's phone and the control room see them."""
        view = self.view()
        user = view.party if view and view.party else "anonymous"
        return f"<sip:{user}@{self.settings.edge.domain}>"

    def _loop(self, name: str, files: tuple[str, ...], *, on: bool) -> tuple[msg.Play, ...]:
        """What there is to be done for it. A loop that is switched off keeps its place."""
        if self._looping.get(name, False) == on:
            return ()
        self._looping[name] = on
        return (msg.Play(name, files, ("caller",) if on else (), loop=True),)
