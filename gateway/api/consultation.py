"""Reading what is on record about people: who read it and why goes into the journal before anything is shown
(Data Protection Act 2018, s.62)."""

from __future__ import annotations

from typing import Any

from gateway.api.models import ContactOut, Reason, contact_out
from gateway.api.problems import BadRequest, FieldError, NotFound
from gateway.api.routes import In, Request
from gateway.api.services import Services
from gateway.discretion import Discretion
from routing.events import Recorded
from routing.model import Contact


class Consultation(In):
    """``reason``: why you read it; needed unless you have the contact."""

    reason: Reason = ""


async def current(services: Services, reference: str) -> Contact:
    """The contact as it is now, open or closed. Raises NotFound, StoreError."""
    contact = services.dispatcher.board.open_contact(reference) or await services.store.contact(reference)
    if contact is None:
        raise NotFound(f"There is no contact {reference}.")
    return contact


async def consult(request: Request[Any, Any], what: str, reason: str, *, always: bool = False) -> Contact:
    """The contact in the path, once the reading is journalled; ``always``: having it is not reason enough.

    Raises NotFound, BadRequest without a reason, NotWritten.
    """
    contact = await current(request.services, request.path["reference"])
    mine = has(contact, request.who.handler)
    if not reason and (always or not mine):
        raise reason_missing()
    await request.services.dispatcher.submit(
        Recorded(what, request.who.by, reason or "has the contact", contact.reference)
    )
    return contact


def contact_for(request: Request[Any, Any], contact: Contact) -> ContactOut:
    """The contact as the one who asks may see it."""
    everything = request.who.may("supervisor")
    return contact_out(contact if everything else Discretion.of(request.services.settings.voice).seen(contact))


def has(contact: Contact, handler: str) -> bool:
    """Whether the open contact is with this handler: offered, assigned, in wrap-up, or theirs to resolve."""
    if not handler or contact.closed_at is not None:
        return False
    assigned = [contact.assignment.handler] if contact.assignment else []
    with_it = [*assigned, contact.owner, *(o.handler for o in contact.offers), *(w.handler for w in contact.wrap_ups)]
    return handler in with_it


def reason_missing() -> BadRequest:
    why = "say why you read this; it is kept in the journal"
    return BadRequest("A reason is needed to read this.", [FieldError(field="reason", why=why)])
