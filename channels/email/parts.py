"""The parts of a message (RFC 2045 to 2049): what the person wrote, and what they attached."""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

from channels.email import appointments, headers, html, winmail
from channels.email.large import Diverted
from channels.email.words import attempt, clean, decode, one_line

TEXT_LIMIT = 1_000_000
CALENDAR_LIMIT = 100_000
DEPTH_LIMIT = 20
PARTS_LIMIT = 500
FILENAME_LIMIT = 120
PATH_LIMIT = 4_000

CONTENT_TYPE = re.compile(r"[a-z0-9][a-z0-9.+_-]*/[a-z0-9][a-z0-9.+_-]*")
NOT_IN_FILENAMES = re.compile(r'[<>:"|?*`$&;\'%]')
ENCODING = "Content-Transfer-Encoding"
ENCRYPTED = {"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"}
WRAPPED = {"application/ms-tnef", "application/vnd.ms-tnef"}
WRAPPED_NAME = "winmail.dat"
WRAPPED_LIMIT = 3
WINMAIL_UNOPENED = "winmail.dat could not be opened: it is broken, or took too long; fetch the raw message"
# An HTML part that says this many times more than its plain twin was not written twice.
STUB_FACTOR = 2


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in a message. ``filename`` is safe to store and to show; ``size`` in bytes; ``sha256`` in hex.

    A large one lies at ``path`` already, and ``data`` is empty.
    """

    filename: str
    content_type: str
    data: bytes
    sha256: str
    size: int
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """What a part holds; ``html`` is '' when there is only plain text; ``hidden``: the words that the HTML hides;
    ``appointments``: what a calendar's part says, a sentence each."""

    text: str = ""
    html: str = ""
    hidden: str = ""
    attachments: tuple[Attachment, ...] = ()
    appointments: tuple[str, ...] = ()


class Reading:
    """One pass over the parts of one message, with a budget of parts and a list of what was broken."""

    def __init__(self, parser: BytesParser, problems: list[str], diverted: Mapping[bytes, Diverted]) -> None:
        self._parser = parser
        self._diverted = diverted
        self._problems = problems
        self._parts_left = PARTS_LIMIT
        self._files = self._opened = 0

    def content(self, part: Message, depth: int = 0) -> Content:
        """Everything in this part, in the order it was sent."""
        self._parts_left -= 1
        if depth > DEPTH_LIMIT or self._parts_left < 0:
            self._problems.append("there are too many parts or they are nested too deeply; some are not shown")
            return Content()
        self._note_defects(part)
        _plain_encoding(part)
        kind = self._content_type(part)
        if kind in ENCRYPTED:
            self._problems.append("the message is encrypted or sealed; open it in the mailbox")
        if kind == "message/rfc822":
            return self._attached_message(part, depth)
        if part.is_multipart() and kind.startswith("multipart/"):
            return self._several(part, kind, depth)
        return self._single(part, kind)

    def _several(self, part: Message, kind: str, depth: int) -> Content:
        children = [child for child in part.get_payload() if isinstance(child, Message)]
        if kind == "multipart/report":
            first = [self.content(child, depth + 1) for child in children[:1]]
            return joined([*first, *(self._file(child) for child in children[1:])])
        contents = [self.content(child, depth + 1) for child in children]
        return best_of(contents) if kind == "multipart/alternative" else joined(contents)

    def _single(self, part: Message, kind: str) -> Content:
        shown = kind in ("text/plain", "text/html") or kind.startswith("multipart/")
        if not shown or self._is_file(part):
            return self._file(part)
        charset = attempt(
            lambda: str(part.get_content_charset("")), "", "the charset could not be read", self._problems
        )
        written = decode(self._data(part), charset, self._problems)
        if len(written) > TEXT_LIMIT:
            self._problems.append("the text is too long; its end is not shown")
        if kind != "text/html":
            return Content(text=clean(written, TEXT_LIMIT))
        return _of_html(html.shown(written, self._problems))

    def _attached_message(self, part: Message, depth: int) -> Content:
        """A forwarded message is shown, since it is often the whole point, and kept as a file."""
        inner = attempt(lambda: self._embedded(part), None, "an attached message could not be read", self._problems)
        if inner is None:
            return self._file(part)
        sender = headers.text(inner, "From", headers.NAME_LIMIT, [])
        subject = headers.text(inner, "Subject", headers.NAME_LIMIT, [])
        heading = f"[Attached message] From: {sender} Subject: {subject}\n\n"
        content = self.content(inner, depth + 1)
        return Content(
            text=heading + content.text,
            hidden=content.hidden,
            attachments=self._file(part).attachments + content.attachments,
            appointments=content.appointments,
        )

    def _embedded(self, part: Message) -> Message | None:
        payload = part.get_payload()
        inner = payload[0] if isinstance(payload, list) and payload else None
        encoding = headers.value(part, "Content-Transfer-Encoding").strip().lower()
        if isinstance(inner, Message) and encoding == "base64":
            # RFC 2046 forbids it, senders do it, and the parser leaves it undone.
            return self._parser.parsebytes(base64.b64decode(str(inner.get_payload())))
        return inner if isinstance(inner, Message) else None

    def _file(self, part: Message) -> Content:
        self._files += 1
        kind = self._content_type(part)
        data = self._data(part)
        if kind in appointments.TYPES:
            return replace(self._named_file(part, kind, data), appointments=self._appointments(part, data))
        return self._named_file(part, kind, data)

    def _named_file(self, part: Message, kind: str, data: bytes) -> Content:
        given = attempt(lambda: part.get_filename() or "", "", "a file name could not be read", self._problems)
        name = safe_filename(headers.decoded(given, "file name", self._problems))
        if not name:
            name = f"attachment-{self._files}{mimetypes.guess_extension(kind) or '.bin'}"
        attachment = _attachment(name, kind, self._diverted.get(data, data))
        return self._unwrapped(attachment) if kind in WRAPPED or name.lower() == WRAPPED_NAME else of_file(attachment)

    def _appointments(self, part: Message, data: bytes) -> tuple[str, ...]:
        charset = attempt(
            lambda: str(part.get_content_charset("")), "", "a calendar's charset is broken", self._problems
        )
        written = decode(data[:CALENDAR_LIMIT], charset, self._problems)
        return attempt(lambda: appointments.in_words(written), (), "an appointment could not be read", self._problems)

    def _unwrapped(self, wrapped: Attachment) -> Content:
        """What Outlook wrapped up, and the wrapping itself."""
        if self._opened >= WRAPPED_LIMIT:
            return of_file(wrapped)
        self._opened += 1
        content = wrapped.path or wrapped.data
        found = attempt(lambda: winmail.unwrap(content), None, WINMAIL_UNOPENED, self._problems)
        if found is None:
            return of_file(wrapped)
        if not (found.text.strip() or found.html.strip() or found.files):
            self._problems.append("winmail.dat is broken or empty: nothing could be read in it; fetch the raw message")
        rich = html.shown(found.html, self._problems) if found.html else html.Shown("", "")
        text = clean(found.text, TEXT_LIMIT) or rich.text
        files = []
        for number, (given, inner) in enumerate(found.files, start=1):
            name = safe_filename(given) or f"winmail-{number}.bin"
            files.append(_attachment(name, mimetypes.guess_type(name)[0] or "application/octet-stream", inner))
        return Content(text, rich.html, rich.hidden, (wrapped, *files))

    def _is_file(self, part: Message) -> bool:
        return attempt(
            lambda: part.get_content_disposition() == "attachment" or bool(part.get_filename()),
            False,
            "a part's disposition could not be read",
            self._problems,
        )

    def _data(self, part: Message) -> bytes:
        return attempt(lambda: _bytes_of(part), b"", "a part could not be decoded and is empty here", self._problems)

    def _content_type(self, part: Message) -> str:
        kind = attempt(part.get_content_type, "", "a content type could not be read", self._problems)
        return kind if CONTENT_TYPE.fullmatch(kind) else "application/octet-stream"

    def _note_defects(self, part: Message) -> None:
        for defect in part.defects:
            words = re.sub(r"(?<!^)(?=[A-Z])", " ", type(defect).__name__.removesuffix("Defect")).lower()
            self._problems.append(f"the message's structure is broken: {words}")


