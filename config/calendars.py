"""When a line is open: hours for each weekday, bank holidays, and days of a site's own."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, field_validator

from config.section import Identifier, Section

# 17:00-09:00 runs into the next day; 00:00-24:00 is the whole day.
RANGE = r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
Range = Annotated[str, Field(pattern=RANGE)]
Ranges = tuple[Range, ...]


def _known(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise ValueError("must be a time zone of the IANA database, such as Europe/London") from None
    return name


TimeZone = Annotated[str, AfterValidator(_known)]


class OwnDay(Section):
    """A day with hours of its own, before weekday and bank holiday; no hours is closed all day."""

    date: date
    hours: Ranges


class Calendar(Section):
    """Opening hours in local time; a weekday that is not named is closed."""

    id: Identifier
    time_zone: TimeZone = "Europe/London"
    always: bool = False
    monday: Ranges = ()
    tuesday: Ranges = ()
    wednesday: Ranges = ()
    thursday: Ranges = ()
    friday: Ranges = ()
    saturday: Ranges = ()
    sunday: Ranges = ()
    bank_holidays: Literal["none", "england-and-wales", "scotland"] = "none"
    bank_holiday_hours: Ranges = ()
    own_days: tuple[OwnDay, ...] = ()

    @field_validator("own_days")
    @classmethod
    def _each_once(cls, own_days: tuple[OwnDay, ...]) -> tuple[OwnDay, ...]:
        dates = [own.date for own in own_days]
        if doubled := sorted({day for day in dates if dates.count(day) > 1}):
            raise ValueError(f"{', '.join(map(str, doubled))} stands there twice")
        return own_days

    def weekday(self, number: int) -> Ranges:
        """The ordinary hours of a weekday; Monday is 0."""
        days = (self.monday, self.tuesday, self.wednesday, self.thursday, self.friday, self.saturday, self.sunday)
        return days[number]
