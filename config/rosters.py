"""Rosters: how an HR system's file is read, what a forecast assumes, and when supervisors are alarmed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from config.calendars import Range, TimeZone
from config.section import Section

Share = Annotated[float, Field(ge=0, lt=1)]
COLUMNS = ("person", "date", "begins", "ends", "code")


class Columns(Section):
    """What the HR system calls our columns."""

    person: str = "person"
    date: str = "date"
    begins: str = "begins"
    ends: str = "ends"
    code: str = "code"

    @model_validator(mode="after")
    def _each_once(self) -> Columns:
        names = [getattr(self, name).casefold() for name in COLUMNS]
        if len(set(names)) < len(names):
            raise ValueError("two columns have the same name")
        return self


class Rosters(Section):
    """Times of day are local; ``codes`` and ``absences`` are compared without regard to upper and lower case."""

    time_zone: TimeZone
    columns: Columns = Columns()
    people: dict[str, str] = Field(default_factory=dict)
    codes: dict[str, Range] = Field(default_factory=dict)
    absences: tuple[str, ...] = ()
    weeks_ahead: Annotated[int, Field(ge=1, le=52)]
    history_weeks: Annotated[int, Field(ge=1, le=52)]
    least_weeks: Annotated[int, Field(ge=1, le=52)]
    bank_holidays: Literal["none", "england-and-wales", "scotland"]
    answered_share: Annotated[float, Field(gt=0, lt=1)]
    breaks_share: Share
    alarm_hours: Annotated[float, Field(ge=0, le=48)]
    late_minutes: Annotated[float, Field(ge=0, le=120)]

    @model_validator(mode="after")
    def _agrees(self) -> Rosters:
        if self.least_weeks > self.history_weeks:
            raise ValueError("least_weeks must not be more than history_weeks")
        both = {code.casefold() for code in self.codes} & {word.casefold() for word in self.absences}
        if both:
            raise ValueError(f"{', '.join(sorted(both))} cannot be both a code and an absence")
        return self
