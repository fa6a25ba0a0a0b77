"""What several resources say: contacts, offers, handlers, in the API's own words."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, StringConstraints

from channels.email.quoting import pieces
from config.numbers import for_people
from gateway.store.records import Attachment, Message
from routing.board import Board
from routing.model import Contact, FollowUp, Handler, Offer, Time

# Far from both ends of the calendar, where weeks are added to it.
Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2999, 12, 31))]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
OptionalLine = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
Prose = Annotated[str, StringConstraints(pattern=r"\S", max_length=20_000)]
OptionalProse = Annotated[str, StringConstraints(max_length=20_000)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9._-]{0,59}$")]
Password = Annotated[str, StringConstraints(min_length=12, max_length=1024)]
RoleName = Literal["handler", "supervisor", "administrator"]


def moment(at: Time) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def time_of(given: datetime, zone: ZoneInfo) -> Time:
    """What somebody has typed: without a time zone it is of this one."""
    return (given if given.tzinfo else given.replace(tzinfo=zone)).timestamp()


def moment_or_none(at: Time | None) -> datetime | None:
    return None if at is None else moment(at)


class PartyOut(BaseModel):
    """``address``: a telephone number in E.164, or an email address; ``shown`` is how a person writes it."""

    address: str
    shown: str
    name: str
    withheld: bool


class OfferOut(BaseModel):
    """``by_phone``: accepted by answering the phone, not here. ``broadcast``: an emergency that others are shown as
    well; accepting such a call makes the own phone ring."""

    id: str
    contact: str
    handler: str
    channel: str
    by_phone: bool
    broadcast: bool
    made_at: datetime
    expires_at: datetime


class GradedOut(BaseModel):
    grade: str
    by: str
    at: datetime


class HandoverOut(BaseModel):
    """``state``: calling, joined (acknowledged by a person) or ended."""

    state: str
    by: str
    target: str
    started_at: datetime
    joined_at: datetime | None


class GuestOut(BaseModel):
    """Somebody who was brought into the call; ``answered_at`` is null while they are rung."""

    target: str
    role: str
    handler: str
    answered_at: datetime | None


class FoundOut(BaseModel):
    """``kind``: place, service, direction, carriage, time, weapon, injury, self_harm, cannot_speak or
    unsafe_to_write; ``words`` as written."""

    kind: str
    words: str


class ContactOut(BaseModel):
    """``guests`` are in the call as well; ``passed_to`` has the caller alone; ``safety`` says whether the person may
    be called; ``silent``: nothing was heard of them yet;
    ``voicemail_silent``: nor in their voicemail. ``due_at``: an emergency is due at once. ``bumps``: why it is served
    sooner (vulnerable, repeat, cut_off). ``handler`` has it now, ``owner`` had it last; ``wrap_ups`` are the handlers
    who still write it up. ``sounds_like`` says why its words sound like an emergency, '' when they do not; ``found``
    is what they name."""

    reference: str
    channel: str
    queue: str
    stage: str
    work: str
    emergency: bool
    bumps: list[str]
    language: str
    live: bool
    party: PartyOut
    our_address: str
    subject: str
    linked_to: str
    received_at: datetime
    due_at: datetime
    queued_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    closed_at: datetime | None
    handler: str
    owner: str
    wrap_ups: list[str]
    guests: list[GuestOut]
    passed_to: str
    held: bool
    held_at_phone: bool
    no_sound: list[str]
    recording_paused: bool
    silent: bool
    voicemail_silent: bool
    safety: str
    offers: list[OfferOut]
    handover: HandoverOut | None
    grades: list[GradedOut]
    disposition: str
    follow_ups_open: int
    sounds_like: str
    found: list[FoundOut]


class OtherContactOut(BaseModel):
    """Another contact of the same person, open or closed."""

    reference: str
    channel: str
    queue: str
    stage: str
    emergency: bool
    received_at: datetime
    closed_at: datetime | None


class FollowUpOut(BaseModel):
    id: str
    contact: str
    channel: str
    purpose: str
    address: str
    shown: str
    not_before: datetime
    not_after: datetime
    owner: str
    state: str
    attempts: int
    outcomes: list[str]


class AttachmentOut(BaseModel):
    """``available``: it can be downloaded; otherwise ``filename`` says why not, or it is still being fetched."""

    id: str
    filename: str
    content_type: str
    size: int
    sha256: str
    available: bool


class PieceOut(BaseModel):
    """Some lines of an email. ``quoted``: they are of an earlier one, or say whose it is."""

    text: str
    quoted: bool


class MessageOut(BaseModel):
    """``at``: when we had it; ``sent_at``: when the carrier did, where it says so.

    ``body`` is plain text as it came, and ``pieces`` are those of an email in their order, so that a desk can fold what
    is quoted; ``html`` was sanitised on arrival. ``problems``: what was wrong with it;
    ``authentication``: what our mail server found out about the sender; ``language``: an ISO code."""

    id: str
    channel: str
    direction: str
    sender: str
    recipient: str
    subject: str
    body: str
    pieces: list[PieceOut]
    html: str
    at: datetime
    sent_at: datetime | None
    by: str
    automatic: bool
    status: str
    problems: str
    authentication: str
    language: str
    attachments: list[AttachmentOut]


class PresenceOut(BaseModel):
    state: str
    reason: str


class HandlerOut(BaseModel):
    """``doing``: nothing, ringing, on_contact or wrap_up. ``reserved``: kept for emergencies."""

    id: str
    name: str
    centre: str
    skills: list[str]
    extension: str
    text_capacity: int
    email_capacity: int
    reserved: bool
    auto_answer: bool
    presence: PresenceOut
    doing: str


def offer_out(offer: Offer) -> OfferOut:
    return OfferOut(
        id=offer.id,
        contact=offer.reference,
        handler=offer.handler,
        channel=offer.channel,
        by_phone=offer.by_phone,
        broadcast=offer.broadcast,
        made_at=moment(offer.made_at),
        expires_at=moment(offer.expires_at),
    )


def contact_out(contact: Contact) -> ContactOut:
    party, handover = contact.party, contact.handover
    shown = for_people(party.address)
    return ContactOut(
        party=PartyOut(address=party.address, shown=shown, name=party.name, withheld=party.withheld),
        received_at=moment(contact.received_at),
        due_at=moment(contact.due),
        queued_at=moment_or_none(contact.queued_at),
        answered_at=moment_or_none(contact.answered_at),
        ended_at=moment_or_none(contact.ended_at),
        closed_at=moment_or_none(contact.closed_at),
        handler=contact.assignment.handler if contact.assignment else "",
        wrap_ups=[w.handler for w in contact.wrap_ups],
        guests=[
            GuestOut(target=g.target, role=g.role, handler=g.handler, answered_at=moment_or_none(g.answered_at))
            for g in contact.guests
        ],
        bumps=list(contact.bumps),
        offers=[offer_out(o) for o in contact.offers],
        handover=HandoverOut(
            state=handover.state,
            by=handover.by,
            target=handover.target,
            started_at=moment(handover.started_at),
            joined_at=moment_or_none(handover.joined_at),
        )
        if handover
        else None,
        no_sound=list(contact.no_sound),
        found=[FoundOut(kind=f.kind, words=f.words) for f in contact.found],
        grades=[GradedOut(grade=g.grade, by=g.by, at=moment(g.at)) for g in contact.grades],
        **_same(
            contact, "reference channel queue stage work emergency language live our_address subject linked_to owner "
            "passed_to held held_at_phone recording_paused silent voicemail_silent safety disposition follow_ups_open "
            "sounds_like",
        ),
    )  # fmt: skip


def other_contact_out(contact: Contact) -> OtherContactOut:
    return OtherContactOut(
        received_at=moment(contact.received_at),
        closed_at=moment_or_none(contact.closed_at),
        **_same(contact, "reference channel queue stage emergency"),
    )


def follow_up_out(follow_up: FollowUp) -> FollowUpOut:
    return FollowUpOut(
        contact=follow_up.reference,
        not_before=moment(follow_up.not_before),
        not_after=moment(follow_up.not_after),
        outcomes=list(follow_up.outcomes),
        shown=for_people(follow_up.address),
        **_same(follow_up, "id channel purpose address owner state attempts"),
    )


def message_out(message: Message, attachments: list[Attachment]) -> MessageOut:
    return MessageOut(
        at=moment(message.at),
        sent_at=moment_or_none(message.sent_at),
        attachments=[attachment_out(a) for a in attachments if a.message == message.id],
        pieces=_pieces(message),
        **_same(
            message,
            "id channel direction sender recipient subject body html by automatic status "
            "problems authentication language",
        ),
    )  # fmt: skip


def _pieces(message: Message) -> list[PieceOut]:
    found = pieces(message.body, message.subject) if message.channel == "email" else ()
    return [PieceOut(text=piece.text, quoted=piece.quoted) for piece in found]


def attachment_out(attachment: Attachment) -> AttachmentOut:
    available = attachment.path.startswith("/")
    return AttachmentOut(available=available, **_same(attachment, "id filename content_type size sha256"))


def handler_out(handler: Handler, board: Board) -> HandlerOut:
    return HandlerOut(
        skills=sorted(handler.skills),
        presence=PresenceOut(state=handler.presence.state, reason=handler.presence.reason),
        doing=board.doing(handler.id),
        **_same(handler, "id name centre extension text_capacity email_capacity auto_answer reserved"),
    )


def _same(value: Any, names: str) -> dict[str, Any]:
    """The fields that keep their name and value."""
    return {name: getattr(value, name) for name in names.split()}
