"""What a handler does with a contact: notes, grades, emergencies, the call, the wrap-up."""

from __future__ import annotations

from typing import Any

from channels.voice import instructions as tell_to
from gateway.api.consultation import contact_for
from gateway.api.models import ContactOut, Line, OptionalLine, OptionalProse, Prose
from gateway.api.problems import BadRequest, Conflict, FieldError, NotAllowed, NotFound
from gateway.api.routes import In, Nothing, Request, Route
from gateway.api.services import CallControl, Services
from routing.events import EmergencyRaised, GradeGiven, NoteAdded, Recorded, VulnerableMarked, WrapUpCompleted
from routing.model import Contact, HandoverState


class NoteBody(In):
    text: Prose


class GradeBody(In):
    """A grade of the site's table; see GET /api/v1/settings/desk."""

    grade: Line
    rationale: OptionalProse = ""


class EmergencyBody(In):
    """``how``: what makes it one."""

    how: Line


class WrapUpBody(In):
    """``handler``: for a supervisor who completes it in a handler's place. ``seen``: the newest message on the
    screen; when a newer one has come, the contact stays open. Without it nothing is checked."""

    disposition: Line
    grade: OptionalLine = ""
    notes: OptionalProse = ""
    handler: OptionalLine = ""
    seen: OptionalLine = ""


# --- who may ---------------------------------------------------------------------------------------------


def open_contact(request: Request[Any, Any]) -> Contact:
    """Raises NotFound."""
    reference = request.path["reference"]
    contact = request.services.dispatcher.board.open_contact(reference)
    if contact is None:
        raise NotFound(f"{reference} is closed, or there is no such contact.")
    return contact


def require_mine(request: Request[Any, Any], contact: Contact) -> None:
    """Raises NotAllowed for anyone but its handler and supervisors."""
    having = contact.assignment.handler if contact.assignment else ""
    if request.who.may("supervisor") or (having and having == request.who.handler):
        return
    whose = f"it is with {having}" if having else "nobody has it"
    raise NotAllowed(f"{contact.reference} is not yours: {whose}.")


# --- notes, grades, emergencies ----------------------------------------------------------------------------


async def add_note(request: Request[Nothing, NoteBody]) -> None:
    contact = open_contact(request)
    await request.services.dispatcher.submit(NoteAdded(contact.reference, request.who.by, request.body.text))


async def give_grade(request: Request[Nothing, GradeBody]) -> ContactOut:
    """A regrade is appended, never overwrites."""
    contact, body = open_contact(request), request.body
    _known_grade(request.services, body.grade)
    await _raise_if_emergency(request, contact, body.grade)
    await request.services.dispatcher.submit(GradeGiven(contact.reference, request.who.by, body.grade, body.rationale))
    return contact_for(request, open_contact(request))


async def raise_emergency(request: Request[Nothing, EmergencyBody]) -> ContactOut:
    """Any handler may: a false alarm costs less than a missed one."""
    contact = open_contact(request)
    await request.services.dispatcher.submit(EmergencyRaised(contact.reference, request.who.by, request.body.how))
    return contact_for(request, open_contact(request))


async def mark_vulnerable(request: Request[Nothing, Nothing]) -> ContactOut:
    """They are served sooner from now on, by the site's rules."""
    contact = open_contact(request)
    await request.services.dispatcher.submit(VulnerableMarked(contact.reference, request.who.by))
    return contact_for(request, open_contact(request))


async def _raise_if_emergency(request: Request[Any, Any], contact: Contact, grade: str) -> None:
    """Before the grade is written: whatever fails afterwards, the control room is on its way."""
    grades = {g.id: g for g in request.services.settings.grades}
    if grade and grades[grade].emergency and not contact.emergency:
        how = f"graded {grades[grade].name}"
        await request.services.dispatcher.submit(EmergencyRaised(contact.reference, request.who.by, how))


def _known_grade(services: Services, grade: str) -> None:
    _known("grade", grade, [g.id for g in services.settings.grades])


