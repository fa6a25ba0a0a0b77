"""Emails: our mailboxes, their servers, and what is taken from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from config.section import Identifier, Port, Section

Auth = Literal["password", "oauth2"]


class OAuth2(Section):
    """An application registered at Microsoft 365, which signs in by itself (client credentials, RFC 6749, 4.4)."""

    tenant: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")]
    client_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")]
    client_secret: SecretStr
    authority: Annotated[str, Field(pattern=r"^https://[^\s/]+$")] = "https://login.microsoftonline.com"
    scope: Annotated[str, Field(pattern=r"^\S+$")] = "https://outlook.office365.com/.default"


class ImapServer(Section):
    host: str
    port: Port
    security: Literal["tls", "starttls", "none"]
    user: str
    auth: Auth = "password"
    password: SecretStr = SecretStr("")


class SmtpServer(Section):
    host: str
    port: Port
    security: Literal["tls", "starttls", "none"]
    user: str = ""
    auth: Auth = "password"
    password: SecretStr = SecretStr("")


class Mailbox(Section):
    """One of our mailboxes: where its mail arrives, where it goes once it is taken, and how its answers leave."""

    id: Identifier
    address: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
    display_name: str
    queue: Identifier
    folder: str = "INBOX"
    filed_folder: str = ""
    aside_folder: str = ""
    plus_addressing: bool = False
    oauth2: OAuth2 | None = None
    imap: ImapServer
    smtp: SmtpServer

    @property
    def files(self) -> bool:
        """Whether any of its mail is moved."""
        return bool(self.filed_folder or self.aside_folder)

    def mistakes(self) -> Iterator[str]:
        key = f"email.mailboxes[{self.id}]"
        if self.imap.auth == "password" and "password" not in self.imap.model_fields_set:
            yield f'{key}.imap.password: is missing; give it, or set auth = "oauth2"'
        if "oauth2" in (self.imap.auth, self.smtp.auth) and self.oauth2 is None:
            yield f'{key}.oauth2: is missing, and auth = "oauth2"; it names the tenant, client_id and client_secret'
        if self.oauth2 and "oauth2" not in (self.imap.auth, self.smtp.auth):
            yield f'{key}.oauth2: is used by nothing; set auth = "oauth2" in imap and smtp, or leave it out'
        if self.smtp.auth == "oauth2" and not self.smtp.user:
            yield f'{key}.smtp.user: is missing, and auth = "oauth2"; it is the mailbox\'s address'
        for name, folder in (("filed_folder", self.filed_folder), ("aside_folder", self.aside_folder)):
            if folder == self.folder:
                yield f"{key}.{name}: is the folder that is read; name another, or leave it out"


class Email(Section):
    enabled: bool
    mailboxes: tuple[Mailbox, ...]
    reference_secret: SecretStr
    automatic_answers_a_day: Annotated[int, Field(ge=0)]
    flood_messages: Annotated[int, Field(ge=2)]
    flood_minutes: Annotated[float, Field(gt=0)]
    trusted_authentication: tuple[str, ...]
    first_days: Annotated[int, Field(ge=0, le=3650)]
    message_limit_bytes: Annotated[int, Field(gt=0)]
    raw_dir: Path
    poll_seconds: Annotated[float, Field(gt=0)]
    ask_where: Identifier | Literal[""] = ""
