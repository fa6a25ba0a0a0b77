"""Addresses and numbers whose messages are set aside, and what was: kept, listed, and taken when that was wrong.

Calls are always answered, whoever calls.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, StringConstraints

from config.numbers import e164, person_of
from config.settings import Settings
from gateway.api.consultation import Consultation
from gateway.api.models import MessageOut, Prose, message_out, moment
from gateway.api.problems import BadRequest, NotFound
from gateway.api.routes import In, Nothing, Request, Route
from gateway.api.services import Services
from gateway.emails.intake import is_one_of
from gateway.emails.threads import doubt_of
from gateway.references import new_reference
from gateway.store.records import Block, Message
from gateway.texts.intake import thread_of
from routing.events import MessageArrived, Recorded
from routing.model import Channel, Party

SET_ASIDE_SHOWN = 200

EMAIL = re.compile(r"[^@\s]*@[^@\s]+")
SIP_USER = re.compile(r"^sips?:([^@;]*)")
TELEPHONE = re.compile(r"\+[1-9][0-9]{6,14}")


def blockable(text: str) -> str:
    """An email address or domain in lower case, a telephone number in E.164. Raises ValueError for anything else, so
    that whoever withholds their number, or writes from a name, is never blocked with all others who do."""
    if EMAIL.fullmatch(text):
        return text.lower()
    number = e164(person_of(text.strip()))
    if TELEPHONE.fullmatch(number):
        return number
    raise ValueError("must be an email address, a domain such as @example.org, or a telephone number")


Address = Annotated[str, StringConstraints(max_length=320), AfterValidator(blockable)]


class BlockBody(In):
    """``address``: somebody@example.org; a whole domain as @example.org (none below it, as sub.example.org); or a
    telephone number in any spelling, for its texts and WhatsApp. None of ours, the control room's or an interpreter's.
    ``until`` none: until it is lifted."""

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
    """``reference``: the contact that has the message now."""

    reference: str


async def listing(request: Request[Nothing, Nothing]) -> list[BlockOut]:
    """Those in force."""
    now = request.services.clock()
    in_force = await request.services.store.look(lambda looks: looks.blocks_in_force(now))
    return [_out(block) for block in sorted(in_force, key=lambda b: b.address)]


async def create(request: Request[Nothing, BlockBody]) -> BlockOut:
    """A block on the same address replaces the earlier one."""
    services, body = request.services, request.body
    now = services.clock()
    until = body.until.timestamp() if body.until else None
    if until is not None and until <= now:
        raise BadRequest("The block would be over already: give a time to come, or none.")
    if whose := _not_strangers(services.settings).get(body.address):
        raise BadRequest(f"{body.address} is {whose} and cannot be blocked.")
    block = Block(body.address, body.reason, request.who.by, now, until)
    lasting = f"until {body.until.isoformat()}" if body.until else "until it is lifted"
    event = Recorded(f"{_what(block.address)} from {block.address} blocked {lasting}", request.who.by, block.reason)
    await services.dispatcher.submit(event, block)
    return _out(block)


def _not_strangers(settings: Settings) -> dict[str, str]:
    """The addresses, domains and numbers that are never blocked, and whose they are."""
    mailboxes = [mailbox.address.lower() for mailbox in settings.email.mailboxes]
    texts, calls = [n.number for n in settings.text.numbers], [n.number for n in settings.voice.numbers]
    control_room = [SIP_USER.findall(target.uri)[0] for target in settings.control_room.targets]
    return {
        **{e164(one.number): f"the interpreter's ({one.language})" for one in settings.voice.interpreters},
        **{e164(user): "the control room's" for user in control_room},
        **{e164(number): "ours" for number in (*texts, *calls, settings.follow_ups.caller_id)},
        **dict.fromkeys((*mailboxes, *(f"@{address.rpartition('@')[2]}" for address in mailboxes)), "ours"),
    }


async def lift(request: Request[Nothing, Nothing]) -> None:
    """Journalled first: a removal that is on record but failed is tried again, the other way round is not seen."""
    given, services = request.path["address"], request.services
    try:
        address = blockable(given)
    except ValueError:
        raise NotFound(f"{given} is not blocked.") from None
    now = services.clock()
    (block,) = await services.store.look(lambda looks: looks.blocks_of(address, now=now))
    if block is None or block.address != address:  # its whole domain may be
        raise NotFound(f"{address} is not blocked.")
    lifted = Recorded(f"block on {_what(address)} from {address} lifted", request.who.by)
    await services.dispatcher.submit(lifted)
    await services.store.lift_block(address)


async def set_aside(request: Request[Consultation, Nothing]) -> list[MessageOut]:
    """The newest 200."""
    services = request.services
    await services.dispatcher.submit(Recorded("what was set aside read", request.who.by, request.query.reason))
    messages = await services.store.set_aside(SET_ASIDE_SHOWN)
    attachments = await services.store.attachments(*(m.id for m in messages))
    return [message_out(m, attachments) for m in messages]


async def take(request: Request[Nothing, Nothing]) -> TakenOut:
    """It becomes a contact in the queue of its mailbox or number. Doing it twice takes it once."""
    services = request.services
    message = await services.store.message(request.path["id"])
    if message is None or message.status != "set_aside":
        raise NotFound("No such message is set aside.")
    event = _text_arrived(services, message) if message.channel == "text" else _mail_arrived(services, message)
    await services.dispatcher.submit(Recorded("what was set aside taken", request.who.by, f"message {message.id}"))
    taken = replace(message, status="received", by="caller", provider_key=f"{message.provider_key}:taken")
    outcome = await services.dispatcher.submit(event, taken)
    return TakenOut(reference=outcome.reference)


def _text_arrived(services: Services, message: Message) -> MessageArrived:
    """Raises NotFound."""
    if not services.settings.text.numbers:
        raise NotFound("There are no numbers of ours for texts any more.")
    return MessageArrived(
        reference=new_reference(),
        message=message.id,
        channel=Channel.TEXT,
        queue=services.settings.text.queue_of(message.recipient),
        party=Party(message.sender),
        our_address=message.recipient,
        thread=thread_of(message.recipient, message.sender),
        waited=services.clock() - message.at,
    )


def _mail_arrived(services: Services, message: Message) -> MessageArrived:
    """Raises NotFound."""
    mailbox = services.letters.mailbox(message.recipient)
    if mailbox is None:
        raise NotFound(f"{message.recipient} is no mailbox of ours any more.")
    ours = [one.address.lower() for one in services.settings.email.mailboxes]
    return MessageArrived(
        reference=new_reference(),
        message=message.id,
        channel=Channel.EMAIL,
        queue=mailbox.queue,
        party=Party(message.sender),
        our_address=mailbox.address,
        thread=f"email:{message.sha256 or message.id}",
        subject=message.subject,
        automatic=message.automatic or is_one_of(message.sender, ours),
        language=message.language,
        doubtful=doubt_of(message.authentication),
        waited=services.clock() - message.at,
    )


def _what(address: str) -> str:
    return "mail" if "@" in address else "texts"


def _out(block: Block) -> BlockOut:
    until = None if block.expires_at is None else moment(block.expires_at)
    return BlockOut(address=block.address, reason=block.reason, by=block.by, at=moment(block.at), until=until)


ROUTES = (
    Route("GET", "/api/v1/blocks", "Addresses and numbers whose messages are set aside now", "supervisor", listing),
    Route("POST", "/api/v1/blocks", "Set aside what comes from an address or a number", "supervisor", create, 201),
    Route("DELETE", "/api/v1/blocks/{address}", "Lift a block", "supervisor", lift),
    Route("GET", "/api/v1/set-aside", "Mail and texts that were set aside", "supervisor", set_aside),
    Route("POST", "/api/v1/set-aside/{id}/take", "Take a message that was set aside", "supervisor", take),
)
