"""What a handler and a supervisor do with a call while it lasts: hold, pass on, bring in, listen, record."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from channels.base import ChannelError, Refused
from channels.voice import instructions as tell_to
from channels.voice.line import Supervision
from config.numbers import person_of
from config.safety import Mark
from gateway.api.casework import assigned, calls_of, on_the_line, open_contact
from gateway.api.consultation import contact_for
from gateway.api.models import ContactOut, Line, OptionalLine
from gateway.api.problems import BadRequest, Conflict, FieldError
from gateway.api.routes import In, Nothing, Request, Route
from gateway.api.services import Services
from gateway.targets import at_number, keyed
from routing.events import CallRequested, PartyLeft, PartyRung, Recorded, SafetyMarked, WrapUpExtended
from routing.model import Contact

Digits = Annotated[str, StringConstraints(pattern=r"^[0-9*#A-D]{1,32}$")]
Extension = Annotated[str, StringConstraints(pattern=r"^[0-9]{2,6}$")]
Number = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 ()./-]{2,24}$")]  # as people write one


class HoldBody(In):
    held: bool


class MuteBody(In):
    muted: bool


class RecordingBody(In):
    """Why it is paused is journalled: card numbers, a name that must not be kept."""

    paused: bool
    reason: OptionalLine = ""

    @model_validator(mode="after")
    def _paused_with_reason(self) -> RecordingBody:
        if self.paused and not self.reason:
            raise ValueError("say why the recording is paused")
        return self


class DigitsBody(In):
    digits: Digits


class TargetBody(In):
    """Exactly one of these: one of our handlers, an internal extension, an outside number, an interpreter's
    language."""

    handler: OptionalLine = ""
    extension: Extension | None = None
    number: Number | None = None
    language: OptionalLine = ""

    @model_validator(mode="after")
    def _exactly_one(self) -> TargetBody:
        if sum(map(bool, (self.handler, self.extension, self.number, self.language))) != 1:
            raise ValueError("say exactly one of handler, extension, number and language")
        return self


class ThirdBody(In):
    """``transfer``: the caller is passed on when they answer; ``consult``: you talk with them alone first;
    ``conference`` and ``interpreter``: all talk together."""

    role: Literal["transfer", "consult", "conference", "interpreter"]
    to: TargetBody


class QueueBody(In):
    queue: Line
    why: OptionalLine = ""


class VoicemailBody(In):
    """``of``: a queue, or an extension of ours."""

    of: Line


class SuperviseBody(In):
    """``listen``: nobody hears you; ``whisper``: the handler does; ``barge``: all do. The reason is journalled."""

    mode: Supervision
    reason: Line


class ReasonBody(In):
    reason: Line


class DialBody(In):
    """``address``: the person's own unless given. ``withheld``: they do not see our number."""

    address: Number | None = None
    withheld: bool = False


class SafetyBody(In):
    """How safe is it to reach this person? It holds for all their contacts; ``safety`` in the site's settings says
    what each mark allows. Usual: ``unsafe``: calls without our number, neutral words; ``never``: no calls, neutral
    words; ``silent``: nothing at all."""

    calling: Mark


class ExtendBody(In):
    seconds: Annotated[int, Field(ge=1, le=3600)] = 60


# --- the handler's own call --------------------------------------------------------------------------------


async def hold(request: Request[Nothing, HoldBody]) -> None:
    await _ask(request, tell_to.Hold(request.who.by, request.body.held))


async def mute(request: Request[Nothing, MuteBody]) -> None:
    await _ask(request, tell_to.Mute(request.who.by, request.body.muted))


async def record(request: Request[Nothing, RecordingBody]) -> None:
    """While it is paused silence is recorded; it goes on by itself after voice.recording_pause_max_seconds."""
    by, body = request.who.by, request.body
    await _ask(request, tell_to.PauseRecording(by, body.reason) if body.paused else tell_to.ResumeRecording(by))


async def digits(request: Request[Nothing, DigitsBody]) -> None:
    """Keys for a machine at the other end; what was pressed is not journalled, it may be a secret."""
    await _ask(request, tell_to.SendDigits(request.who.by, request.body.digits))


