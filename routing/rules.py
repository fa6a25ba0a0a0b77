"""The part of the configuration that routing decides by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from config.calendars import Calendar
from config.safety import Safety
from config.settings import FollowUps, Queue, Routing, Settings
from config.templates import Acknowledgement
from routing.abilities import Needs

HOUR = 3_600.0
LOST_SECONDS = 60.0  # the target of a queue that is not configured any more


@dataclass(frozen=True, slots=True)
class Rules:
    """``ask_where``: by channel the template that asks for the place of an emergency, '' where nobody is asked."""

    queues: Mapping[str, Queue]
    routing: Routing
    follow_ups: FollowUps
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    safety: Safety = field(default_factory=Safety)
    acknowledgements: tuple[Acknowledgement, ...] = ()
    emergency_grade: str = ""
    ask_where: Mapping[str, str] = field(default_factory=dict)
    needs: Needs = field(init=False, compare=False, repr=False)
    longest_waits: Mapping[str, float] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        patience = (self.routing.emergency_skills_seconds, self.routing.emergency_wrap_up_seconds)
        needs = Needs(self.queues, self.routing.languages, *patience)
        object.__setattr__(self, "needs", needs)
        longest = {queue.id: queue.longest_wait_seconds for queue in self.queues.values()}
        object.__setattr__(self, "longest_waits", longest)

    @property
    def remembered_seconds(self) -> float:
        """For how long it matters who has been in contact."""
        return HOUR * max(self.routing.bumps.repeat_hours, self.routing.last_handler_hours)

    @property
    def reopen_seconds(self) -> float:
        """For how long after it was closed a conversation by text or email can go on."""
        return HOUR * self.routing.reopen_hours

    def with_queues(self, ids: Iterable[str]) -> Rules:
        """In place of each queue that the configuration has lost, one that any handler serves: contacts are in it."""
        gone = set(ids) - self.queues.keys()
        lost = {queue: Queue(id=queue, name=queue, target_seconds=LOST_SECONDS) for queue in sorted(gone)}
        return replace(self, queues={**self.queues, **lost}) if lost else self

    @classmethod
    def of(cls, settings: Settings) -> Rules:
        queues = {queue.id: queue for queue in settings.queues}
        calendars = {calendar.id: calendar for calendar in settings.calendars}
        return cls(
            queues,
            settings.routing,
            settings.follow_ups,
            calendars,
            settings.safety,
            settings.acknowledgements,
            next((grade.id for grade in settings.grades if grade.emergency), ""),
            {"text": settings.text.ask_where, "email": settings.email.ask_where},
        )
