"""What the world's own API is asked with; a mistake in it is told in words that say what is meant."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from gateway.api.models import OptionalProse
from gateway.sandbox import demo
from gateway.sandbox.outside import MAIL_FROM, SWITCHED_OFF
from gateway.sandbox.ports import LOOPBACK
from gateway.sandbox.world import CALLER, LINE

CALLING, CALLED = r"^(anonymous|\+?[0-9]{3,15})$", r"^\+?[0-9]{2,15}$"
KEYS = r"^[0-9*#]{0,20}$"
REFERENCE = r"^[0-9A-Z]{4}-[0-9A-Z]{4}$"
ADDRESS = r"[^@\s<>]+@[^@\s<>]+"
MEANT = {
    CALLING: "a number is 3 to 15 digits, with or without a + before them; anonymous is a withheld one",
    CALLED: "a number is 2 to 15 digits, with or without a + before them",
    KEYS: "keys are 0 to 9, * and #, at most 20 of them",
    REFERENCE: "a reference is written like K7M2-9QXR",
}


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CallBody(Body):
    number: str = Field(CALLER, pattern=CALLING)
    to: str = Field(LINE, pattern=CALLED)
    says: str = Field(demo.CALLER_SAYS, max_length=500)
    digits: str = Field("", pattern=KEYS)
    digits_after: float = Field(2.0, ge=0, le=600)
    seconds: float | None = Field(None, gt=0, le=3600)
    srtp: bool = False


class DigitsBody(Body):
    digits: str = Field(pattern=KEYS, min_length=1)


class PictureBody(Body):
    filename: str
    content_type: str
    content: Base64Bytes


class TextBody(Body):
    sender: str = Field(CALLER, pattern=r"^((whatsapp:)?\+?[0-9]{3,15}|[A-Za-z][A-Za-z0-9 ]{1,10})$")
    body: str = Field(min_length=1, max_length=1600)
    to: str = Field("", pattern=r"^(\+?[0-9]{3,15})?$")
    pictures: tuple[PictureBody, ...] = ()
    times: int = Field(1, ge=1, le=5)
    forged: bool = False


class MailBody(Body):
    """``sender``: the envelope's, '' for none."""

    raw: Base64Bytes
    to: tuple[str, ...] = ()
    sender: str = Field(MAIL_FROM, pattern=rf"^({ADDRESS})?$")


class NeighbourBody(Body):
    page: str = Field(pattern=rf"^http://{re.escape(LOOPBACK)}:[0-9]{{1,5}}$")


class AnswerBody(Body):
    reference: str = Field(pattern=REFERENCE)
    body: str = Field(min_length=1, max_length=20_000)
    sender: str = Field("", pattern=rf"^({ADDRESS})?$")
    like: Literal["gmail", "outlook"] = "gmail"


class ReportBody(Body):
    reference: str = Field(pattern=REFERENCE)
    what: Literal["failed", "delayed", "delivered", "read", "absent"]


class MailboxesBody(Body):
    manner: Literal["renumber", "refuse", "let-in"]


class CarrierBody(Body):
    """``code``: Twilio's, for a text that it cannot deliver."""

    manner: Literal["busy", "fails", "late", "refuses"]
    code: int = Field(SWITCHED_OFF, ge=10_000, le=99_999)


class EmailBody(Body):
    sender: str = Field("jo@sender.invalid", pattern=rf"^{ADDRESS}$")
    subject: str = Field("", max_length=200, pattern=r"^[^\r\n]*$")
    body: str = Field(min_length=1, max_length=20_000)
    answers: str = Field("", max_length=300, pattern=r"^[^\r\n]*$")
    to: tuple[str, ...] = ()


class FollowUpBody(Body):
    reference: str = Field(pattern=REFERENCE)
    purpose: str = Field("tell them how it went on", min_length=1, max_length=200)


class ReplyBody(Body):
    reference: str = Field(pattern=REFERENCE)
    body: str = Field("", max_length=20_000)
    template: str = ""
    language: str = ""
    values: dict[str, str] = Field(default_factory=dict)
    pictures: tuple[dict[str, str], ...] = ()
    preview: bool = False

    @property
    def words(self) -> dict[str, Any]:
        """As the gateway takes them."""
        return self.model_dump(exclude={"reference", "preview"})


class AskBody(Body):
    """One request to the gateway, as this person."""

    name: Literal["anna", "ben", "chloe", "sam", "ada"]
    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str = Field(min_length=1, max_length=500)
    body: Any = None


class DeskBody(Body):
    reference: str = Field(pattern=REFERENCE)
    act: str
    target: OptionalProse = ""


class PresenceBody(Body):
    """``names``: everybody who takes contacts, if none is given."""

    state: Literal["available", "away", "offline"]
    names: tuple[str, ...] = ()


class MannerBody(Body):
    manner: Literal["normal", "busy", "silent", "hangs-up"]