async def bring(request: Request[Nothing, ThirdBody]) -> ContactOut:
    """Ring somebody. The caller hears music until they are with a person again; whoever does not answer leaves
    them with you."""
    contact, body = on_the_line(request), request.body
    target = _target(request.services, body.to)
    wish = tell_to.Bring(body.role, target)
    calls_of(request).check(
        contact.reference, wish, handler=assigned(contact)
    )  # before it is written that they are rung
    await request.services.dispatcher.submit(
        PartyRung(contact.reference, request.who.by, body.role, target.words, target.handler)
    )
    try:
        await calls_of(request).ask(contact.reference, wish, handler=assigned(contact))
    except ChannelError as error:
        left = PartyLeft(contact.reference, target.words, str(error), target.handler)
        await request.services.dispatcher.submit(left)
        raise
    return contact_for(request, open_contact(request))


async def complete(request: Request[Nothing, Nothing]) -> None:
    """Pass the caller to the one you are talking with."""
    await _ask(request, tell_to.CompleteTransfer())


async def drop_third(request: Request[Nothing, Nothing]) -> None:
    """Give the transfer up, or let the third party go: the caller is with you again."""
    await _ask(request, tell_to.DropThird("dropped by the handler"))


async def to_queue(request: Request[Nothing, QueueBody]) -> None:
    body, queues = request.body, request.services.dispatcher.board.rules.queues
    if body.queue not in queues:
        raise _mistake("queue", f"there is no '{body.queue}'; there are: {', '.join(sorted(queues))}")
    await _ask(request, tell_to.Requeue(body.queue, body.why))


async def _ask(request: Request[Nothing, Any], wish: tell_to.Instruction) -> None:
    contact = on_the_line(request)
    await calls_of(request).ask(contact.reference, wish, handler=assigned(contact))


def _target(services: Services, to: TargetBody) -> tell_to.Target:
    domain, board = services.settings.edge.domain, services.dispatcher.board
    if to.handler:
        handler = board.handlers.get(to.handler)
        if handler is None or not handler.extension:
            raise _mistake("to.handler", f"there is no handler '{to.handler}' with a phone")
        return tell_to.Target(handler.name, f"sip:{handler.extension}@{domain}", handler.id)
    if to.language:
        return _interpreter(services, to.language)
    try:
        if to.extension:
            return keyed(to.extension, board, services.settings)
        return at_number(to.number or "", services.settings)
    except Refused as refused:
        raise _mistake("to.extension" if to.extension else "to.number", str(refused)) from refused


def _interpreter(services: Services, language: str) -> tell_to.Target:
    interpreters = services.settings.voice.interpreters
    for interpreter in interpreters:
        if interpreter.language == language:
            reached = at_number(interpreter.number, services.settings)
            return replace(reached, words=f"{interpreter.name} (interpreter)")
    known = ", ".join(sorted(i.language for i in interpreters)) or "none"
    raise _mistake("to.language", f"there is no interpreter for '{language}'; there are: {known}")


def _mistake(field: str, why: str) -> BadRequest:
    return BadRequest("Some fields are not right.", [FieldError(field=field, why=why)])


# --- calling out, and whether one may ------------------------------------------------------------------------


async def dial(request: Request[Nothing, DialBody]) -> ContactOut:
    """Call the person: your phone rings first, then theirs."""
    contact, body = open_contact(request), request.body
    address = body.address or person_of(contact.party.address)
    event = CallRequested(contact.reference, request.who.by, request.handler, address, body.withheld)
    await request.services.dispatcher.submit(event)
    return contact_for(request, open_contact(request))


async def mark_safety(request: Request[Nothing, SafetyBody]) -> ContactOut:
    contact = open_contact(request)
    event = SafetyMarked(contact.reference, request.who.by, request.body.calling)
    await request.services.dispatcher.submit(event)
    return contact_for(request, open_contact(request))


async def extend_wrap_up(request: Request[Nothing, ExtendBody]) -> ContactOut:
    contact = open_contact(request)
    await request.services.dispatcher.submit(
        WrapUpExtended(contact.reference, request.handler, float(request.body.seconds))
    )
    return contact_for(request, open_contact(request))


