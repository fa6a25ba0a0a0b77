"""The board as it was, from the journal: its rows are followed, nothing is decided again.

A year of rows would take minutes, so the following begins a while before the instant that is asked for: two days by
the default settings. What lies before that and still matters is followed as well: every row of the contacts that were
open then, of those by which somebody counted as a repeat caller, and what was last said of each handler. The tables
tell only which contacts those are; what happened in them is the journal's.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, or_, select

from gateway.store.documents import load_change
from gateway.store.journal import Row
from gateway.store.store import DATABASE_ERRORS, Store, failure
from gateway.store.tables import contacts, journal
from routing.apply import apply
from routing.board import Board
from routing.model import Contact, Time
from routing.rules import Rules

SHIFT_SECONDS = 24 * 3600.0  # since when a handler is idle, at most, is known from there
AT_A_TIME = 50  # rows between two looks at what else there is to do: a few milliseconds
PAGE = 500
SAVED, SEEN = ("HandlerSaved", "HandlerRemoved"), ("PresenceChanged", "SetAway")

Progress = Callable[[int, int], None]  # rows followed, of so many
Before = Callable[[Board, Time], None]  # the board right before a row of this time is followed


class NotFollowed(Exception):
    """The journal cannot be followed under this configuration; the words are for a person."""


@dataclass(slots=True)
class Past:
    """``contact``, from where it is also known when it is closed; ``seq``: the last row that was followed."""

    board: Board
    seq: int = 0

    def contact(self, reference: str) -> Contact:
        return self.board.open_contact(reference) or self.board.touched.contacts[reference]


class History:
    """``remembered``: for how long it matters who has been in contact, in seconds; ``shift``: how much more is
    followed in full."""

    def __init__(
        self,
        store: Store,
        rules: Rules,
        progress: Progress = lambda done, of: None,
        shift: float = SHIFT_SECONDS,
        before: Before = lambda board, at: None,
    ) -> None:
        self._store, self._rules, self._progress, self._before = store, rules, progress, before
        self._window = rules.remembered_seconds + shift
        self._done = self._of = 0

    async def until(self, seq: int, reference: str, past: Past | None = None) -> Past:
        """The board right after row ``seq``, with ``reference`` on it; ``past`` is followed on if it is near enough.

        Raises NotFollowed, StoreError.
        """
        at = await self._time_of(seq)
        begin = await self.last_row(at - self._window) + 1
        if past is None or past.seq < begin - 1:
            past = Past(Board(self._rules), begin - 1)
            earlier = await self._earlier(begin, at, reference)
            self._of += len(earlier) + seq - past.seq
            await self._follow(past.board, earlier)
        else:
            self._of += seq - past.seq
        while past.seq < seq:
            size = min(PAGE, seq - past.seq)
            rows = [row async for row in self._store.journal(after=past.seq, limit=size)]
            if not rows:
                break
            await self._follow(past.board, rows)
            past.seq = rows[-1].seq
        return past

    async def last_row(self, at: Time) -> int:
        """The number of the last row that was written at this time or before; 0 for none."""
        low, high = 0, (await self._store.head()).seq
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if await self._time_of(middle) <= at else (low, middle - 1)
        return low

    async def recorded(self, what: str, first: int, last: int) -> list[str]:
        """The reasons given with this record, in the order of rows: the latest up to row ``first``, which must be
        there, and those from there to row ``last``."""
        columns = journal.c
        said = columns.document.contains(f'"what":"{what}"', autoescape=True)
        query = select(columns.document).where(columns.reference == "", columns.kind == "Recorded", said)
        before = await self._all(query.where(columns.seq <= first).order_by(columns.seq.desc()).limit(1))
        during = await self._all(query.where(columns.seq > first, columns.seq <= last).order_by(columns.seq))
        return [json.loads(row.document)["why"] for row in (*before, *during)] if before else []

    async def _time_of(self, seq: int) -> Time:
        found = await self._all(select(journal.c.at).where(journal.c.seq == seq))
        if not found:
            raise NotFollowed(f"Row {seq} of the journal is missing: run 'contact-gateway journal verify'.")
        return float(found[0].at)

    # --- what lies before ------------------------------------------------------------------------------

    async def _earlier(self, begin: int, at: Time, reference: str) -> list[Row]:
        """The rows before ``begin`` that still matter between there and ``at``, in order."""
        if begin <= 1:
            return []
        since = await self._time_of(begin)
        found = await self._all(self._open_at(since)) + await self._all(self._repeated(since, at))
        references = sorted({reference, *(row.reference for row in found)})
        rows = await self._rows(_of_handlers(begin))
        for n in range(0, len(references), PAGE):
            some = references[n : n + PAGE]
            rows += await self._rows(select(journal).where(journal.c.reference.in_(some), journal.c.seq < begin))
        return sorted(rows, key=lambda row: row.seq)

    def _open_at(self, at: Time) -> Select[Any]:
        columns = contacts.c
        still = or_(columns.closed_at.is_(None), columns.closed_at >= at)
        return select(columns.reference).where(columns.received_at <= at, still)

    def _repeated(self, since: Time, at: Time) -> Select[Any]:
        """Who brought a contact that is open at ``at`` brought these, from before ``since``, not long before it."""
        earlier, known = contacts.c, contacts.alias().c
        still = or_(known.closed_at.is_(None), known.closed_at >= at)
        return select(earlier.reference).where(
            known.received_at <= at,
            still,
            known.party != "",
            earlier.party == known.party,
            earlier.received_at <= since,
            earlier.received_at <= known.received_at,
            earlier.received_at >= known.received_at - self._rules.remembered_seconds,
        )

    # --- following ---------------------------------------------------------------------------------------

    async def _follow(self, board: Board, rows: Iterable[Row]) -> None:
        for row in rows:
            self._before(board, row.at)
            self._apply(board, row)
            self._done += 1
            if self._done % AT_A_TIME == 0:
                self._progress(self._done, self._of)
                await asyncio.sleep(0)  # a gateway that is asked has callers as well
        self._progress(self._done, self._of)
        board.take_settled()
        board.unserved.clear()

    def _apply(self, board: Board, row: Row) -> None:
        change = load_change(row.kind, row.document)
        if (unknown := self._unknown_queue(change)) is not None:
            raise NotFollowed(
                f"Row {row.seq} of the journal speaks of queue '{unknown}', which the configuration does not have any "
                "more: use the configuration of that time (--config)."
            )
        if row.kind in SEEN and change.handler not in board.handlers:
            return  # of one who was removed meanwhile
        try:
            apply(change, board, row.at)
        except LookupError as error:
            raise NotFollowed(f"The journal cannot be followed at row {row.seq} ({row.kind}): {error}.") from error
        for _ in board.due_wakes(row.at):
            pass  # what came of it stands in the journal

    def _unknown_queue(self, change: Any) -> str | None:
        queue = getattr(change, "queue", "") or (change.target if getattr(change, "kind", "") == "queue" else "")
        return queue if queue and queue not in self._rules.queues else None

    # --- reading -----------------------------------------------------------------------------------------

    async def _rows(self, query: Any) -> list[Row]:
        return [Row(**row._mapping) for row in await self._all(query)]

    async def _all(self, query: Any) -> list[Any]:
        try:
            async with self._store.engine.connect() as connection:
                return list((await connection.execute(query)).all())
        except DATABASE_ERRORS as error:
            raise failure(error) from None


def _of_handlers(begin: int) -> Select[Any]:
    """How each handler was saved, every time, and their last presence, of before ``begin``."""
    columns = journal.c
    theirs = (columns.reference == "", columns.seq < begin)
    last = select(func.max(columns.seq)).where(*theirs, columns.kind.in_(SEEN)).group_by(columns.handler)
    return select(journal).where(*theirs, or_(columns.kind.in_(SAVED), columns.seq.in_(last)))