def _of_html(shown: html.Shown) -> Content:
    """Words count as hidden only beside others: a mail that shows nothing at all is read whole."""
    if not shown.text.strip():
        return Content(shown.hidden, shown.html)
    return Content(shown.text, shown.html, shown.hidden)


def of_file(attachment: Attachment) -> Content:
    return Content(attachments=(attachment,))


def best_of(contents: list[Content]) -> Content:
    """Of the forms of one text, the plain one and the HTML one; a stub ('this needs HTML') gives way."""
    rich = next((content for content in reversed(contents) if content.html), Content())
    plain = next((content for content in contents if content.text.strip() and not content.html), rich)
    stub = len(rich.text) > STUB_FACTOR * len(plain.text)
    files = tuple(file for content in contents for file in content.attachments)
    return Content(rich.text if stub else plain.text, rich.html, rich.hidden, files, _appointments(contents))


def joined(contents: list[Content]) -> Content:
    """Parts that follow one another."""
    written = [content for content in contents if content.text.strip() or content.html]
    rich = any(content.html for content in written)
    return Content(
        text="\n\n".join(content.text.strip("\n") for content in written),
        html="\n".join(content.html or html.from_text(content.text) for content in written) if rich else "",
        hidden="\n\n".join(content.hidden for content in contents if content.hidden),
        attachments=tuple(file for content in contents for file in content.attachments),
        appointments=_appointments(contents),
    )


def _appointments(contents: list[Content]) -> tuple[str, ...]:
    """Each once: mail programs send the same one as a part and as a file."""
    return tuple(dict.fromkeys(said for content in contents for said in content.appointments))


def safe_filename(given: str) -> str:
    """The last part of any path, without what a shell, a disk or a reader could misread; '' when nothing is left."""
    name = one_line(given, PATH_LIMIT).replace("\\", "/").rpartition("/")[2]
    name = NOT_IN_FILENAMES.sub("_", name).strip(". ")
    stem, dot, extension = name.rpartition(".")
    if len(name) <= FILENAME_LIMIT or not dot or len(extension) > 10:
        return name[:FILENAME_LIMIT]
    return f"{stem[: FILENAME_LIMIT - len(extension) - 1]}.{extension}"


def _plain_encoding(part: Message) -> None:
    """The parser knows no transfer encoding that is folded, quoted or has something behind it."""
    given = headers.value(part, ENCODING)
    plain = re.split(r"[\s;]", given.strip().strip('"').lower(), maxsplit=1)[0].strip('"')
    if plain != given:
        del part[ENCODING]
        part[ENCODING] = plain


def _attachment(name: str, kind: str, data: bytes | Diverted) -> Attachment:
    if isinstance(data, Diverted):
        return Attachment(name, kind, b"", data.sha256, data.size, data.path)
    return Attachment(name, kind, data, hashlib.sha256(data).hexdigest(), len(data))


def _bytes_of(part: Message) -> bytes:
    if part.is_multipart():
        return b"\n".join(child.as_bytes() for child in part.get_payload() if isinstance(child, Message))
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""
