"""Call control: the legs of a call, from INVITE to BYE."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import partial

import pjsua2 as pj

from channels.voice import sip
from channels.voice.engine import Engine
from channels.voice.legs import Incoming, Leg, StateSeen, TransferSeen
from channels.voice.messages import (
    Dial,
    Event,
    LegChanged,
    LegHeld,
    LegName,
    LegState,
    MediaBack,
    MediaLost,
    Plan,
    TellTransfer,
    TransferAsked,
)
from channels.voice.timers import Timers

UNREACHABLE_SECONDS = 3.0
PROBE_SECONDS = 15.0
NO_ANSWER, CANCELLED, DROPPED = 408, 487, 200

_DIGITS = re.compile(r"[0-9A-D*#]{1,32}")
_SIP_URI = re.compile(r"sip:[^\s<>]+")


class Refusal(Exception):
    """A command that cannot be carried out; the text goes into its ``Ack``."""


class CallControl:
    """``legs`` holds the latest leg of each name, also when it is over. ``tell`` takes events for the gateway;
    ``on_change`` is called after every change of a leg's state."""

    def __init__(
        self,
        engine: Engine,
        timers: Timers,
        media_lost: float,
        tell: Callable[[Event], None],
        on_change: Callable[[LegName, Leg], None],
    ) -> None:
        self.legs: dict[LegName, Leg] = {}
        self._engine = engine
        self._timers = timers
        self._media_lost = media_lost
        self._tell = tell
        self._on_change = on_change

    # --- what can be done ---

    def alive(self, *names: LegName) -> bool:
        """Whether one of these legs is dialled, rings or talks."""
        return any(name in self.legs and self.legs[name].alive for name in names)

    def talking(self, *names: LegName) -> bool:
        return any(name in self.legs and self.legs[name].state == "answered" for name in names)

    def ring(self, note: Incoming) -> None:
        """Takes the caller's INVITE and answers 180."""
        self._engine.start_media()
        note.leg.call_id = sip.first(sip.headers(note.message), "call-id")
        self.legs["caller"] = note.leg
        note.leg.respond(180)

    def answer(self) -> None:
        caller = self.legs.get("caller")
        if caller is None or not caller.incoming:
            raise Refusal("there is no caller to answer")
        if caller.state == "ringing" and not caller.respond(200):
            raise Refusal("the caller has gone")

    def answer_if_ringing(self) -> None:
        caller = self.legs["caller"]
        if caller.incoming and caller.state == "ringing":
            caller.respond(200)

    def dial(self, command: Dial) -> None:
        _check_texts(command.from_uri, *(text for header in command.headers for text in header))
        _check_uri(command.uri)
        if self.alive(command.leg):
            raise Refusal(f"there is a {command.leg} already")
        leg = self._engine.dial(command.leg, command.uri, command.from_uri, command.headers)
        leg.helps = command.helps
        self.legs[command.leg] = leg
        unreachable = partial(self._give_up, leg, ("dialling",), "unreachable")
        unanswered = partial(self._give_up, leg, ("dialling", "ringing"), "no answer")
        self._timers.after(min(UNREACHABLE_SECONDS, command.ring_seconds), unreachable)
        self._timers.after(command.ring_seconds, unanswered)

    def check_plan(self, plan: Plan) -> None:
        """Raises Refusal now for what could not be dialled when it is needed."""
        _check_texts(plan.from_uri)
        for target in plan.targets:
            _check_uri(target.uri)

    def drop(self, name: LegName) -> None:
        leg = self.legs.get(name)
        if leg is None or not leg.alive:
            raise Refusal(f"there is no {name}")
        leg.release()
        code = DROPPED if leg.state == "answered" else CANCELLED
        self._over(leg, code, "dropped")

    def rename(self, old: LegName, new: LegName) -> None:
        """A leg takes the part of one that is over."""
        if not self.talking(old):
            raise Refusal(f"no {old} is talking")
        if self.alive(new):
            raise Refusal(f"there is a {new} already")
        leg = self.legs.pop(old)
        leg.name = new
        leg.told_held = False
        self.legs[new] = leg

    def end(self, code: int) -> None:
        """Hangs up every leg; an incoming caller who was not answered is refused with ``code``."""
        for leg in self.legs.values():
            if leg.alive:
                leg.release(code if leg.incoming and leg.state == "ringing" else 0)

    def send_digits(self, name: LegName, digits: str) -> None:
        """RFC 4733, or SIP INFO to a peer that did not offer it."""
        if not _DIGITS.fullmatch(digits):
            raise Refusal("digits are 0-9, A-D, * and #, at most 32")
        if not self.talking(name):
            raise Refusal(f"no {name} is talking")
        leg = self.legs[name]
        try:
            leg.dialDtmf(digits)
        except pj.Error:
            prm = pj.CallSendDtmfParam()
            prm.method = pj.PJSUA_DTMF_METHOD_SIP_INFO
            prm.digits = digits
            leg.sendDtmf(prm)

    def tell_transfer(self, command: TellTransfer) -> None:
        _check_texts(command.reason)
        if not self.talking(command.leg):
            raise Refusal(f"no {command.leg} is talking")
        self.legs[command.leg].tell_transfer(command.code, command.reason, final=command.final)

    # --- what happens ---

    def transfer_asked(self, note: TransferSeen) -> TransferAsked:
        target, replaces = sip.refer_to(note.refer_to)
        return TransferAsked(note.leg.name, target, replaces)

    def on_state(self, note: StateSeen) -> None:
        leg = note.leg
        if self.legs.get(leg.name) is not leg or leg.state in ("failed", "ended"):
            return
        if note.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self._over(leg, note.code, note.reason)
        elif note.state == pj.PJSIP_INV_STATE_CONFIRMED and leg.state != "answered":
            leg.expect_sound()
            self._change(leg, "answered", note.code, note.reason)
        elif note.state == pj.PJSIP_INV_STATE_EARLY and leg.state == "dialling":
            self._change(leg, "ringing", note.code, note.reason)

    def check_media(self) -> None:
        """Now and then: a caller whose line broke says nothing, only their RTP stops. That never ends a call; a line
        that is dead for SIP too does."""
        for name, leg in self.legs.items():
            silent = leg.state == "answered" and leg.silent_for() > self._media_lost
            if silent != leg.silent:
                leg.silent = silent
                self._tell(MediaLost(name) if silent else MediaBack(name))
            if silent and time.monotonic() >= leg.probe_at:
                leg.probe_at = time.monotonic() + PROBE_SECONDS
                leg.probe()

    def check_holds(self) -> None:
        """A telephone that holds tells so by a re-INVITE; the stack has answered it."""
        for name, leg in self.legs.items():
            if leg.alive and leg.held != leg.told_held:
                leg.told_held = leg.held
                self._tell(LegHeld(name, leg.held))

    def _give_up(self, leg: Leg, states: tuple[LegState, ...], why: str) -> None:
        if leg.alive and leg.state in states:
            leg.release()
            self._over(leg, NO_ANSWER, why)

    def _over(self, leg: Leg, code: int, reason: str) -> None:
        self._change(leg, "ended" if leg.state == "answered" else "failed", code, reason)

    def _change(self, leg: Leg, state: LegState, code: int, reason: str) -> None:
        leg.state, leg.code = state, code
        self._tell(LegChanged(leg.name, state, code, reason, leg.call_id, leg.local_tag, leg.remote_tag))
        self._on_change(leg.name, leg)


def _check_texts(*texts: str) -> None:
    if any(map(sip.has_control_characters, texts)):
        raise Refusal("a control character would break the SIP message")


def _check_uri(uri: str) -> None:
    if not _SIP_URI.fullmatch(uri) or sip.has_control_characters(uri):
        raise Refusal("only a sip: URI can be dialled")
