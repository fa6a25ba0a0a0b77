"""Everything around one gateway on one machine, each part real where it can be.

``contact-gateway sandbox up`` runs a ``World`` for a person, the tests run one for each journey.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog

from channels.voice.edge import phone_password
from channels.voice.slot import Occupant
from config.load import ConfigurationError, load
from config.settings import Settings
from config.text import TWILIO
from gateway.control import control_path
from gateway.sandbox import demo
from gateway.sandbox.carrier import LocalCarrier
from gateway.sandbox.certificate import self_signed
from gateway.sandbox.child import GatewayError, GatewayProcess
from gateway.sandbox.client import Client
from gateway.sandbox.kamailio import Kamailio
from gateway.sandbox.mail import Certificate, Dovecot, SmtpSink
from gateway.sandbox.person import SILENT, Manner, Person, answers
from gateway.sandbox.phone import Phone
from gateway.sandbox.plain_carrier import PlainCarrier
from gateway.sandbox.ports import ENCRYPTED, LOOPBACK, Ports, free_udp_port
from gateway.sandbox.rtpengine import Rtpengine
from gateway.sandbox.site import secret, write_site
from gateway.sandbox.speech import CACHE, prepare, spoken
from gateway.sandbox.token_server import TokenServer
from gateway.store.database import begin_database, open_engine
from gateway.store.store import Store

log = structlog.get_logger()

CALLER = "+447700900123"
LINE = "101"
SLOTS = 6
OUTSIDE_ANSWERS = answers(1.0)
REGISTER_SECONDS = 15.0
TONES = range(400, 2400, 40)


class World:
    """An async context manager; when it is entered, the gateway is ready and its handlers are available.

    ``auto_answer``: seconds after which handlers answer their phones, None to leave that to the test.
    ``overlay`` is laid over the site file. ``speech``: phones say sentences instead of a tone of their own.
    ``say`` is told of each part as it starts. ``oauth2``: the first mailbox signs in with tokens of a server beside it.
    ``mail_domain``: our mailboxes', so that two sandboxes can write to each other.
    """

    settings: Settings
    site: Path
    certificate: Certificate
    kamailio: Kamailio
    relay: Rtpengine
    dovecot: Dovecot
    smtp: SmtpSink
    carrier: LocalCarrier
    second_carrier: PlainCarrier
    gateway: GatewayProcess
    public: Phone
    overflow: Phone

    def __init__(
        self,
        directory: Path,
        *,
        ports: Ports | None = None,
        slots: int = SLOTS,
        auto_answer: float | None = None,
        overlay: Mapping[str, Any] | None = None,
        speech: bool = False,
        oauth2: bool = False,
        mail_domain: str = demo.MAIL_DOMAIN,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.directory = directory.absolute()
        self.ports = ports or Ports.free(slots=slots)
        self.phones: dict[str, Phone] = {}
        self.control_rooms: list[Phone] = []
        self.people: dict[Phone, Person] = {}
        self._slots, self._overlay, self._speech, self._say = slots, overlay or {}, speech, say
        self._auto_answer, self._oauth2, self._mail_domain = auto_answer, oauth2, mail_domain
        self.tokens: TokenServer | None = None
        own_words = "prompts" in self._overlay
        self._prompts = self.directory / "prompts" if own_words else CACHE
        self.ready = False
        self._clients: dict[str, Client] = {}
        self._all_phones: list[Phone] = []
        self._store: Store | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        self.ready = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    # --- what tests and the command line do with it ------------------------------------------------------

    async def start_gateway(self, outside_seconds: float = math.inf) -> str:
        """Returns when it is ready, or when it has served for so long, and what is then wrong around it. Its settings
        are read anew, as it does. Raises GatewayError."""
        try:
            self.settings = load(self.site)
        except ConfigurationError as error:
            raise GatewayError(f"the gateway cannot start with these settings:\n{error}") from None
        return await self.gateway.start(outside_seconds)

    async def stop_gateway(self) -> None:
        """In good order; calls go on without it."""
        await self.gateway.stop()

    async def kill_gateway(self) -> None:
        """As a power cut of this process alone."""
        await self.gateway.kill()

    def kill_call_process(self, slot: int | None = None) -> int:
        """SIGKILL the call process in ``slot``, or else the one that carries a call; returns its slot."""
        processes = self.gateway.call_processes()
        chosen = slot if slot is not None else next((s for s, o in processes.items() if o.legs), None)
        if chosen is None or chosen not in processes:
            raise LookupError(f"no such call process; there are {sorted(processes)}, none of them with a call")
        os.kill(processes[chosen].pid, signal.SIGKILL)
        return chosen

    async def kill_trunk(self) -> None:
        """The first trunk, behind which the public is: calls to the public go by the next."""
        self.public.kill()
        await self.people.pop(self.public).stop()
        await self.public.stop()

    async def start_trunk(self) -> None:
        self.public = await self._seated("public", self.ports.trunk, OUTSIDE_ANSWERS, demo.PUBLIC_SAYS)

    def call_processes(self) -> dict[int, Occupant]:
        """The living call processes by slot; one with a call has ``legs``."""
        return self.gateway.call_processes()

    async def caller(self, number: str = CALLER, *, to: str = LINE, srtp: bool = False, **more: Any) -> Phone:
        """A new telephone of the public that has just called ``to`` through the edge, as the trunk would.

        With ``to=''`` it has not called yet. With ``srtp`` it comes by the trunk that encrypts its sound. ``more``
        goes to ``Phone.start``.
        """
        if srtp:
            more |= {"srtp": True, "address": ENCRYPTED}
        phone = await self._phone(number, free_udp_port(), domain=LOOPBACK, **more)
        if to:
            await phone.call(self.line(to))
        return phone

    def carrier_of(self, number: str) -> LocalCarrier | PlainCarrier:
        """The carrier that has this number of ours."""
        return self.carrier if self.settings.text.carrier_of(number) in ("", TWILIO) else self.second_carrier

    def line(self, number: str = LINE) -> str:
        """The SIP URI under which the public reaches one of our numbers."""
        return f"sip:{number}@{LOOPBACK}:{self.ports.sip}"

    def behave(self, phone: Phone, manner: Manner) -> None:
        """What whoever sits at this phone does from the next ring on: ``BUSY``, ``SILENT``, ``answers(1.0)``."""
        self.people[phone].manner = manner

    async def api(self, name: str) -> Client:
        """A demo account (anna, ben, chloe, sam, ada), signed in."""
        if name not in self._clients:
            client = await Client.signed_in(self.gateway_url, name, self.password)
            self._clients[name] = await self._stack.enter_async_context(client)
        return self._clients[name]

    def store(self) -> Store:
        """The gateway's database, for looking only."""
        if self._store is None:
            self._store = Store(open_engine(self.settings.store))
            self._stack.push_async_callback(self._store.close)
        return self._store

    @property
    def gateway_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.gateway}"

    @property
    def page_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.page}"

    @property
    def password(self) -> str:
        """Of every demo account."""
        return secret(self.directory, "accounts")

    # --- starting, in order; the stack ends it in the opposite order ---------------------------------------

    async def _start(self) -> None:
        self.ports.check()
        if self._oauth2:
            await self._start_tokens()
        self._settle()
        await self.gateway.end_calls()  # what a sandbox that was killed has left in this directory
        self._say("prompts and hold music")
        await prepare(self.settings.prompts, self._prompts)
        await self._start_edge()
        await self._start_mail()
        await self._start_carriers()
        await begin_database(self.settings)
        self._say(f"gateway at {self.gateway_url}, log in {self.directory / 'gateway.log'}")
        self._stack.push_async_callback(self.gateway.end_calls)
        self._stack.push_async_callback(self.gateway.stop)
        self._stack.push_async_callback(self._put_phones_away)
        await together(self.gateway.start(), self._start_phones())
        await self._sign_in_handlers()

    def _settle(self) -> None:
        """The directory, the secrets and the site file."""
        self._say(f"settings in {self.directory}")
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        application = self.tokens.configured() if self.tokens else None
        mail: dict[str, Any] = {"mail_domain": self._mail_domain, "application": application}
        self.site = write_site(self.directory, self._prompts, self.ports, self._slots, self._overlay, **mail)
        self.settings = load(self.site)
        trusts = self.certificate.chain if self.tokens else None
        self.gateway = GatewayProcess(self.site, self.settings, self.directory / "gateway.log", trusts)

    async def _start_tokens(self) -> None:
        """What Microsoft 365 would be: it gives tokens to the gateway, and tells the mail servers whether they hold."""
        folder = self.directory / "sign-in"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.certificate = self_signed(folder)
        self.tokens = await self._stack.enter_async_context(TokenServer(self.certificate, self._first_mailbox))
        self._say(f"token server (as Microsoft 365's), whose certificate is {self.certificate.chain}")

    async def _start_edge(self) -> None:
        self._say(f"SIP edge (Kamailio, and rtpengine for its encrypted trunk) at {LOOPBACK}:{self.ports.sip}")
        self.kamailio = await self._stack.enter_async_context(Kamailio(self.settings, self.settings.gateway.run_dir))
        relay = Rtpengine(self.ports.relay_control, self.settings.gateway.run_dir)
        self.relay = await self._stack.enter_async_context(relay)

    async def _start_mail(self) -> None:
        self._say(f"mail server (Dovecot) at {LOOPBACK}:{self.ports.imap}, mail out at {LOOPBACK}:{self.ports.smtp}")
        password = secret(self.directory, "mailbox")
        users = {mailbox.imap.user: password for mailbox in self.settings.email.mailboxes}
        asked = self.tokens.introspection_url if self.tokens else ""
        dovecot = Dovecot(self.directory, users, self.ports.imap, introspection_url=asked)
        self.dovecot = await self._stack.enter_async_context(dovecot)
        accepts = self._token_holds if self.tokens else None
        smtp = SmtpSink(LOOPBACK, self.ports.smtp, dovecot=self.dovecot, accepts=accepts, insists=False)
        self.smtp = await self._stack.enter_async_context(smtp)

    @property
    def _first_mailbox(self) -> str:
        return f"contact@{self._mail_domain}"

    def _token_holds(self, user: str, token: str) -> bool:
        return self.tokens is not None and user == self._first_mailbox and self.tokens.holds(token)

    async def _start_carriers(self) -> None:
        ports = self.ports
        self._say(f"text carriers at {LOOPBACK}:{ports.carrier} (as Twilio) and {LOOPBACK}:{ports.second_carrier}")
        carrier = LocalCarrier(
            account_sid=self.settings.text.account_sid,
            auth_token=secret(self.directory, "texts"),
            webhook_url=f"{self.gateway_url}/webhooks/twilio/message",
            port=self.ports.carrier,
        )
        self.carrier = await self._stack.enter_async_context(carrier)
        second = PlainCarrier(
            secret=secret(self.directory, "second_carrier"),
            webhook_url=f"{self.gateway_url}/webhooks/second/message",
            port=ports.second_carrier,
        )
        self.second_carrier = await self._stack.enter_async_context(second)

    async def _start_phones(self) -> None:
        """Those whom the gateway calls: the public, the control room, the overflow target and the handlers."""
        self._say("telephones: the control room's two, the overflow target's, the public's, the handlers'")
        for number, port in enumerate(self.ports.control_rooms, start=1):
            room = await self._seated(f"control-room-{number}", port, OUTSIDE_ANSWERS, demo.CONTROL_ROOM_SAYS)
            self.control_rooms.append(room)
        self.overflow = await self._seated("overflow", self.ports.overflow, OUTSIDE_ANSWERS, demo.OVERFLOW_SAYS)
        await self.start_trunk()
        trunk = {"address": ENCRYPTED, "srtp": True}
        await self._seated("public-encrypted", self.ports.trunk, OUTSIDE_ANSWERS, demo.PUBLIC_SAYS, **trunk)
        for number, account in enumerate(demo.WITH_PHONE):
            self.phones[account.id] = await self._seated(
                account.id,
                self.ports.phones + number,
                SILENT if self._auto_answer is None else answers(self._auto_answer),
                account.greeting,
                domain=self.settings.edge.domain,
                extension=account.extension,
                password=phone_password(secret(self.directory, "phones"), account.extension),
            )

    async def _sign_in_handlers(self) -> None:
        """The handlers have accounts, their phones are registered, and they are available."""
        self._say("handlers " + ", ".join(account.id for account in demo.HANDLERS))
        async with Client.local(control_path(self.settings.gateway.run_dir)) as administrator:
            await together(*(demo.save_account(administrator, a, self.password) for a in demo.ACCOUNTS))
        await together(*(self.api(account.id) for account in demo.HANDLERS))
        for account in demo.WITH_PHONE:
            await self.phones[account.id].wait_for("registered", REGISTER_SECONDS)
        for account in demo.HANDLERS:  # one after the other: whoever was first available is first offered to
            await (await self.api(account.id)).put("me/presence", {"state": "available"})

    async def _seated(self, name: str, port: int, manner: Manner, says: str, **more: Any) -> Phone:
        """A phone with somebody at it."""
        if self._speech:
            more["voice_wav"] = await spoken(says, self.settings.prompts, CACHE)
        phone = await self._phone(name, port, **more)
        self.people[phone] = Person(phone, manner)
        self.people[phone].start()
        return phone

    async def _phone(self, name: str, port: int, **more: Any) -> Phone:
        """Its tone is its own among all who live: a test that hears it knows whom it hears."""
        if "voice_wav" not in more:
            taken = {phone.tone for phone in self._all_phones if not phone.ended}
            more.setdefault("tone", next(tone for tone in TONES if tone not in taken))
        phone = await Phone.start(name, port, edge_address=LOOPBACK, edge_port=self.ports.sip, **more)
        self._all_phones.append(phone)
        return phone

    async def _put_phones_away(self) -> None:
        """Each, even if another makes trouble."""
        stops = [*(person.stop() for person in self.people.values()), *(phone.stop() for phone in self._all_phones)]
        for result in await asyncio.gather(*stops, return_exceptions=True):
            if isinstance(result, BaseException):
                log.error("telephone_not_stopped", why=repr(result))


async def together(*works: Coroutine[Any, Any, Any]) -> None:
    """All at once; the first that fails ends the others, and its own exception is what is raised."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for work in works:
                tasks.create_task(work)
    except BaseExceptionGroup as group:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None
