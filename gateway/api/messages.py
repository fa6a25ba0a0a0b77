"""The texts and emails of a contact, what came with them, and our replies."""

from __future__ import annotations

import asyncio
import base64
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, Field, StringConstraints

from channels.text.addresses import unanswerable
from channels.text.segments import measured
from config.templates import LONGEST_TEXT, Template
from config.text import LARGEST_PICTURES
from gateway.api.casework import open_contact, require_mine
from gateway.api.consultation import Consultation, consult
from gateway.api.models import Line, MessageOut, OptionalLine, OptionalProse, message_out
from gateway.api.problems import BadRequest, Conflict, FieldError, NotFound, TooLarge
from gateway.api.routes import BODY_BYTES, In, Nothing, Request, Route
from gateway.store.records import Attachment, Message
from gateway.texts.pictures import FENCED, kept
from routing.events import ReplyWritten
from routing.model import Channel, Contact
from routing.safety import unsent

MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,64}/[a-z0-9.+-]{1,128}")
MOST_PICTURES = 10
# Base64 takes four bytes for three; the rest is words.
REPLY_BYTES = LARGEST_PICTURES * 4 // 3 + BODY_BYTES
KEY = re.compile(r"[\x21-\x7e]{1,100}")


def _decoded(text: object) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except ValueError:
        raise ValueError("must be base64") from None


class PictureBody(In):
    """``content``: base64."""

    filename: Line
    content_type: Annotated[str, StringConstraints(pattern=r"^[a-z0-9.+-]{1,64}/[a-z0-9.+-]{1,128}$")]
    content: Annotated[bytes, BeforeValidator(_decoded)]


class ReplyBody(In):
    """Free words (``body``), or a ``template`` in a ``language`` with its ``values``. A text can have ``pictures``,
    with words or alone."""

    body: OptionalProse = ""
    template: OptionalLine = ""
    language: OptionalLine = ""
    values: dict[str, Line] = Field(default_factory=dict)
    pictures: tuple[PictureBody, ...] = ()


class LengthOut(BaseModel):
    """What a text takes: ``encoding`` GSM-7 (160 ``units``, or 153 in each part) or UCS-2 (70, or 67) because of the
    characters ``beyond``."""

    encoding: str
    units: int
    segments: int
    beyond: str


class PreviewOut(BaseModel):
    """What would be sent, and ``refused``: why it would not, '' when it would. ``length``: of a text.
    ``other_language``: that the template has no words in the person's language, '' when it has."""

    body: str
    refused: str
    other_language: str
    length: LengthOut | None


class ReplyOut(BaseModel):
    """``id`` of the message; ``duplicate``: the same Idempotency-Key was used before and nothing was sent again."""

    id: str
    duplicate: bool


async def read(request: Request[Consultation, Nothing]) -> list[MessageOut]:
    contact = await consult(request, "messages read", request.query.reason)
    store = request.services.store
    messages = await store.messages(contact.reference)
    attachments = await store.attachments(*(m.id for m in messages))
    return [message_out(m, attachments) for m in messages]


async def download(request: Request[Consultation, Nothing]) -> web.StreamResponse:
    contact = await consult(request, f"attachment {request.path['id']} read", request.query.reason)
    store, settings = request.services.store, request.services.settings
    messages = await store.messages(contact.reference)
    attachments = await store.attachments(*(m.id for m in messages))
    found = next((a for a in attachments if a.id == request.path["id"]), None)
    if found is None:
        raise NotFound(f"{contact.reference} has no attachment {request.path['id']}.")
    path = await asyncio.to_thread(stored_file, found.path, settings.text.media_dir, settings.email.raw_dir)
    media_type = found.content_type if MEDIA_TYPE.fullmatch(found.content_type) else "application/octet-stream"
    return web.FileResponse(
        path,
        headers={
            **FENCED,
            "Content-Type": media_type,
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.filename, safe='')}",
        },
    )


