"""Every setting of the gateway: typed, frozen, one section for each concern.

A site's file is laid over ``default.toml``, which documents every key. Secrets are never written in a
file that is shared: a secret is ``{ env = "NAME" }`` or ``{ file = "/path" }``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from config.alarms import QueueAlarms
from config.calendars import Calendar, TimeZone
from config.edge import Edge
from config.email import Email
from config.menus import Known, Menu, menu_mistakes, number_mistakes
from config.numbers import Dialling, dialling_mistakes, never_dialled
from config.ordering import DAY, HOUR, Bumps, ChooseBy, LanguageSkill, Skill, Wanted
from config.overflow import Limits, overflow_mistakes
from config.prompts import Prompts
from config.rosters import Rosters
from config.safety import Safety
from config.section import Identifier, KeepDays, Number, Port, Seconds, Section
from config.templates import LONGEST_TEXT, Acknowledgement, Template, template_mistakes, words_mistakes
from config.text import TWILIO, Text
from config.triage import Triage
from config.voice import ControlRoom, Voice


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
    voice_offer_seconds: Annotated[float, Field(ge=5, le=120)]
    text_offer_seconds: Annotated[float, Field(ge=5, le=HOUR)]
    email_offer_seconds: Annotated[float, Field(ge=5, le=HOUR)]
    decline_pause_seconds: Annotated[float, Field(gt=0, le=300)]
    misses_before_away: Annotated[int, Field(ge=1, le=100)]
    owner_first_seconds: Annotated[float, Field(ge=0, le=HOUR)]
    wrap_up_seconds: Annotated[float, Field(gt=0, le=DAY)]
    wrap_up_alarm_seconds: Annotated[float, Field(gt=0, le=DAY)]
    emergency_alarm_seconds: Annotated[float, Field(gt=0, le=120)]
    emergency_alarm_again_seconds: Annotated[float, Field(gt=0, le=600)] = 60.0
    emergency_silence_seconds: Annotated[float, Field(gt=0, le=HOUR)] = 120.0
    emergency_email_silence_seconds: Annotated[float, Field(gt=0, le=DAY)] = 600.0
    automatic_answer_hours: Annotated[float, Field(gt=0, le=168)] = 4.0
    cut_off_seconds: Annotated[float, Field(ge=0, le=60)]
    return_minutes: Annotated[float, Field(gt=0, le=1440)]
    audit_seconds: Annotated[float, Field(gt=0, le=300)] = 5.0
    choose_by: ChooseBy = "longest_idle"
    calls_interrupt_messages: bool = True
    emergency_skills_seconds: Annotated[float, Field(ge=0, le=60)] = 5.0
    emergency_wrap_up_seconds: Annotated[float, Field(ge=0, le=120)] = 10.0
    handover_heard_seconds: Annotated[float, Field(ge=0, le=30)] = 5.0
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
    """How fast police must respond, from when the grade is given. Desks show it; nothing watches the times yet."""

    id: Identifier
    name: str
    dispatch_seconds: Annotated[float, Field(gt=0)] | None = None
    attendance_seconds: Annotated[float, Field(gt=0)] | None = None
    emergency: bool = False


class Disposition(Section):
    id: Identifier
    name: str


class FollowUps(Section):
    queue: Identifier
    caller_id: Number
    ring_seconds: Annotated[float, Field(ge=5, le=120)]
    attempts: Annotated[int, Field(ge=1, le=20)]
    retry_minutes: Annotated[float, Field(gt=0, le=1440)]
    callback_window_hours: Annotated[float, Field(gt=0, le=168)]


class Outbox(Section):
    attempts: Annotated[int, Field(ge=1)]
    first_retry_seconds: Annotated[float, Field(gt=0)]
    last_retry_seconds: Annotated[float, Field(gt=0)]
    deferred_hours: Annotated[float, Field(gt=0, le=240)] = 96.0
    deferred_told_minutes: Annotated[float, Field(gt=0)] = 60.0
    deferred_retry_seconds: Annotated[float, Field(gt=0, le=HOUR)] = 900.0
    concurrency: Annotated[int, Field(ge=1, le=200)]

    @model_validator(mode="after")
    def _told_before_it_is_given_up(self) -> Outbox:
        if self.deferred_told_minutes >= self.deferred_hours * 60:
            raise ValueError("deferred_told_minutes must be less than deferred_hours: a handler is told before the end")
        return self


class Statistics(Section):
    """The site's time zone: whose midnight and hours figures are counted by, and in which people type times and are
    shown them. The bands of waits (seconds, ascending)."""

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
    queue_alarms: QueueAlarms
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
            *self.edge.mistakes(),
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
            "email.mailboxes.address": [m.address.casefold() for m in self.email.mailboxes],
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
        by_text = {number.queue for number in self.text.numbers}
        asks = {"text.ask_where": self.text.ask_where, "email.ask_where": self.email.ask_where}
        for queue in self.queues:
            most = LONGEST_TEXT if queue.id in by_text else None
            yield from words_mistakes(f"queues[{queue.id}].acknowledgement", queue.acknowledgement, most)
        yield from template_mistakes(self.templates, self.acknowledgements, self.safety, known, asks, by_text)
