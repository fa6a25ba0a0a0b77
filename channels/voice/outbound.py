"""Calling somebody: the handler's phone first, then the person. No predictive dialling: a human is on the line."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from channels.voice.call import Call, CallGone, VoiceError
from channels.voice.messages import Dial, LegChanged, LegName, Play
from channels.voice.sip import outside
from channels.voice.sounds import Sounds
from config.settings import Settings

BUSY_CODES = (486, 600)
NO_ANSWER_CODES = (408, 480, 487, 603)
GRACE_SECONDS = 2.0
ANONYMOUS = "anonymous"
WITHHELD = (("Privacy", "id"),)

Outcome = Literal["answered", "busy", "no_answer", "unreachable", "handler_unreachable"]


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt at a follow-up. ``withheld``: the person does not see our number (RFC 3323, RFC 3325)."""

    reference: str
    follow_up: str
    handler: str
    extension: str
    address: str
    withheld: bool = False


async def place(call: Call, job: Job, settings: Settings) -> Outcome:
    """Ring the handler, then the person. ``answered``: both are on the line, not yet bridged."""
    try:
        if await _ring_handler(call, job, settings) != "answered":
            return "handler_unreachable"
        return await _ring_person(call, job, settings)
    except CallGone:
        return "handler_unreachable"


async def _ring_handler(call: Call, job: Job, settings: Settings) -> str:
    domain, seconds = settings.edge.domain, settings.routing.voice_offer_seconds
    caller = f"<sip:{job.address}@{domain}>"
    headers = (("X-Contact-Reference", job.reference), ("X-Follow-Up", job.follow_up))
    try:
        await call.do(Dial("handler", f"sip:{job.extension}@{domain}", seconds, caller, headers))
        leg = await _outcome(call, "handler", seconds)
    except (VoiceError, TimeoutError):
        if call.gone:
            raise CallGone("the call process died") from None
        return "failed"
    return leg.state


async def _ring_person(call: Call, job: Job, settings: Settings) -> Outcome:
    domain, seconds = settings.edge.domain, settings.follow_ups.ring_seconds
    user, headers = (ANONYMOUS, WITHHELD) if job.withheld else (settings.follow_ups.caller_id, ())
    ours = f"<sip:{user}@{domain}>"
    try:
        await call.do(Play("background", Sounds(settings.voice).calling(), ("handler",), loop=True))
        await call.do(Dial("caller", outside(job.address, domain), seconds, ours, headers))
        leg = await _outcome(call, "caller", seconds)
    except (VoiceError, TimeoutError):
        if call.gone:
            raise CallGone("the call process died") from None
        return "unreachable"
    if leg.leg == "handler":
        return "handler_unreachable"
    if leg.state == "answered":
        return "answered"
    if leg.code in BUSY_CODES:
        return "busy"
    return "no_answer" if leg.code in NO_ANSWER_CODES else "unreachable"


async def _outcome(call: Call, leg: LegName, seconds: float) -> LegChanged:
    """The leg's answer or end, or the handler hanging up meanwhile."""
    async with asyncio.timeout(seconds + GRACE_SECONDS):
        while True:
            event = await call.next(None)
            if not isinstance(event, LegChanged):
                continue
            if event.leg == leg and event.state in ("answered", "failed", "ended"):
                return event
            if event.leg == "handler" and event.state in ("failed", "ended"):
                return event
