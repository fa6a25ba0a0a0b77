"""Shifts replaced by period, and the sums of the history, on both databases."""

from __future__ import annotations

from dataclasses import replace

from gateway.store.journal import Head, write_row
from gateway.store.records import ImportedRoster, PlannedShift, ShiftsCleared
from gateway.store.store import Batch, Store
from routing.board import Touched
from routing.events import WrapUpCompleted
from routing.forecast import Past
from routing.model import Channel, Contact, Party, Stage

NINE = 1_800_000.0  # the beginning of a half hour
CALL = Contact("C0", Channel.VOICE, "general", Party("+441632960001"), "101", NINE, NINE + 30, entered_queue_at=NINE)


def roster(name: str, at: float) -> ImportedRoster:
    return ImportedRoster(name, at, "local:chief", f"{name}.csv", "00", 0.0, 100.0, "fcc", 1, "person,date\n")


async def test_an_import_replaces_its_period_its_centres_and_its_people_alone(store: Store) -> None:
    kept = [
        PlannedShift("amy", 100.0, 200.0, "fcc", "a"),
        PlannedShift("ben", 50.0, 60.0, "crc", "a"),
    ]
    gone = [PlannedShift("amy", 0.0, 10.0, "fcc", "a"), PlannedShift("cat", 99.0, 120.0, "crc", "a")]
    await store.save(*kept, *gone)
    new = PlannedShift("amy", 20.0, 30.0, "fcc", "b")

    await store.save(ShiftsCleared(0.0, 100.0, ("fcc",), ("cat",), 2), roster("b", 2.0), new)

    assert sorted(await store.shifts(0.0, 1000.0), key=lambda s: s.begins) == [new, kept[1], kept[0]]
    assert await store.shifts(150.0, 151.0) == [kept[0]]


async def test_the_files_of_the_latest_imports_are_kept(store: Store) -> None:
    for n, name in enumerate("abc"):
        await store.save(ShiftsCleared(0.0, 1.0, (), (), 2), roster(name, float(n)))

    assert [r.id for r in await store.rosters()] == ["c", "b"]
    assert await store.roster("a") is None


async def test_the_calls_of_a_half_hour_are_summed_up(store: Store) -> None:
    """Two answered: 100 s and 60 s of wrap-up; 200 s and a wrap-up left open for a day, which counts 900 s. One gave
    up after 40 s. One never reached the queue."""
    answered = replace(CALL, answered_at=NINE + 10, wait_over_at=NINE + 10, ended_at=NINE + 110)
    calls = [
        answered,
        replace(answered, reference="C1", ended_at=NINE + 210),
        replace(CALL, reference="C2", wait_over_at=NINE + 40, ended_at=NINE + 40, ended_in=Stage.QUEUED),
        replace(CALL, reference="C3", entered_queue_at=None),
        replace(CALL, reference="C4", queue="crime", entered_queue_at=NINE + 1800),
    ]
    done = [("C0", NINE + 170), ("C0", NINE + 5000), ("C1", NINE + 86_400)]
    batch, head = Batch(touched=Touched(contacts={c.reference: c for c in calls})), Head()
    for reference, at in done:
        row = write_row(head, WrapUpCompleted(reference, "amy", "resolved"), at, "", reference)
        batch.rows.append(row)
        head = Head(row.seq, row.hash)
    await store.commit(batch)

    past = await store.calls_by_half_hour(NINE - 1, NINE + 1, longest_wrap_up=900.0)

    assert sorted(past, key=lambda p: p.at) == [
        Past("general", NINE, 3, 2, 100 + 60 + 200 + 900, 1, 10 + 10 + 40),
        Past("crime", NINE + 1800, 1, 0, 0.0, 0, 0.0),
    ]
    assert await store.first_call() == NINE
    assert await store.calls_by_half_hour(NINE + 1, NINE + 2, 900.0) == []