# --- the supervisor ------------------------------------------------------------------------------------------


async def to_voicemail(request: Request[Nothing, VoicemailBody]) -> None:
    """The handler is released; the caller hears the greeting and leaves a message."""
    of, services = request.body.of, request.services
    known = services.dispatcher.board.with_extension(of) or any(q.id == of for q in services.settings.queues)
    if not known:
        raise _mistake("of", f"there is no queue and no extension '{of}'")
    await _ask(request, tell_to.ToVoicemail(of))


async def supervise(request: Request[Nothing, SuperviseBody]) -> None:
    """Your phone rings; from then on the mode can be changed by asking again."""
    contact = _live(request)
    supervisor = request.services.dispatcher.board.handlers[request.handler]
    if not supervisor.extension:
        raise Conflict("You have no phone: an extension is needed to listen.")
    wish = tell_to.Supervise(supervisor.id, supervisor.extension, request.body.mode)
    calls_of(request).check(contact.reference, wish)
    there = any(guest.role == "supervisor" and guest.handler == supervisor.id for guest in contact.guests)
    if not there:
        event = PartyRung(contact.reference, request.who.by, "supervisor", supervisor.id, supervisor.id)
        await request.services.dispatcher.submit(event)
    what = f"supervision of the call: {request.body.mode}"
    await request.services.dispatcher.submit(
        Recorded(what, request.who.by, why=request.body.reason, reference=contact.reference)
    )
    try:
        await calls_of(request).ask(contact.reference, wish)
    except ChannelError as error:
        if not there:
            left = PartyLeft(contact.reference, supervisor.id, str(error), supervisor.id)
            await request.services.dispatcher.submit(left)
        raise


async def stop_supervising(request: Request[Nothing, Nothing]) -> None:
    contact = _live(request)
    await calls_of(request).ask(contact.reference, tell_to.StopSupervising("left the call"))


async def take_over(request: Request[Nothing, ReasonBody]) -> None:
    """The caller is yours from now on, also one who waits; a handler is released to their wrap-up."""
    contact = _live(request)
    await calls_of(request).ask(contact.reference, tell_to.TakeOver(request.body.reason))


def _live(request: Request[Any, Any]) -> Contact:
    contact = open_contact(request)
    if not contact.live:
        raise Conflict(f"Nobody is on the line in {contact.reference}.")
    return contact


BASE = "/api/v1/contacts/{reference}"
CALL = f"{BASE}/call"
ROUTES = (
    Route("POST", CALL, "Call the person: my phone first, then theirs", "handler", dial),
    Route("PUT", f"{BASE}/safety", "Say how safe it is to reach the person", "handler", mark_safety),
    Route("POST", f"{BASE}/wrap-up/extend", "Take longer over the wrap-up", "handler", extend_wrap_up),
    Route("PUT", f"{CALL}/hold", "Put the caller on hold, or take them back", "handler", hold),
    Route("PUT", f"{CALL}/mute", "Mute or unmute my microphone", "handler", mute),
    Route("PUT", f"{CALL}/recording", "Pause the recording, or go on with it", "handler", record),
    Route("POST", f"{CALL}/digits", "Send key presses", "handler", digits),
    Route("POST", f"{CALL}/third", "Transfer, ask somebody first, or bring somebody in", "handler", bring),
    Route("POST", f"{CALL}/third/complete", "Pass the caller to whom I am talking with", "handler", complete),
    Route("DELETE", f"{CALL}/third", "Give the transfer up, or drop the third party", "handler", drop_third),
    Route("POST", f"{CALL}/voicemail", "Pass the caller to a voicemail", "handler", to_voicemail),
    Route("POST", f"{CALL}/queue", "Pass the caller to a queue", "handler", to_queue),
    Route("PUT", f"{CALL}/supervision", "Listen, whisper or barge", "supervisor", supervise),
    Route("DELETE", f"{CALL}/supervision", "Leave the call that I supervise", "supervisor", stop_supervising),
    Route("POST", f"{CALL}/take-over", "Take the caller over from the handler", "supervisor", take_over),
)
