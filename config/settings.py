"""Every setting of the gateway: typed, frozen, one section for each concern.

A site's file is laid over ``default.toml``, which documents every key. Secrets are never written in a
file that is shared: a secret is ``{ env = "NAME" }`` or ``{ file = "/path" }``.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from config.calendars import Calendar, TimeZone
from config.carriers import HttpCarrier
from config.menus import Known, Menu, menu_mistakes, number_mistakes
from config.menus import VoiceNumber as VoiceNumber
from config.numbers import Dialling, dialling_mistakes, never_dialled, person_of
from config.ordering import DAY, HOUR, Bumps, ChooseBy, LanguageSkill, Skill, Wanted
from config.overflow import Limits, overflow_mistakes
from config.prompts import SPOKEN as SPOKEN
from config.prompts import Prompts as Prompts
from config.rosters import Rosters
from config.safety import Safety
from config.section import Identifier, Number, Port, Seconds, SipUri
from config.section import Section as Section
from config.templates import Acknowledgement, Template, template_mistakes
from config.triage import Triage

KeepDays = Annotated[int, Field(ge=1, le=36_500)]


class Gateway(Section):
    name: str
    data_dir: Path
    run_dir: Path
    log_level: Literal["debug", "info", "warning", "error"]
    shutdown_seconds: Seconds


class Store(Section):
    url: str
    pool_size: Annotated[int, Field(ge=1, le=100)]

    @field_validator("url")
    @classmethod
    def _known_driver(cls, url: str) -> str:
        if not url.startswith(("sqlite+aiosqlite:///", "postgresql+asyncpg://")):
            raise ValueError("must start with sqlite+aiosqlite:/// or postgresql+asyncpg://")
        return url


class Http(Section):
    host: str
    port: Port
    public_url: Annotated[str, Field(pattern=r"^https?://[^\s/]+$")]
    session_hours: Annotated[float, Field(gt=0, le=24)]
    secure_cookies: bool


class Centre(Section):
    id: Identifier
    name: str


class Queue(Limits):
    """Contacts waiting for the same kind of handler."""

    id: Identifier
    name: str
    target_seconds: Annotated[float, Field(gt=0, le=7 * DAY)]
    skills: tuple[Skill, ...] = ()
    wanted: tuple[Wanted, ...] = ()
    prefers: tuple[Skill, ...] = ()
    centre: str = ""
    other_centre_after_seconds: Annotated[float, Field(gt=0, le=DAY)] = 30.0
    acknowledgement: str = ""
    abandoned: Literal["ignore", "call_back"] = "ignore"
    abandoned_ignore_seconds: Seconds = 60.0
    recording_keep_days: KeepDays | None = None


class Routing(Section):
    voice_offer_seconds: Annotated[float, Field(gt=0, le=120)]
    message_offer_seconds: Annotated[float, Field(gt=0, le=HOUR)]
    decline_pause_seconds: Annotated[float, Field(gt=0, le=300)]
    misses_before_away: Annotated[int, Field(ge=1, le=100)]
    owner_first_seconds: Annotated[float, Field(ge=0, le=HOUR)]
    wrap_up_seconds: Annotated[float, Field(gt=0)]
    wrap_up_alarm_seconds: Annotated[float, Field(gt=0)]
    emergency_alarm_seconds: Annotated[float, Field(gt=0, le=120)]
    emergency_alarm_again_seconds: Annotated[float, Field(gt=0)] = 60.0
    emergency_silence_seconds: Annotated[float, Field(gt=0)] = 120.0
    emergency_email_silence_seconds: Annotated[float, Field(gt=0)] = 600.0
    cut_off_seconds: Seconds
    return_minutes: Annotated[float, Field(gt=0)]
    audit_seconds: Annotated[float, Field(gt=0, le=300)] = 5.0
    choose_by: ChooseBy = "longest_idle"
    calls_interrupt_messages: bool = True
    emergency_skills_seconds: Annotated[float, Field(ge=0, le=60)] = 5.0
    broadcast_emergencies: bool = True
    last_handler_hours: Annotated[float, Field(ge=0, le=72)] = 4.0
    last_handler_first_seconds: Annotated[float, Field(ge=0, le=HOUR)] = 10.0
    reopen_hours: Annotated[float, Field(ge=0, le=168)] = 12.0
    bumps: Bumps = Bumps()
    languages: tuple[LanguageSkill, ...] = ()
    never_dial: tuple[Annotated[str, Field(pattern=r"^[0-9]{2,8}$")], ...]
    short_codes: tuple[Annotated[str, Field(pattern=r"^[0-9]{3,6}$")], ...] = ()

    @property
    def dialling(self) -> Dialling:
        return Dialling(self.never_dial, self.short_codes)


class Grade(Section):
    """How fast police must respond; the clocks run from when the grade is given."""

    id: Identifier
    name: str
    dispatch_seconds: Annotated[float, Field(gt=0)] | None = None
    attendance_seconds: Annotated[float, Field(gt=0)] | None = None
    emergency: bool = False


class Disposition(Section):
    id: Identifier
    name: str


class Target(Section):
    """One place in the ordered list that takes emergencies."""

    name: str
    uri: SipUri
    ring_seconds: Annotated[float, Field(gt=0, le=60)] = 8.0


class ControlRoom(Section):
    targets: Annotated[tuple[Target, ...], Field(min_length=1)]
    retry_pause_seconds: Annotated[float, Field(gt=0)]


class Login(Section):
    """What we show a carrier that asks who we are."""

    user: Annotated[str, Field(pattern=r"^[A-Za-z0-9+._-]+$")]
    password: SecretStr


class Registration(Login):
    """An account at a carrier that sends calls only to whoever has registered."""

    domain: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")]
    seconds: Annotated[int, Field(ge=30, le=86400)]


class Trunk(Section):
    """One carrier: where calls to the public go out, and who may bring calls in.

    ``tls_name`` is what its certificate is for, '' when that is ``host``. ``login`` is shown when the
    carrier challenges a call; without it, that of the ``registration``.
    """

    name: Identifier
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")]
    port: Port = 5060
    transport: Literal["udp", "tcp", "tls"] = "udp"
    sources: Annotated[tuple[str, ...], Field(min_length=1)]
    media: Literal["rtp", "srtp"] = "rtp"
    keys_in_clear: bool = False
    tls_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]*$")] = ""
    registration: Registration | None = None
    login: Login | None = None

    @field_validator("sources")
    @classmethod
    def _networks(cls, sources: tuple[str, ...]) -> tuple[str, ...]:
        for source in sources:
            try:
                ip_network(source)
            except ValueError as error:
                raise ValueError(f"must be IP addresses or networks: {error}") from None
        return sources

    @model_validator(mode="after")
    def _keys_are_hidden(self) -> Trunk:
        if self.media == "srtp" and self.transport != "tls" and not self.keys_in_clear:
            raise ValueError(
                f'trunk \'{self.name}\': media = "srtp" needs transport = "tls", or its keys can be read on the way; '
                "keys_in_clear = true says that this is known and wanted"
            )
        return self

    @property
    def uri(self) -> str:
        return f"sip:{self.host}:{self.port}" + ("" if self.transport == "udp" else f";transport={self.transport}")


class Edge(Section):
    """Kamailio, the SIP edge. TLS is off while ``tls_certificate`` is empty."""

    address: str
    port: Port
    domain: str
    rpc_socket: Path
    trunks: Annotated[tuple[Trunk, ...], Field(min_length=1)]
    trunk_check_seconds: Annotated[int, Field(ge=1, le=300)]
    tls_port: Port
    tls_certificate: str
    tls_key: str
    tls_ca: str
    relay_control_port: Port
    relay_port_base: Port
    relay_ports: Annotated[int, Field(ge=8, le=20000)]
    overflow_uri: SipUri
    phone_secret: SecretStr

    @field_validator("address")
    @classmethod
    def _one_address(cls, address: str) -> str:
        """Call processes take calls from this address alone."""
        try:
            usable = ip_address(address).version == 4 and not ip_address(address).is_unspecified
        except ValueError:
            usable = False
        if not usable:
            raise ValueError(f"must be one IPv4 address of this machine, such as 192.0.2.10, not '{address}'")
        return address

    @property
    def encrypting_trunks(self) -> tuple[Trunk, ...]:
        return tuple(trunk for trunk in self.trunks if trunk.media == "srtp")

    @property
    def trunk_sources(self) -> tuple[str, ...]:
        """Addresses and networks that may bring calls in."""
        return tuple(source for trunk in self.trunks for source in trunk.sources)


class Interpreter(Section):
    """Whom a handler can bring into a call for a language."""

    language: Identifier
    name: str
    number: Number


class Voice(Section):
    enabled: bool
    slots: Annotated[int, Field(ge=1, le=500)]
    address: str
    sip_port_base: Port
    rtp_port_base: Port
    numbers: tuple[VoiceNumber, ...]
    default_queue: Identifier
    prompts_dir: Path
    music: Path
    recordings_dir: Path
    start_deadline_seconds: Annotated[float, Field(gt=0)]
    command_deadline_seconds: Annotated[float, Field(gt=0)]
    position_every_seconds: Annotated[float, Field(gt=0)]
    comfort: tuple[Identifier, ...] = ()
    emergency_digits: Annotated[str, Field(pattern=r"^[0-9]{1,4}$")]
    media_lost_seconds: Annotated[float, Field(gt=0)]
    media_lost_ends: tuple[Literal["caller", "handler", "third", "supervisor", "control_room"], ...] = ("handler",)
    fallback_seconds: Annotated[float, Field(gt=0)]
    transfer_ring_seconds: Annotated[float, Field(gt=0, le=120)] = 20.0
    keep_place_after_seconds: Annotated[float, Field(ge=0)] = 120.0
    voicemail_seconds: Annotated[float, Field(ge=10, le=600)] = 180.0
    recording_format: Literal["flac", "wav"] = "flac"
    recording_pause_max_seconds: Annotated[float, Field(gt=0, le=3600)] = 120.0
    recording_keep_days: KeepDays = 2190
    supervisors_shown: bool = True
    voicemail_silence_seconds: Annotated[float, Field(ge=2, le=60)] = 6.0
    silent_after_seconds: Annotated[float, Field(ge=1, le=600)] = 30.0
    interpreters: tuple[Interpreter, ...] = ()


# The carrier whose account stands in ``text`` itself; others are described in ``text.carriers``.
TWILIO = "twilio"


class TextNumber(Section):
    """One of our numbers, for texts and for WhatsApp, and the carrier that has it. ``opt_out``: whether STOP and START
    are obeyed there."""

    number: Number
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


MEDIA_TYPES = ("image/", "video/", "audio/", "text/plain", "text/vcard", "text/x-vcard", "application/pdf")


# What a request of the API can bring.
LARGEST_PICTURES = 5_000_000


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


class OAuth2(Section):
    """An application registered at Microsoft 365, which signs in by itself (client credentials, RFC 6749, 4.4)."""

    tenant: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")]
    client_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")]
    client_secret: SecretStr
    authority: Annotated[str, Field(pattern=r"^https://[^\s/]+$")] = "https://login.microsoftonline.com"
    scope: Annotated[str, Field(pattern=r"^\S+$")] = "https://outlook.office365.com/.default"


Auth = Literal["password", "oauth2"]


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


class FollowUps(Section):
    queue: Identifier
    caller_id: Number
    ring_seconds: Annotated[float, Field(gt=0)]
    attempts: Annotated[int, Field(ge=1)]
    retry_minutes: Annotated[float, Field(gt=0)]
    callback_window_hours: Annotated[float, Field(gt=0)]


class Outbox(Section):
    attempts: Annotated[int, Field(ge=1)]
    first_retry_seconds: Annotated[float, Field(gt=0)]
    last_retry_seconds: Annotated[float, Field(gt=0)]
    concurrency: Annotated[int, Field(ge=1, le=200)]


class Statistics(Section):
    """Whose midnight and hours figures are counted by, and the bands of waits (seconds, ascending)."""

    time_zone: TimeZone
    bands: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1, max_length=12)]

    @field_validator("bands")
    @classmethod
    def _ascending(cls, bands: tuple[float, ...]) -> tuple[float, ...]:
        if list(bands) != sorted(set(bands)):
            raise ValueError("must ascend, without the same number twice")
        return bands


class Settings(Section):
    """The whole configuration, checked as one."""

    gateway: Gateway
    store: Store
    http: Http
    centres: Annotated[tuple[Centre, ...], Field(min_length=1)]
    queues: Annotated[tuple[Queue, ...], Field(min_length=1)]
    routing: Routing
    grades: Annotated[tuple[Grade, ...], Field(min_length=1)]
    dispositions: Annotated[tuple[Disposition, ...], Field(min_length=1)]
    control_room: ControlRoom
    edge: Edge
    voice: Voice
    calendars: tuple[Calendar, ...]
    menus: tuple[Menu, ...]
    prompts: Prompts
    text: Text
    email: Email
    follow_ups: FollowUps
    outbox: Outbox
    rosters: Rosters
    statistics: Statistics
    safety: Safety
    templates: tuple[Template, ...]
    acknowledgements: tuple[Acknowledgement, ...]
    triage: Triage

    @model_validator(mode="after")
    def _names_agree(self) -> Settings:
        mistakes = [
            *self._unknown_queues(),
            *self._unknown_centres(),
            *self._doubled(),
            *self._port_clashes(),
            *self._half_tls(),
            *self._one_network_two_ways(),
            *self._menus_wrong(),
            *self._overflow_wrong(),
            *self._interpreters_wrong(),
            *self._short_codes_wrong(),
            *self._templates_wrong(),
            *self.text.mistakes(),
            *(mistake for mailbox in self.email.mailboxes for mistake in mailbox.mistakes()),
            *self.triage.mistakes(),
        ]
        if mistakes:
            raise ValueError("\n".join(mistakes))
        return self

    def _unknown_queues(self) -> list[str]:
        known = {queue.id for queue in self.queues}
        uses = [
            ("voice.default_queue", self.voice.default_queue),
            ("follow_ups.queue", self.follow_ups.queue),
            *((f"voice.numbers[{n.number}].queue", n.queue) for n in self.voice.numbers),
            *((f"text.numbers[{n.number}].queue", n.queue) for n in self.text.numbers),
            *((f"email.mailboxes[{m.id}].queue", m.queue) for m in self.email.mailboxes),
        ]
        allowed = ", ".join(sorted(known))
        return [f"{key}: no queue '{queue}'; there are: {allowed}" for key, queue in uses if queue not in known]

    def _unknown_centres(self) -> list[str]:
        known = [centre.id for centre in self.centres]
        return [
            f"queues[{q.id}].centre: no centre '{q.centre}'; there are: {', '.join(known)}"
            for q in self.queues
            if q.centre and q.centre not in known
        ]

    def _doubled(self) -> list[str]:
        lists = {
            "centres": [c.id for c in self.centres],
            "queues": [q.id for q in self.queues],
            "grades": [g.id for g in self.grades],
            "dispositions": [d.id for d in self.dispositions],
            "calendars": [c.id for c in self.calendars],
            "menus": [m.id for m in self.menus],
            "templates": [t.id for t in self.templates],
            "edge.trunks": [t.name for t in self.edge.trunks],
            "routing.languages": [one.language for one in self.routing.languages],
            "voice.numbers": [n.number for n in self.voice.numbers],
            "voice.interpreters": [i.language for i in self.voice.interpreters],
            "text.numbers": [n.number for n in self.text.numbers],
            "text.carriers": [TWILIO, *(c.id for c in self.text.carriers)],
            "email.mailboxes": [m.id for m in self.email.mailboxes],
        }
        return [
            f"{key}: '{name}' stands there twice; each must be unique"
            for key, names in lists.items()
            for name in sorted({n for n in names if names.count(n) > 1})
        ]

    def _port_clashes(self) -> list[str]:
        sip = range(self.voice.sip_port_base, self.voice.sip_port_base + self.voice.slots)
        rtp = range(self.voice.rtp_port_base, self.voice.rtp_port_base + 16 * self.voice.slots)
        mistakes = []
        if rtp.stop > 65536 or sip.stop > 65536:
            mistakes.append("voice.slots: the slots' ports run past 65535; lower the bases or the slots")
        if set(sip) & set(rtp):
            mistakes.append("voice.sip_port_base: overlaps the RTP ports (16 for each slot); move one of them")
        if self.edge.port in sip:
            mistakes.append("edge.port: lies among the slots' SIP ports; move voice.sip_port_base")
        relay = range(self.edge.relay_port_base, self.edge.relay_port_base + self.edge.relay_ports)
        if self.edge.encrypting_trunks and (relay.stop > 65536 or set(relay) & {*rtp, *sip, self.edge.port}):
            mistakes.append("edge.relay_port_base: overlaps the slots' ports or runs past 65535; move it")
        if self.edge.tls_certificate and self.edge.tls_port in (self.edge.port, *sip):
            mistakes.append("edge.tls_port: is taken by edge.port or by a slot; choose another")
        return mistakes

    def _half_tls(self) -> list[str]:
        edge = self.edge
        mistakes = []
        if bool(edge.tls_certificate) != bool(edge.tls_key):
            mistakes.append("edge.tls_key: belongs to edge.tls_certificate; set both, or neither")
        if not edge.tls_certificate and any(trunk.transport == "tls" for trunk in edge.trunks):
            mistakes.append("edge.tls_certificate: is missing, and a trunk uses tls; set it, or use udp or tcp")
        return mistakes

    def _one_network_two_ways(self) -> list[str]:
        """Whether a caller must be encrypted is known by the address alone."""
        plain = [(t.name, ip_network(s)) for t in self.edge.trunks if t.media == "rtp" for s in t.sources]
        return [
            f"edge.trunks[{trunk.name}].sources: {source} is also a source of '{name}', which does not encrypt; "
            "give both the same media"
            for trunk in self.edge.encrypting_trunks
            for source in trunk.sources
            for name, network in plain
            if network.version == ip_network(source).version and network.overlaps(ip_network(source))
        ]

    def _menus_wrong(self) -> list[str]:
        known = Known(
            queues=frozenset(queue.id for queue in self.queues),
            menus={menu.id: menu for menu in self.menus},
            calendars=frozenset(calendar.id for calendar in self.calendars),
            prompts=self.prompts.names,
            languages=frozenset(self.prompts.spoken),
            dialling=self.routing.dialling,
        )
        digits = self.voice.emergency_digits
        return [
            *(mistake for menu in self.menus for mistake in menu_mistakes(menu, known, digits)),
            *(mistake for number in self.voice.numbers for mistake in number_mistakes(number, known)),
            *self.prompts.without_words(self.voice.comfort),
        ]

    def _overflow_wrong(self) -> Iterator[str]:
        calendars = [calendar.id for calendar in self.calendars]
        dialling = self.routing.dialling
        return overflow_mistakes({queue.id: queue for queue in self.queues}, calendars, self.prompts.names, dialling)

    def _interpreters_wrong(self) -> Iterator[str]:
        for one in self.voice.interpreters:
            key = f"voice.interpreters[{one.language}].number"
            yield from dialling_mistakes(key, one.number, self.routing.dialling)

    def _short_codes_wrong(self) -> Iterator[str]:
        for code in self.routing.short_codes:
            yield from never_dialled("routing.short_codes", code, self.routing.dialling)

    def _templates_wrong(self) -> Iterator[str]:
        known = {
            "queues": frozenset(queue.id for queue in self.queues),
            "calendars": frozenset(calendar.id for calendar in self.calendars),
            "grades": frozenset(grade.id for grade in self.grades),
        }
        by_itself = {"text.ask_where": self.text.ask_where, "email.ask_where": self.email.ask_where}
        return template_mistakes(self.templates, self.acknowledgements, self.safety, known, by_itself)
