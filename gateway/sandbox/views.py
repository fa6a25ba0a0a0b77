"""What the sandbox shows of itself, as plain values ready for JSON. Looking leaves no trace in the journal."""

from __future__ import annotations

import time
from typing import Any

from channels.email import mime
from config.numbers import e164
from gateway.api.models import contact_out, handler_out
from gateway.sandbox.mail import SentMail
from gateway.sandbox.outside import Outside, OutsideCall
from gateway.sandbox.person import Person
from gateway.sandbox.phone import PhoneEvent
from gateway.sandbox.twilio_messages import Message as CarrierMessage
from gateway.sandbox.world import World
from gateway.store.journal import Row
from gateway.story import sentence
from routing.model import Contact, Stage, rank_of
from routing.rules import Rules

TAIL_ROWS = 60
MOST_MESSAGES = 50
MOST_CLOSED = 5
# What is of no interest to somebody who watches the work: readings, tries, clock ticks.
QUIET_KINDS = frozenset({"Recorded", "SendingClaimed", "TimePassed"})
STATES = {"calling": "dials", "ringing": "hears it ring", "talking": "is answered", "idle": "is off the line"}

Values = dict[str, Any]


async def outside(out: Outside) -> Values:
    """The public's side: calls, texts, emails, and the telephones that the gateway calls."""
    world = out.world
    why = await out.gateway_trouble()
    return {
        "gateway": {"url": world.gateway_url, "runs": world.gateway.running, "ready": not why, "why": why},
        "calls": [_call(call) for call in reversed(out.calls.values())],
        "texts": [_text(message) for message in _texts(world)[-MOST_MESSAGES:]],
        "emails": [_email(mail) for mail in world.smtp.messages[-MOST_MESSAGES:]],
        "phones": [_phone(person) for person in world.people.values()],
    }


async def centre(world: World, reference: str = "") -> Values:
    """The centre's side: handlers, contacts, the end of the journal, and the whole story of one contact."""
    store = world.store()
    board = await store.board(Rules.of(world.settings), time.time())
    head = await store.head()
    rows = [row async for row in store.journal(after=max(0, head.seq - 5 * TAIL_ROWS))]
    shown = [_line(row) for row in rows if row.kind not in QUIET_KINDS]
    story = [row async for row in store.journal(reference=reference)] if reference else []
    contacts = sorted(board.contacts.values(), key=rank_of)
    closed = await store.contacts(stage=Stage.CLOSED, limit=MOST_CLOSED)
    return {
        "seq": head.seq,
        "now": time.time(),
        "handlers": [handler_out(board.handlers[h], board).model_dump(mode="json") for h in sorted(board.handlers)],
        "contacts": [contact_out(contact).model_dump(mode="json") for contact in (*contacts, *closed)],
        "journal": shown[-TAIL_ROWS:],
        "story": [_line(row) for row in story if row.kind not in QUIET_KINDS],
    }


async def call_story(out: Outside, call: OutsideCall) -> Values:
    """One call with what its telephone saw and what the gateway wrote down, in the order of time."""
    contact = await _contact_of(out.world, call)
    lines = [_seen(event) for event in call.phone.log if event.name == "state"]
    lines += [{"at": at, "who": "caller", "what": f"presses {' '.join(digits)}"} for at, digits in call.pressed]
    if contact is not None:
        rows = out.world.store().journal(reference=contact.reference)
        lines += [_line(row) async for row in rows if row.kind not in QUIET_KINDS]
    return _call(call) | {
        "contact": contact.reference if contact else "",
        "lines": sorted(lines, key=lambda line: line["at"]),
        "pressed_at": _emergency_at(out.world, call),
        "control_room_at": _control_room_at(out.world, call.begun_at),
    }


async def _contact_of(world: World, call: OutsideCall) -> Contact | None:
    """The newest contact of this number that was opened since the call was begun, or that the call came back to."""
    newest = await world.store().contacts(party="" if call.withheld else e164(call.number), limit=1)
    contact = next(iter(newest), None)
    if contact is None or contact.received_at >= call.begun_at:
        return contact
    return contact if not call.withheld and await _came_back(world, contact, call) else None


async def _came_back(world: World, contact: Contact, call: OutsideCall) -> bool:
    rows = world.store().journal(reference=contact.reference)
    return any([row.kind == "CallArrived" and row.at >= call.begun_at async for row in rows])


def _emergency_at(world: World, call: OutsideCall) -> float | None:
    """When the caller had pressed the emergency digits."""
    keys = ""
    for at, digits in call.pressed:
        keys += digits
        if world.settings.voice.emergency_digits in keys:
            return at
    return None


def _control_room_at(world: World, since: float) -> float | None:
    """When somebody in the control room first answered since then."""
    events = [event for room in world.control_rooms for event in room.log]
    return min((e.at for e in events if e.facts.get("state") == "talking" and e.at >= since), default=None)


def _line(row: Row) -> Values:
    return {
        "seq": row.seq,
        "at": row.at,
        "who": row.actor,
        "what": sentence(row),
        "kind": row.kind,
        "contact": row.reference,
        "handler": row.handler,
    }


def _seen(event: PhoneEvent) -> Values:
    return {"at": event.at, "who": "caller", "what": STATES[event.facts["state"]], "kind": "telephone"}


def _call(call: OutsideCall) -> Values:
    return {
        "id": call.id,
        "number": call.number,
        "to": call.to,
        "state": call.phone.state,
        "begun_at": call.begun_at,
        "over": call.over,
    }


def _texts(world: World) -> list[CarrierMessage]:
    both = [*world.carrier.messages, *world.second_carrier.messages]
    return sorted(both, key=lambda message: message.created)


def _text(message: CarrierMessage) -> Values:
    return {
        "id": message.sid,
        "direction": "in" if message.direction == "inbound" else "out",
        "from": message.sender,
        "to": message.recipient,
        "body": message.body,
        "status": message.status,
        "at": message.created.timestamp(),
    }


def _email(mail: SentMail) -> Values:
    message = mime.read(mail.raw)
    return {
        "id": message.message_id,
        "from": message.from_address,
        "to": ", ".join(mail.recipients),
        "subject": message.subject,
        "body": message.text.strip(),
        "at": message.date.timestamp() if message.date else None,
    }


def _phone(person: Person) -> Values:
    return {"name": person.phone.name, "state": person.phone.state, "manner": person.manner.name}
