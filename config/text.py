"""Texts: our numbers, their carriers, and what comes and goes with a text."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator

from config.carriers import HttpCarrier
from config.numbers import e164, person_of
from config.section import Identifier, Number, Section

# The carrier whose account stands in ``text`` itself; others are described in ``text.carriers``.
TWILIO = "twilio"
MEDIA_TYPES = ("image/", "video/", "audio/", "text/plain", "text/vcard", "text/x-vcard", "application/pdf")
# What a request of the API can bring.
LARGEST_PICTURES = 5_000_000


class TextNumber(Section):
    """One of our numbers, for texts and for WhatsApp, and the carrier that has it. ``opt_out``: whether STOP and START
    are obeyed there."""

    number: Annotated[Number, AfterValidator(e164)]
    queue: Identifier
    carrier: Identifier = TWILIO
    messaging_service: Annotated[str, Field(pattern=r"^(MG[0-9a-fA-F]{32})?$")] = ""
    opt_out: Literal["ignore", "obey"] = "ignore"


class Scanner(Section):
    """A virus scanner for what people send: clamd's socket, or a command that is given the file. Off without either."""

    command: tuple[str, ...] = ()
    clamd_socket: str = ""
    seconds: Annotated[float, Field(gt=0, le=600)] = 30.0

    @model_validator(mode="after")
    def _one_of_them(self) -> Scanner:
        if self.command and self.clamd_socket:
            raise ValueError("give a command or a clamd_socket, not both")
        return self

    @property
    def on(self) -> bool:
        return bool(self.command or self.clamd_socket)


class Text(Section):
    enabled: bool
    account_sid: str
    auth_token: SecretStr
    api_url: Annotated[str, Field(pattern=r"^https?://\S+[^/]$")]
    numbers: tuple[TextNumber, ...]
    carriers: tuple[HttpCarrier, ...] = ()
    media_limit_bytes: Annotated[int, Field(gt=0)]
    media_dir: Path
    media_types: tuple[Annotated[str, Field(pattern=r"^[a-z0-9.+-]+/[a-z0-9.+-]*$")], ...] = MEDIA_TYPES
    scanner: Scanner = Scanner()
    picture_types: tuple[Annotated[str, Field(pattern=r"^[a-z0-9.+-]+/[a-z0-9.+-]*$")], ...] = ("image/",)
    picture_limit_bytes: Annotated[int, Field(gt=0, le=LARGEST_PICTURES)] = LARGEST_PICTURES
    picture_link_seconds: Annotated[float, Field(ge=60, le=86_400)] = 3600.0
    replay_window_seconds: Annotated[float, Field(gt=0)]
    fetch_missed_hours: Annotated[float, Field(ge=0, le=168)] = 24.0
    ask_where: Identifier | Literal[""] = ""

    def carrier_of(self, address: str) -> str:
        """The carrier that has this number of ours, on WhatsApp too; '' when it is none that we know."""
        ours = person_of(address)
        return next((number.carrier for number in self.numbers if number.number == ours), "")

    def queue_of(self, address: str) -> str:
        """Where a text to this number of ours waits; one to a number that is none of them with the first's."""
        ours = person_of(address)
        return next((n.queue for n in self.numbers if n.number == ours), self.numbers[0].queue)

    def takes_pictures(self, address: str) -> bool:
        """Whether pictures can be sent from this number of ours."""
        carrier = self.carrier_of(address)
        return all(described.takes_media for described in self.carriers if described.id == carrier)

    @property
    def has_twilio(self) -> bool:
        return bool(self.account_sid) or any(number.carrier == TWILIO for number in self.numbers)

    def mistakes(self) -> Iterator[str]:
        """What does not agree; a channel that is off needs nothing."""
        if not self.enabled:
            return
        if not self.numbers:
            yield "text.numbers: is empty, so no text could be placed; name at least one number of ours"
        if self.scanner.command and not shutil.which(self.scanner.command[0]):
            program = self.scanner.command[0]
            yield f"text.scanner.command: there is no program '{program}' here; install it, or name another"
        known = [TWILIO, *(carrier.id for carrier in self.carriers)]
        for number in self.numbers:
            key = f"text.numbers[{number.number}]"
            if number.carrier not in known:
                yield f"{key}.carrier: no carrier '{number.carrier}'; there are: {', '.join(known)}"
            if number.carrier == TWILIO and not self.account_sid:
                yield f"{key}.carrier: is {TWILIO}, and text.account_sid is empty; set it, or name another carrier"
            if number.carrier == TWILIO and not self.auth_token.get_secret_value():
                yield f"{key}.carrier: is {TWILIO}, and text.auth_token is empty; no text could be proved genuine"
            if number.carrier != TWILIO and number.messaging_service:
                yield f"{key}.messaging_service: is {TWILIO}'s, and this number has another carrier"
