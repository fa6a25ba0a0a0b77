"""Addresses whose mail is set aside, and the mail that was: kept, listed, and taken when it should not have been."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field

from gateway.api.consultation import Consultation
from gateway.api.models import MessageOut, Prose, message_out, moment
from gateway.api.problems import BadRequest, NotFound
from gateway.api.routes import In, Nothing, Request, Route
from gateway.references import new_reference
from gateway.store.records import Block
from routing.events import MessageArrived, Recorded
from routing.model import Channel, Party

SET_ASIDE_SHOWN = 200

Address = Annotated[str, Field(pattern=r"^[^@\s]*@[^@\s]+$", max_length=320)]


class BlockBody(In):
    """``address``: somebody@example.org, or a whole domain as @example.org; ``until`` none: until it is lifted."""

    address: Address
    reason: Prose
    until: AwareDatetime | None = None


class BlockOut(BaseModel):
    address: str
    reason: str
    by: str
    at: datetime
    until: datetime | None


class TakenOut(BaseModel):
    """``reference``: the contact that has the mail now."""

    reference: str


async def listing(request: Request[Nothing, Nothing]) -> list[BlockOut]:
    return [_out(block) for block in sorted(await request.services.store.blocks(), key=lambda b: b.address)]


async def create(request: Request[Nothing, BlockBody]) -> BlockOut:
    """A block on the same address replaces the earlier one."""
    services, body = request.services, request.body
    now = services.clock()
    until = body.until.timestamp() if body.until else None
    if until is not None and until <= now:
        raise BadRequest("The block would be over already: give a time to come, or none.")
    block = Block(body.address.lower(), body.reason, request.who.by, now, until)
    lasting = f"until {body.until.isoformat()}" if body.until else "until it is lifted"
    event = Recorded(f"mail from {block.address} blocked {lasting}", request.who.by, block.reason)
    await services.dispatcher.submit(event, block)
    return _out(block)


async def lift(request: Request[Nothing, Nothing]) -> None:
    """Journalled first: a removal that is on record but failed is tried again, the other way round is not seen."""
    address = request.path["address"].lower()
    store = request.services.store
    if not any(block.address == address for block in await store.blocks()):
        raise NotFound(f"{address} is not blocked.")
    await request.services.dispatcher.submit(Recorded(f"block on mail from {address} lifted", request.who.by))
    await store.lift_block(address)


async def set_aside(request: Request[Consultation, Nothing]) -> list[MessageOut]:
    """The newest 200."""
    services = request.services
    await services.dispatcher.submit(Recorded("mail that was set aside read", request.who.by, request.query.reason))
    messages = await services.store.set_aside(SET_ASIDE_SHOWN)
    attachments = await services.store.attachments(*(m.id for m in messages))
    return [message_out(m, attachments) for m in messages]


async def take(request: Request[Nothing, Nothing]) -> TakenOut:
    """It becomes a contact in its mailbox's queue. Doing it twice takes it once."""
    services = request.services
    message = await services.store.message(request.path["id"])
    if message is None or message.status != "set_aside":
        raise NotFound("No such mail is set aside.")
    mailbox = services.letters.mailbox(message.recipient)
    if mailbox is None:
        raise NotFound(f"{message.recipient} is no mailbox of ours any more.")
    event = MessageArrived(
        reference=new_reference(),
        message=message.id,
        channel=Channel.EMAIL,
        queue=mailbox.queue,
        party=Party(message.sender),
        our_address=mailbox.address,
        thread=f"email:{message.header_id or message.sha256}",
        subject=message.subject,
        automatic=message.automatic,
        language=message.language,
    )
    await services.dispatcher.submit(Recorded("mail that was set aside taken", request.who.by, f"message {message.id}"))
    taken = replace(message, status="received", by="caller", provider_key=f"{message.provider_key}:taken")
    outcome = await services.dispatcher.submit(event, taken)
    return TakenOut(reference=outcome.reference)


def _out(block: Block) -> BlockOut:
    until = None if block.expires_at is None else moment(block.expires_at)
    return BlockOut(address=block.address, reason=block.reason, by=block.by, at=moment(block.at), until=until)


ROUTES = (
    Route("GET", "/api/v1/blocks", "Addresses whose mail is set aside", "supervisor", listing),
    Route("POST", "/api/v1/blocks", "Set mail from an address aside", "supervisor", create, 201),
    Route("DELETE", "/api/v1/blocks/{address}", "Lift a block", "supervisor", lift),
    Route("GET", "/api/v1/set-aside", "Mail that was set aside", "supervisor", set_aside),
    Route("POST", "/api/v1/set-aside/{id}/take", "Take mail that was set aside", "supervisor", take),
)