def _known(field: str, value: str, allowed: list[str]) -> None:
    if value not in allowed:
        why = f"there is no '{value}'; there are: {', '.join(allowed)}"
        raise BadRequest("Some fields are not right.", [FieldError(field=field, why=why)])


# --- the call ----------------------------------------------------------------------------------------------


async def leave(request: Request[Nothing, Nothing]) -> None:
    """The handler goes, the caller stays: only once somebody in the control room hears the caller."""
    contact = on_the_line(request)
    if contact.handover is None or contact.handover.state is not HandoverState.JOINED:
        raise Conflict("The control room is not on the line: the caller would be alone. Stay with them.")
    await calls_of(request).ask(contact.reference, tell_to.Leave(), handler=assigned(contact))


async def end(request: Request[Nothing, Nothing]) -> None:
    """Not while the control room is being called, unless a supervisor says so."""
    contact = on_the_line(request)
    calling = contact.handover is not None and contact.handover.state is HandoverState.CALLING
    if calling and not request.who.may("supervisor"):
        raise Conflict("The control room is being called for this caller: stay until it answers.")
    handler = assigned(contact)
    await calls_of(request).ask(contact.reference, tell_to.HangUp(request.who.by), handler=handler)


def on_the_line(request: Request[Any, Any]) -> Contact:
    contact = open_contact(request)
    require_mine(request, contact)
    if not contact.live:
        raise Conflict(f"Nobody is on the line in {contact.reference}.")
    return contact


def assigned(contact: Contact) -> str:
    return contact.assignment.handler if contact.assignment else ""


def calls_of(request: Request[Any, Any]) -> CallControl:
    if request.services.calls is None:
        raise Conflict("This site takes no calls: voice.enabled is false in its configuration.")
    return request.services.calls


# --- the wrap-up -------------------------------------------------------------------------------------------


async def wrap_up(request: Request[Nothing, WrapUpBody]) -> None:
    contact, body = open_contact(request), request.body
    settings, submit = request.services.settings, request.services.dispatcher.submit
    _known("disposition", body.disposition, [d.id for d in settings.dispositions])
    if body.grade:
        _known_grade(request.services, body.grade)
    handler = await _whose_wrap_up(request, contact)
    await _raise_if_emergency(request, contact, body.grade)
    seen = body.seen or None
    await submit(WrapUpCompleted(contact.reference, handler, body.disposition, body.grade, body.notes, seen))


async def _whose_wrap_up(request: Request[Nothing, WrapUpBody], contact: Contact) -> str:
    """The asking handler, or the one a supervisor stands in for; that is journalled."""
    named = request.body.handler
    if not named or named == request.who.handler:
        return request.handler
    if not request.who.may("supervisor"):
        raise NotAllowed("Only a supervisor can complete the wrap-up of somebody else.")
    if named not in request.services.dispatcher.board.handlers:
        raise BadRequest("Some fields are not right.", [FieldError(field="handler", why=f"there is no '{named}'")])
    what = f"wrap-up completed for {named}"
    await request.services.dispatcher.submit(Recorded(what, request.who.by, reference=contact.reference))
    return named


BASE = "/api/v1/contacts/{reference}"
ROUTES = (
    Route("POST", f"{BASE}/notes", "Write a note", "handler", add_note),
    Route("POST", f"{BASE}/grade", "Give a grade; an emergency grade raises the emergency", "handler", give_grade),
    Route("POST", f"{BASE}/vulnerable", "Mark the person as vulnerable: served sooner", "handler", mark_vulnerable),
    Route("POST", f"{BASE}/emergency", "Raise an emergency", "handler", raise_emergency),
    Route("POST", f"{BASE}/leave", "Leave the caller with the control room", "handler", leave),
    Route("POST", f"{BASE}/end", "End the call", "handler", end),
    Route("POST", f"{BASE}/wrap-up", "Finish with a disposition", "handler", wrap_up),
)
