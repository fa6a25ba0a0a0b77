"""A scenario: what comes in, who is there, what goes wrong. Read from a TOML file; every mistake is named.

``docs/routing.md`` explains the keys; ``config/scenarios`` holds examples.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, NaiveDatetime, ValidationError, field_validator, model_validator

from config.load import DEFAULT, follows_from_another
from config.numbers import Dialling
from config.ordering import Skill
from config.overflow import CAUSES, overflow_mistakes
from config.section import Identifier, Seconds, Section
from config.settings import Centre, FollowUps, Queue, Routing
from config.words import in_words
from gateway.simulate.chance import Spread
from routing.model import Channel
from routing.rules import Rules

HOURS, WEEKDAYS = 24, 7
YEAR_HOURS = 365.25 * 24
Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
OFF = "off"
FIRST_START, LAST_START = date(1980, 1, 1), date(2200, 1, 1)
# On the machines it was measured on (docs/routing.md), with room for a busy one; so many take some four hours.
SECONDS_FOR_ONE = 0.0003
MOST_CONTACTS = 50_000_000


class ScenarioError(Exception):
    """What is wrong with a scenario, one line for each mistake."""


class Demand(Section):
    """One stream of contacts. One of ``per_year``, ``per_day``, ``per_hour`` gives its mean; ``by_hour`` and
    ``by_weekday`` (Monday first) how it varies, as weights. ``patience``: how long a caller waits; None: forever.
    ``emergencies``: the share that is known as an emergency on arrival (the caller pressed 55)."""

    id: Identifier
    queue: Identifier
    channel: Channel
    per_year: Annotated[float, Field(gt=0)] | None = None
    per_day: Annotated[float, Field(gt=0)] | None = None
    per_hour: Annotated[float, Field(gt=0)] | None = None
    by_hour: Annotated[tuple[Weight, ...], Field(min_length=HOURS, max_length=HOURS)] = (1.0,) * HOURS
    by_weekday: Annotated[tuple[Weight, ...], Field(min_length=WEEKDAYS, max_length=WEEKDAYS)] = (1.0,) * WEEKDAYS
    greeting_seconds: Seconds = 0.0
    handling: Spread
    wrap_up: Spread = Spread(kind="fixed", mean=0)
    patience: Spread | None = None
    emergencies: Share = 0.0

    @field_validator("by_hour", "by_weekday")
    @classmethod
    def _something_comes(cls, weights: tuple[float, ...]) -> tuple[float, ...]:
        if not sum(weights):
            raise ValueError("at least one weight must be above 0")
        return weights

    @model_validator(mode="after")
    def _one_rate(self) -> Demand:
        if sum(rate is not None for rate in (self.per_year, self.per_day, self.per_hour)) != 1:
            raise ValueError("give one of per_year, per_day and per_hour")
        if self.patience is not None and self.channel is not Channel.VOICE:
            raise ValueError("only callers give up waiting: patience is for the channel voice")
        return self

    @property
    def hourly(self) -> float:
        """The mean of all hours."""
        return self.per_hour or (self.per_day or 0.0) / HOURS or (self.per_year or 0.0) / YEAR_HOURS

    def rate_at(self, local: datetime) -> float:
        """Arrivals a second at this local time, bursts aside."""
        hour = self.by_hour[local.hour] * HOURS / sum(self.by_hour)
        day = self.by_weekday[local.weekday()] * WEEKDAYS / sum(self.by_weekday)
        return self.hourly * hour * day / 3600


class Shift(Section):
    """Local time; one that ends before it begins goes over midnight."""

    id: Identifier
    begins: time
    ends: time


class Team(Section):
    """``posts`` people who follow one rota, spread evenly over its days. ``rota``: a shift or ``off`` for each day,
    then from the beginning again; without a rota they are always there. ``absent``: the share of shifts not worked.
    """

    id: Identifier
    centre: Identifier
    posts: Annotated[int, Field(ge=1, le=2000)]
    skills: tuple[Skill, ...] = ()
    rota: tuple[Identifier, ...] = ()
    absent: Share = 0.0
    text_capacity: Annotated[int, Field(ge=0, le=10)] = 3
    email_capacity: Annotated[int, Field(ge=0, le=10)] = 3


class Burst(Section):
    """``times`` as many of these for a while. Local time."""

    demand: Identifier
    begins: NaiveDatetime
    minutes: Annotated[float, Field(gt=0)]
    times: Annotated[float, Field(gt=1)]


class Outage(Section):
    """Everybody of a centre is gone at once: their callers go back to their places. Local time."""

    centre: Identifier
    begins: NaiveDatetime
    minutes: Annotated[float, Field(gt=0)]


class Behaviour(Section):
    """What people do beside handling. ``answer``: until a handler takes a call that rings, ``accept``: a message.
    ``missed``: the share of offers that nobody answers; a handler who was set away comes back after ``away``.
    ``reached``: the share of people called back who answer, after ``callback_rings``. ``control_room``: until it
    answers. ``review``: to look at a contact that nobody talks in any more."""

    answer: Spread = Spread(kind="fixed", mean=4)
    accept: Spread = Spread(kind="fixed", mean=6)
    missed: Share = 0.0
    away: Spread = Spread(kind="exponential", mean=300)
    reached: Share = 0.7
    callback_rings: Spread = Spread(kind="fixed", mean=12)
    control_room: Spread = Spread(kind="fixed", mean=8)
    review: Spread = Spread(kind="exponential", mean=120)


class Scenario(Section):
    """``warm_up_hours`` at the beginning are not measured."""

    name: str
    seed: int = 1
    start: Annotated[date, Field(ge=FIRST_START, le=LAST_START)]
    days: Annotated[float, Field(gt=0, le=3660)]
    warm_up_hours: Annotated[float, Field(ge=0)] = 0.0
    time_zone: str = "Europe/London"
    routing: Routing
    follow_ups: FollowUps
    centres: Annotated[tuple[Centre, ...], Field(min_length=1)]
    queues: Annotated[tuple[Queue, ...], Field(min_length=1)]
    demand: Annotated[tuple[Demand, ...], Field(min_length=1)]
    shifts: tuple[Shift, ...] = ()
    teams: Annotated[tuple[Team, ...], Field(min_length=1)]
    bursts: tuple[Burst, ...] = ()
    outages: tuple[Outage, ...] = ()
    behaviour: Behaviour = Behaviour()

    @model_validator(mode="after")
    def _names_agree(self) -> Scenario:
        mistakes = [*self._doubled(), *self._unknown(), *self._out_of_time(), *self._led_wrong()]
        if not mistakes and self.contacts > MOST_CONTACTS:
            hours = self.contacts * SECONDS_FOR_ONE / 3600
            long = f"{hours:,.0f} hours" if hours < HOURS * 3660 else "years"
            mistakes.append(
                f"demand: makes about {self.contacts:,.0f} contacts, {long} of work; the most is {MOST_CONTACTS:,}"
            )
        if self.warm_up_hours >= self.days * HOURS:
            mistakes.append("warm_up_hours: must be shorter than the scenario")
        if mistakes:
            raise ValueError("\n".join(mistakes))
        return self

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"there is no time zone {name}") from None
        return name

    def _doubled(self) -> Iterable[str]:
        for what in ("centres", "queues", "demand", "shifts", "teams"):
            ids = [entry.id for entry in getattr(self, what)]
            yield from (f"{what}: {name} is there twice" for name in sorted({i for i in ids if ids.count(i) > 1}))

    def _unknown(self) -> Iterable[str]:
        known = {
            what: {entry.id for entry in getattr(self, what)} for what in ("centres", "queues", "demand", "shifts")
        }
        used = [
            *(("queues", d.queue, f"demand {d.id}") for d in self.demand),
            *(("centres", q.centre, f"queue {q.id}") for q in self.queues if q.centre),
            *(("centres", t.centre, f"team {t.id}") for t in self.teams),
            *(("shifts", shift, f"team {t.id}") for t in self.teams for shift in t.rota if shift != OFF),
            *(("demand", b.demand, f"bursts.{n}.demand") for n, b in enumerate(self.bursts)),
            *(("centres", o.centre, f"outages.{n}.centre") for n, o in enumerate(self.outages)),
            *(("queues", self.follow_ups.queue, "follow_ups") for _ in (1,)),
        ]
        for what, name, where in used:
            if name not in known[what]:
                yield f"{where}: there is no {name} among the {what} ({', '.join(sorted(known[what])) or 'none'})"

    def _led_wrong(self) -> Iterable[str]:
        """As in the configuration. There are no calendars and nobody hears a prompt; who was led out would be left on
        the line with nobody, for nothing here plays an outside number or a voicemail."""
        steps = [
            (f"queues[{queue.id}].overflow.{cause}[{place}].{step.kind}", step)
            for queue in self.queues
            for cause in CAUSES
            for place, step in enumerate(getattr(queue.overflow, cause))
        ]
        if out := [key for key, step in steps if step.kind in ("voicemail", "number")]:
            return [f"{key}: is not played; lead on to a queue, to a call back or to stay" for key in out]
        prompts = frozenset(step.target for _, step in steps)
        return overflow_mistakes({queue.id: queue for queue in self.queues}, (), prompts, Dialling(()))

    def _out_of_time(self) -> Iterable[str]:
        """What begins before or after the scenario would be left out without a word."""
        first, last = (datetime.fromtimestamp(at, self.zone) for at in (self.begins, self.ends))
        for what in ("bursts", "outages"):
            for n, event in enumerate(getattr(self, what)):
                if not self.begins <= self.at(event.begins) < self.ends:
                    time_of_it = f"from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}"
                    yield f"{what}.{n}.begins: {event.begins} is not in the scenario, which is {time_of_it}"

    @property
    def contacts(self) -> float:
        """About how many come in."""
        usual = sum(demand.hourly for demand in self.demand) * self.days * HOURS
        return usual + sum(self._extra(burst) for burst in self.bursts)

    def _extra(self, burst: Burst) -> float:
        demand = next(demand for demand in self.demand if demand.id == burst.demand)
        long = min(burst.minutes * 60, self.ends - self.at(burst.begins))
        return demand.rate_at(burst.begins) * (burst.times - 1) * long

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def begins(self) -> float:
        """Midnight at the start, seconds since 1970 UTC, like all times here."""
        return self.at(datetime.combine(self.start, time()))

    @property
    def ends(self) -> float:
        return self.begins + self.days * HOURS * 3600

    def at(self, local: datetime) -> float:
        return local.replace(tzinfo=self.zone).timestamp()

    @property
    def rules(self) -> Rules:
        return Rules({queue.id: queue for queue in self.queues}, self.routing, self.follow_ups)


def load_scenario(path: Path) -> Scenario:
    """What ``routing`` and ``follow_ups`` do not say is as in ``default.toml``. Raises ScenarioError."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: is not valid TOML: {error}") from None
    try:
        return scenario_of(given)
    except ValidationError as error:
        own = [e for e in error.errors() if not follows_from_another(e, error.errors())]
        raise ScenarioError("\n".join(f"{path}: {line}" for e in own for line in _in_words(e))) from None


def scenario_of(given: dict[str, Any]) -> Scenario:
    """Raises pydantic's ValidationError."""
    defaults = tomllib.loads(DEFAULT.read_text(encoding="utf-8"))
    queues = given.get("queues")
    named = (q["id"] for q in queues if isinstance(q, dict) and "id" in q) if isinstance(queues, list) else iter(())
    follow_ups = defaults["follow_ups"] | {"queue": next(named, "missing")}
    standard = {"routing": defaults["routing"], "follow_ups": follow_ups}
    return Scenario.model_validate(standard | {name: _over(standard.get(name), own) for name, own in given.items()})


def _over(standard: dict[str, Any] | None, own: Any) -> Any:
    return standard | own if standard is not None and isinstance(own, dict) else own


def _in_words(error: Any) -> list[str]:
    key = ".".join(str(part) for part in error["loc"])
    unknown = "there is no such setting" if error["type"] == "extra_forbidden" else ""
    return [f"{key}: {line}" if key else line for line in (unknown or in_words(error)).splitlines()]