def stored_file(path: str, *folders: Path) -> Path:
    """The file, if it is there and lies in one of our folders. Raises NotFound."""
    resolved = Path(path).resolve()
    if not path or not any(resolved.is_relative_to(folder.resolve()) for folder in folders) or not resolved.is_file():
        raise NotFound("This file is not here: it is still being fetched, was refused, or was erased.")
    return resolved


async def reply(request: Request[Nothing, ReplyBody]) -> ReplyOut:
    """Repeating it with the same Idempotency-Key sends nothing twice."""
    services = request.services
    contact = open_contact(request)
    require_mine(request, contact)
    _can_be_answered(contact)
    _check_pictures(request, contact)
    body = _words(request, contact)
    answers = await _latest_from_person(request, contact)
    message_id, now = services.new_id(), services.clock()
    records = services.letters.reply(message_id, contact, body, request.who.by, now, answers)
    provider_key = _provider_key(request, contact)
    keyed = [replace(r, provider_key=provider_key) if isinstance(r, Message) else r for r in records]
    if why := _unsent(request, contact, body):
        raise Conflict(why)  # before anything is kept
    pictures = await _kept(request, message_id)
    hashes = tuple(picture.sha256 for picture in pictures)
    event = ReplyWritten(contact.reference, message_id, request.who.by, services.letters.telling(body), hashes)
    outcome = await services.dispatcher.submit(event, *keyed, *pictures)
    if not outcome.duplicate or provider_key is None:
        return ReplyOut(id=message_id, duplicate=False)
    before = await services.store.message_by(provider_key=provider_key)
    return ReplyOut(id=before.id if before else message_id, duplicate=True)


async def preview(request: Request[Nothing, ReplyBody]) -> PreviewOut:
    """Nothing is sent or written down."""
    contact = open_contact(request)
    require_mine(request, contact)
    _can_be_answered(contact)
    body = _words(request, contact)
    refused = _unsent(request, contact, body)
    length = LengthOut(**asdict(measured(body))) if contact.channel is Channel.TEXT else None
    return PreviewOut(body=body, refused=refused, other_language=_other_language(request, contact), length=length)


def _other_language(request: Request[Nothing, ReplyBody], contact: Contact) -> str:
    """A language that is asked for is there, or was refused."""
    theirs, template = contact.language, _template(request)
    if request.body.language or template is None or not theirs or theirs in template.texts:
        return ""
    return f"The template '{template.id}' has no words in '{theirs}': these are in '{next(iter(template.texts))}'."


def _unsent(request: Request[Nothing, ReplyBody], contact: Contact, body: str) -> str:
    board, telling = request.services.dispatcher.board, request.services.letters.telling(body)
    theirs, pictures = contact.party.address, bool(request.body.pictures)
    return unsent(board, contact, contact.channel, contact.our_address, theirs, telling, pictures=pictures)


def _check_pictures(request: Request[Nothing, ReplyBody], contact: Contact) -> None:
    """Raises BadRequest, Conflict, TooLarge."""
    pictures, text = request.body.pictures, request.services.settings.text
    if not pictures:
        return
    if contact.channel is not Channel.TEXT:
        raise Conflict("Only a text can have pictures.")
    if not text.takes_pictures(contact.our_address):
        raise Conflict(f"The carrier of {contact.our_address} takes no pictures from us.")
    if len(pictures) > MOST_PICTURES:
        raise BadRequest("Too many pictures.", [FieldError(field="pictures", why=f"at most {MOST_PICTURES}")])
    wrong = [
        FieldError(field=f"pictures.{n}.content_type", why=f"must begin with one of: {', '.join(text.picture_types)}")
        for n, picture in enumerate(pictures)
        if not picture.content_type.startswith(text.picture_types)
    ]
    if wrong:
        raise BadRequest("A file of this kind is not sent from here.", wrong)
    if sum(len(picture.content) for picture in pictures) > text.picture_limit_bytes:
        raise TooLarge(f"The pictures are larger than {text.picture_limit_bytes:,} bytes together.")


