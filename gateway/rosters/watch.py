"""Alarms the supervisors when too few handlers are there, or will be: once per cause and half hour, and only where
somebody has imported a roster."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from config.settings import Settings
from gateway.clock import Clock
from gateway.dispatcher import Dispatcher, NotWritten
from gateway.rosters.staffing import forecast_from, rostered, serves, shifts_between, today
from gateway.store.store import Store, StoreError
from routing.events import StaffingShort
from routing.forecast import ALL, HALF_HOUR, Forecast, HalfHour
from routing.model import PresenceState, Time
from routing.shifts import Shift, muster

log = structlog.get_logger()

LOOK_SECONDS = 60.0
FORECAST_SECONDS = 3600.0  # what the past weeks were like changes slowly
SILENT_SECONDS = 1800.0
NAMED = 12  # in one sentence


class RosterWatch:
    def __init__(self, settings: Settings, store: Store, dispatcher: Dispatcher, clock: Clock) -> None:
        self._settings, self._store, self._dispatcher, self._clock = settings, store, dispatcher, clock
        self._zone = ZoneInfo(settings.rosters.time_zone)
        self._forecast: Forecast | None = None
        self._forecast_at: Time = -math.inf
        self._alarmed: dict[tuple[str, str], Time] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while self._settings.rosters.alarm_hours:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except (StoreError, NotWritten) as error:
                log.warning("roster_not_watched", why=str(error), next_try_seconds=LOOK_SECONDS)

    async def look(self) -> list[StaffingShort]:
        """What was alarmed of. Raises StoreError, NotWritten."""
        if not await self._store.has_shifts():
            return []
        now, board = self._clock(), self._dispatcher.board
        found = await self._current(now)
        until = now + self._settings.rosters.alarm_hours * 3600
        near = [h for h in found.half_hours if h.at + HALF_HOUR > now and h.at < until]
        shifts = await shifts_between(self._store, board, now - HALF_HOUR, until + HALF_HOUR)
        short = [*self._missing(near, shifts, now), *self._falls_short(near, shifts, now)]
        due = [e for e in short if now - self._alarmed.get((e.cause, e.queue), -math.inf) >= SILENT_SECONDS]
        for event in due:
            await self._dispatcher.submit(event)
            self._alarmed[event.cause, event.queue] = now
        return due

    async def _current(self, now: Time) -> Forecast:
        """For today and the two days after it: alarm_hours may reach as far."""
        first = today(self._settings, now)
        known = self._forecast
        if known is None or known.first != first or now - self._forecast_at >= FORECAST_SECONDS:
            known = await forecast_from(self._store, self._settings, first, now, days=3)
            self._forecast, self._forecast_at = known, now
        return known

    def _missing(self, near: list[HalfHour], shifts: list[Shift], now: Time) -> Iterator[StaffingShort]:
        """People on shift who are not signed in, where those who are there are too few for now."""
        board = self._dispatcher.board
        absent = muster(board.handlers, shifts, now, self._settings.rosters.late_minutes * 60).missing
        for half_hour in (h for h in near if h.at <= now):
            queue, needed = half_hour.queue, half_hour.at_desks
            there = sum(
                h.presence.state is not PresenceState.OFFLINE and serves(board, h.id, queue)
                for h in board.handlers.values()
            )
            missing = [name for name in absent if serves(board, name, queue)]
            if missing and there < needed:
                who = ", ".join(missing[:NAMED]) + (f" and {len(missing) - NAMED} more" if missing[NAMED:] else "")
                why = (
                    f"{_people(there)} signed in for {_named(queue)}, {needed} needed now. On shift and missing: {who}."
                )
                yield StaffingShort("handlers_missing", queue, why)

    def _falls_short(self, near: list[HalfHour], shifts: list[Shift], now: Time) -> Iterator[StaffingShort]:
        """Half hours to come in which fewer are on the roster than must be."""
        counts = rostered(self._dispatcher.board, shifts, list(dict.fromkeys(h.queue for h in near)))
        for queue in dict.fromkeys(h.queue for h in near):
            short = [h for h in near if h.queue == queue and h.at > now and counts[queue, h.at] < h.on_shift]
            if short:
                worst = max(short, key=lambda h: (h.on_shift - counts[queue, h.at], -h.at))
                more = f"; in {len(short)} half hours in all" if len(short) > 1 else ""
                why = (
                    f"At {self._clock_time(worst.at)} the roster has {_people(counts[queue, worst.at])} for "
                    f"{_named(queue)}, {worst.on_shift} needed{more}, the first at {self._clock_time(short[0].at)}."
                )
                yield StaffingShort("roster_short", queue, why)

    def _clock_time(self, at: Time) -> str:
        return datetime.fromtimestamp(at, self._zone).strftime("%H:%M")


def _named(queue: str) -> str:
    return "all calls together" if queue == ALL else queue


def _people(number: int) -> str:
    return "1 handler" if number == 1 else f"{number} handlers"
