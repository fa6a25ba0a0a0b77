"""The part of the configuration that routing decides by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from config.calendars import Calendar
from config.settings import FollowUps, Queue, Routing, Settings


@dataclass(frozen=True, slots=True)
class Rules:
    queues: Mapping[str, Queue]
    routing: Routing
    follow_ups: FollowUps
    calendars: Mapping[str, Calendar] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> Rules:
        queues = {queue.id: queue for queue in settings.queues}
        calendars = {calendar.id: calendar for calendar in settings.calendars}
        return cls(queues, settings.routing, settings.follow_ups, calendars)
