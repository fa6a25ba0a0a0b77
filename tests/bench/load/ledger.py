"""What the database says of calls that are over: every caller has a contact, and nothing is left half done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

from sqlalchemy import func, select

from gateway.store import tables
from gateway.store.looks import Looks
from gateway.store.store import Store
from routing.model import Stage
from tests.bench.lib import Report

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Ledger:
    """``without_contact``: answered calls that are nowhere; ``open``: contacts that are not closed, by stage;
    ``uneven``: the journal's kinds of the contacts that do not have one call each."""

    without_contact: int
    without_recording: int
    cancelled_with_contact: int
    contacts: int
    calls: int
    open: Counter[str]
    follow_ups_due: int
    journal_rows: int
    uneven: dict[str, list[str]]

    @classmethod
    async def read(cls, store: Store, answered: Sequence[str], cancelled: Sequence[str]) -> Self:
        try:
            known = await _known(store, answered)
            async with store.engine.connect() as connection:

                async def count(query: object) -> int:
                    return int((await connection.execute(query)).scalar_one())  # type: ignore[call-overload]

                stages = await connection.execute(
                    select(tables.contacts.c.stage, func.count()).group_by(tables.contacts.c.stage)
                )
                recorded = set((await connection.execute(select(tables.recordings.c.reference))).scalars())
                pending = tables.follow_ups.c.state.in_(("scheduled", "due"))
                by_stage: Counter[str] = Counter(dict(stages.tuples().all()))
                joined = tables.contacts.outerjoin(
                    tables.calls, tables.calls.c.reference == tables.contacts.c.reference
                )
                uneven = await connection.execute(
                    select(tables.contacts.c.reference)
                    .select_from(joined)
                    .group_by(tables.contacts.c.reference)
                    .having(func.count(tables.calls.c.call_id) != 1)
                )
                references = list(uneven.scalars())
                return cls(
                    without_contact=len(answered) - len(known),
                    without_recording=len([reference for reference in known.values() if reference not in recorded]),
                    cancelled_with_contact=len(await _known(store, cancelled)),
                    contacts=by_stage.total(),
                    calls=await count(select(func.count()).select_from(tables.calls)),
                    open=by_stage - Counter({Stage.CLOSED: by_stage[Stage.CLOSED]}),
                    follow_ups_due=await count(select(func.count()).select_from(tables.follow_ups).where(pending)),
                    journal_rows=await count(select(func.count()).select_from(tables.journal)),
                    uneven={r: [row.kind async for row in store.journal(reference=r)] for r in references},
                )
        finally:
            await store.close()

    def report(self, report: Report) -> None:
        for stage, number in self.open.items():
            print(f"  {number} contacts are left in {stage}")
        for reference, kinds in self.uneven.items():
            print(f"  {reference} has not one call: {', '.join(kinds)}")
        report.value("answered callers without a contact", self.without_contact, "calls", target=0)
        report.value("answered callers without a recording", self.without_recording, "calls", target=0)
        report.value("callers who left before the answer, with a contact", self.cancelled_with_contact, "calls")
        report.value("calls more than contacts", abs(self.calls - self.contacts), "rows", target=0)
        report.value("contacts not closed on disk", self.open.total(), "rows", target=0)
        report.value("follow-ups still due", self.follow_ups_due, "rows", target=0)
        report.value("journal rows of each call", self.journal_rows / max(1, self.calls), "rows")


async def _known(store: Store, call_ids: Sequence[str]) -> dict[str, str]:
    """Contacts by Call-ID."""
    known: dict[str, str] = {}
    for first in range(0, len(call_ids), AT_ONCE):
        some = call_ids[first : first + AT_ONCE]
        known |= await store.look(partial(Looks.known_calls, call_ids=some))
    return known
