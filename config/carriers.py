"""A text carrier with an HTTP interface, described: how texts are handed to it, and how it brings us others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from config.section import Identifier, Section
from config.templates import variables

HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s/]+(/\S*)?$")]
Header = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,60}$")]
# Where a value stands: names and numbers from the outside in, with dots between them; ``*`` is each of a list.
Place = Annotated[str, Field(pattern=r"^[^.\s]+(\.[^.\s]+)*$")]
Format = Literal["json", "form"]
OurStatus = Literal["queued", "sent", "delivered", "read", "undelivered", "failed"]

# What a text that is sent can say of itself.
FILLED_IN = ("sender", "recipient", "body", "id", "media", "status_url")
SIGNED = ("timestamp", "body", "url")


class HeaderProof(Section):
    """A header with a secret in it, such as ``Authorization: Bearer ...``."""

    name: Header
    value: SecretStr


class BasicProof(Section):
    user: Annotated[str, Field(pattern=r"^[^:]+$")]
    password: SecretStr


class HmacProof(Section):
    """A signature over what ``signed`` says, which holds the body; a timestamp is signed with it or not sent at all."""

    secret: SecretStr
    header: Header
    timestamp_header: Header | Literal[""] = ""
    signed: str = "{timestamp}.{body}"
    algorithm: Literal["sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""

    @model_validator(mode="after")
    def _what_counts_is_signed(self) -> HmacProof:
        names = _variables(self.signed, SIGNED)
        if "body" not in names:
            raise ValueError("signed must have {body}: a signature over anything less proves nothing")
        if bool(self.timestamp_header) != ("timestamp" in names):
            raise ValueError("timestamp_header and {timestamp} in signed belong together: give both, or neither")
        return self


class Proof(Section):
    """How one side proves itself to the other: exactly one of these."""

    header: HeaderProof | None = None
    basic: BasicProof | None = None
    hmac: HmacProof | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Proof:
        if [self.header, self.basic, self.hmac].count(None) != 2:
            raise ValueError("must be exactly one of { header = ... }, { basic = ... } and { hmac = ... }")
        return self

    @property
    def secret(self) -> str:
        """What must not be empty: an empty secret is everybody's."""
        if self.header:
            return self.header.value.get_secret_value()
        if self.basic:
            return self.basic.password.get_secret_value()
        return self.hmac.secret.get_secret_value() if self.hmac else ""


class Sending(Section):
    """The request that hands a text over, and what its answer means. {id} is ours and the same at every try: a carrier
    that knows it again sends nothing twice."""

    url: HttpUrl
    method: Literal["POST", "PUT"] = "POST"
    format: Format = "json"
    fields: Annotated[dict[str, Any], Field(min_length=1)]
    headers: dict[Header, str] = Field(default_factory=dict)
    auth: Proof
    sent_id: Place | Literal[""] = ""
    error: Place | Literal[""] = ""
    accepted: tuple[str, ...] = ()
    throttle_codes: tuple[str, ...] = ()
    login_codes: tuple[str, ...] = ()
    throttle_statuses: tuple[Annotated[int, Field(ge=400, le=599)], ...] = (429,)

    @field_validator("fields", "headers")
    @classmethod
    def _known_words(cls, templates: dict[str, Any]) -> dict[str, Any]:
        for text in _strings(templates):
            _variables(text, FILLED_IN)
            if "{media}" in text and text != "{media}":
                raise ValueError("{media} is a list of addresses, and stands alone")
        return templates

    @model_validator(mode="after")
    def _says_enough(self) -> Sending:
        said = self.says
        if missing := [name for name in ("recipient", "body") if name not in said]:
            raise ValueError(f"fields must have {{{missing[0]}}}: without it no text can be sent")
        for name in ("accepted", "throttle_codes", "login_codes"):
            if getattr(self, name) and not self.error:
                raise ValueError(f"{name} needs error: where in an answer the code stands")
        if self.format == "form" and any(not isinstance(value, str) for value in self.fields.values()):
            raise ValueError("fields of a form are texts")
        return self

    @property
    def says(self) -> frozenset[str]:
        """The words that are filled in."""
        texts = [*_strings(self.fields), *_strings(self.headers)]
        return frozenset(name for text in texts for name in variables(text))


class TextsIn(Section):
    """Where in a webhook the parts of a text stand. ``each``: the list of texts, '' when it is one alone."""

    format: Format = "json"
    each: Place | Literal[""] = ""
    id: Place
    sender: Place
    recipient: Place
    text: Place
    media: Place | Literal[""] = ""
    media_type: Place | Literal[""] = ""
    sent_at: Place | Literal[""] = ""


class ReportsIn(Section):
    """Where in a webhook stands what became of a text. ``statuses``: the carrier's words, each with ours."""

    format: Format = "json"
    each: Place | Literal[""] = ""
    id: Place
    status: Place
    error: Place | Literal[""] = ""
    statuses: Annotated[dict[str, OurStatus], Field(min_length=1)]


class HttpCarrier(Section):
    """``numbers_as``: "digits" for a carrier that writes +447700900123 as 447700900123. ``check_url``: asked whether
    the carrier is there; '' asks for the root of its address. ``errors``: its codes in words for a handler."""

    id: Identifier
    numbers_as: Literal["e164", "digits"] = "e164"
    check_url: HttpUrl | Literal[""] = ""
    send: Sending
    webhooks: Proof
    texts: TextsIn
    reports: ReportsIn | None = None
    errors: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _reports_find_their_text(self) -> HttpCarrier:
        if self.reports and not self.send.sent_id and "id" not in self.send.says:
            raise ValueError(
                "reports need send.sent_id, or {id} in what is sent: how else would we know whose they are?"
            )
        return self

    @property
    def takes_media(self) -> bool:
        return "media" in self.send.says


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            yield from (text for part in value.values() for text in _strings(part))
        case list() | tuple():
            yield from (text for part in value for text in _strings(part))


def _variables(text: str, allowed: tuple[str, ...]) -> list[str]:
    """The words in braces. Raises ValueError for others than these."""
    names = variables(text)
    if strange := [name for name in names if name not in allowed]:
        raise ValueError(f"there is no {{{strange[0]}}}; there are: {', '.join(f'{{{n}}}' for n in allowed)}")
    return names