async def _kept(request: Request[Nothing, ReplyBody], message: str) -> list[Attachment]:
    files = [(p.filename, p.content_type, p.content) for p in request.body.pictures]
    return await asyncio.to_thread(kept, request.services.settings.text.media_dir, message, files)


def _words(request: Request[Nothing, ReplyBody], contact: Contact) -> str:
    """Raises BadRequest where there are none, a variable has no value, or no carrier would take so many."""
    body = _body(request, contact)
    if contact.channel is Channel.TEXT and len(body) > LONGEST_TEXT:
        why = f"a text has at most {LONGEST_TEXT:,} characters, and this has {len(body):,}"
        raise BadRequest("This is too long for one text.", [FieldError(field="body", why=why)])
    return body


def _template(request: Request[Nothing, ReplyBody]) -> Template | None:
    wanted = request.body.template
    return next((template for template in request.services.settings.templates if template.id == wanted), None)


def _body(request: Request[Nothing, ReplyBody], contact: Contact) -> str:
    wanted, settings = request.body, request.services.settings
    if wanted.pictures and not wanted.body.strip() and not wanted.template:
        return ""
    if bool(wanted.body.strip()) == bool(wanted.template):
        raise BadRequest("Say what to send.", [FieldError(field="body", why="give either a body or a template")])
    if not wanted.template:
        return wanted.body
    template = _template(request)
    if template is None:
        why = f"there is no '{wanted.template}'; there are: {', '.join(t.id for t in settings.templates)}"
        raise BadRequest("Some fields are not right.", [FieldError(field="template", why=why)])
    if wanted.language and wanted.language not in template.texts:
        why = f"'{template.id}' is not there in '{wanted.language}'; it is in: {', '.join(template.texts)}"
        raise BadRequest("Nobody has written this in that language.", [FieldError(field="language", why=why)])
    try:
        return request.services.letters.written(wanted.template, contact, wanted.values, wanted.language)
    except KeyError as error:
        missing = FieldError(field="values", why=f"{error.args[0]} is missing")
        raise BadRequest("The template needs more values.", [missing]) from None


def _can_be_answered(contact: Contact) -> None:
    if contact.channel is Channel.VOICE:
        raise Conflict("This contact came by telephone: ask for a follow-up instead of a reply.")
    if contact.party.withheld:
        raise Conflict("The sender's address was withheld: nobody can be answered.")
    if contact.channel is Channel.TEXT and (why := unanswerable(contact.party.address)):
        raise Conflict(f"{why}.")


async def _latest_from_person(request: Request[Nothing, ReplyBody], contact: Contact) -> Message | None:
    messages = await request.services.store.messages(contact.reference)
    return next((m for m in reversed(messages) if m.direction == "in" and m.by == "caller"), None)


def _provider_key(request: Request[Nothing, ReplyBody], contact: Contact) -> str | None:
    """Inbound is deduplicated by the provider's key; a desk that repeats itself is treated the same."""
    key = request.raw.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not KEY.fullmatch(key):
        raise BadRequest("The Idempotency-Key must be 1 to 100 visible ASCII characters.")
    return f"reply:{contact.reference}:{key}"


BASE = "/api/v1/contacts/{reference}"
ROUTES = (
    Route("GET", f"{BASE}/messages", "The texts and emails, oldest first", "handler", read),
    Route("GET", f"{BASE}/attachments/{{id}}", "Download what came with a message", "handler", download),
    Route("POST", f"{BASE}/replies", "Reply by text or email", "handler", reply, 201, limit=REPLY_BYTES),
    Route("POST", f"{BASE}/replies/preview", "See what a reply would be", "handler", preview, limit=REPLY_BYTES),
)
