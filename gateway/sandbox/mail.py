"""The sandbox's mail servers: Dovecot for IMAP, and an SMTP server that keeps what it is sent."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from types import TracebackType
from typing import Any, Literal, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from gateway.sandbox.dovecot import LOOPBACK, Certificate, Dovecot, MailServerError

__all__ = ["Certificate", "Dovecot", "MailServerError", "SentMail", "SmtpSink"]


@dataclass(frozen=True, slots=True)
class SentMail:
    """One message that the sink accepted: the SMTP envelope and the bytes."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=default)


@dataclass(frozen=True, slots=True)
class _Refusal:
    code: int
    text: str
    at: str


class SmtpSink:
    """An SMTP server that keeps what it is sent in ``messages``, and can be told to refuse.

    Mail to a user of ``dovecot`` is also delivered there, other mail handed to ``passes_on`` with its recipient, which
    may raise OSError (then the mail is to be tried again). With ``login`` (user, password) it asks for
    authentication, with ``accepts`` for XOAUTH2 with a (user, token) that it accepts, of everybody if it ``insists``;
    with ``tls`` it offers STARTTLS. For whoever is in ``later_for`` (addresses in lower case) it wants mail later.
    """

    def __init__(
        self,
        host: str = LOOPBACK,
        port: int = 0,
        *,
        dovecot: Dovecot | None = None,
        login: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        accepts: Callable[[str, str], bool] | None = None,
        insists: bool = True,
    ) -> None:
        self.host = host
        self.port = port
        self.messages: list[SentMail] = []
        self.passes_on: Callable[[SentMail, str], Awaitable[None]] | None = None
        self.later_for: set[str] = set()
        self._dovecot = dovecot
        self._login = login
        self._tls = tls
        self._accepts = accepts
        self._insists = insists
        self._refusals: list[_Refusal] = []
        self._arrived = asyncio.Condition()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def running(self) -> bool:
        return self._server is not None

    async def start(self) -> None:
        """Listen, again on the same port after it was stopped."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Nobody can hand over mail; what was sent is kept."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            await server.wait_closed()

    def refuse_next(self, code: int, text: str, times: int = 1, at: Literal["MAIL", "RCPT", "DATA"] = "RCPT") -> None:
        """Answer the next ``times`` commands of that kind with this code and text."""
        self._refusals += [_Refusal(code, text, at)] * times

    async def wait_for(self, predicate: Callable[[SentMail], bool], deadline: float = 5.0) -> SentMail:
        """The first message for which the predicate holds; TimeoutError after ``deadline`` seconds."""
        async with asyncio.timeout(deadline), self._arrived:
            await self._arrived.wait_for(lambda: any(map(predicate, self.messages)))
            return next(filter(predicate, self.messages))

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self._refusal("MAIL"):
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self._refusal("RCPT"):
            return refusal
        if address.lower() in self.later_for:
            return "451 4.7.1 Greylisted, please try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if refusal := self._refusal("DATA"):
            return refusal
        raw = envelope.original_content or b""
        mail = SentMail(envelope.mail_from or "", tuple(envelope.rcpt_tos), raw)
        try:
            await self._pass_on(mail)
        except OSError:
            return "451 whom it is for does not answer now"
        async with self._arrived:
            self.messages.append(mail)
            self._arrived.notify_all()
        return "250 OK kept"

    async def _pass_on(self, mail: SentMail) -> None:
        for recipient in mail.recipients:
            if self._dovecot is not None and recipient.lower() in self._dovecot.users:
                await self._dovecot.deliver(mail.raw, recipient, mail.sender)
            elif self.passes_on is not None:
                await self.passes_on(mail, recipient)

    def _refusal(self, at: str) -> str:
        refusal = next((r for r in self._refusals if r.at == at), None)
        if refusal is None:
            return ""
        self._refusals.remove(refusal)
        return f"{refusal.code} {refusal.text}"

    def _protocol(self) -> SMTP:
        return SMTP(
            self,
            hostname="sink.sandbox",
            enable_SMTPUTF8=True,
            tls_context=self._tls,
            authenticator=self._authenticate,
            auth_required=self._insists and (self._login is not None or self._accepts is not None),
            auth_exclude_mechanism=["LOGIN", "PLAIN"] if self._accepts else ["XOAUTH2"],
            auth_require_tls=False,
            loop=asyncio.get_running_loop(),
        )

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:
        """A refusal is a challenge first, as Microsoft's and Google's servers do it."""
        said = base64.b64decode(args[1]).decode().split("\x01")
        user, token = said[0].removeprefix("user="), said[1].removeprefix("auth=Bearer ")
        if self._accepts is not None and self._accepts(user, token):
            return AuthResult(success=True, auth_data=user)
        await server.challenge_auth('{"status":"401"}')
        return AuthResult(success=False, handled=False)

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=given == self._login, handled=False)
