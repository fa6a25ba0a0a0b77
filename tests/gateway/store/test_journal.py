"""The journal is a chain: what was altered, removed or exchanged is found."""

from __future__ import annotations

import hashlib
import json

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.store.documents import load_change
from gateway.store.journal import Head, Row, verify, write_row
from gateway.store.store import Batch, Store
from routing.commands import Acknowledge, Command, MakeOffer
from routing.events import CallerLeft, Event, HandlerSaved, MessageArrived, OfferAccepted, Recorded
from routing.model import Channel, Handler, Offer, Party

EVENT = MessageArrived("T1", "m1", Channel.TEXT, "texts", Party("+447700900001", "Zoë 👮"), "61016", "text:1", "a\x00b")
OFFER = Offer("T1-1", "T1", "anna", Channel.TEXT, False, 1.0, 61.0)
CHANGES: list[tuple[Event | Command, str]] = [
    (EVENT, "T1"),
    (Acknowledge("T1", "T1-acknowledgement"), "T1"),
    (MakeOffer(OFFER, "longest idle"), "T1"),
    (OfferAccepted("T1-1", "T1", "anna"), "T1"),
    (HandlerSaved(Handler("ben", "Ben", "fcc", frozenset({"a", "b", "c"})), "program:test"), ""),
    (Recorded("contact read", "handler:ben", "\udce9", "T1"), "T1"),
    (CallerLeft("C1"), "C1"),
]


async def written(store: Store, times: int = 1) -> list[Row]:
    head, rows = await store.head(), []
    for n in range(times):
        for change, reference in CHANGES:
            at = 1_700_000_000 + n if n % 2 else 1_700_000_000.1 + n / 3
            row = write_row(head, change, at, "", reference)
            rows.append(row)
            head = Head(row.seq, row.hash)
    await store.commit(Batch(rows=rows))
    return rows


async def altered(engine: AsyncEngine, *statements: str) -> None:
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def test_rows_come_back_as_they_were_and_the_chain_holds(store: Store) -> None:
    rows = await written(store, 3)
    assert [row async for row in store.journal()] == rows
    assert await store.head() == Head(rows[-1].seq, rows[-1].hash)
    verdict = await verify(store.journal())
    assert (verdict.rows, verdict.broken) == (len(rows), None)


@pytest.mark.parametrize("at", [0.0, 1.0, 1_700_000_000.1, 1_764_163_512.3033817, 4_102_444_800.0000005])
def test_the_hash_of_a_row_is_what_it_has_always_been(at: float) -> None:
    head = Head(8, "f" * 64)
    for change, reference in CHANGES:
        row = write_row(head, change, at, "anna", f'{reference} "\\/\x7f\x1f\n\u2028 Zoë')
        fields = [row.seq, row.at, row.entry, row.kind, row.reference, row.handler, row.actor, row.document]
        text = json.dumps([head.hash, *fields], ensure_ascii=False, separators=(",", ":"))
        assert row.hash == hashlib.sha256(text.encode()).hexdigest()


async def test_an_empty_journal_holds(store: Store) -> None:
    assert await store.head() == Head()
    assert (await verify(store.journal())).rows == 0


async def test_a_row_says_who_what_and_whom_it_concerns(store: Store) -> None:
    rows = await written(store)
    assert [r.entry for r in rows] == ["event", "command", "command", "event", "event", "event", "event"]
    assert [r.actor for r in rows] == [
        "caller", "system", "system", "handler:anna", "program:test", "handler:ben", "caller",
    ]  # fmt: skip
    assert [r.handler for r in rows] == ["", "", "anna", "anna", "ben", "", ""]
    assert load_change(rows[0].kind, rows[0].document) == EVENT
    assert load_change(rows[2].kind, rows[2].document) == MakeOffer(OFFER, "longest idle")


async def test_it_is_read_by_contact_by_handler_behind_a_row_and_in_pages(store: Store) -> None:
    rows = await written(store, 400)
    of_contact = [r.seq async for r in store.journal(reference="C1")]
    assert of_contact == [r.seq for r in rows if r.reference == "C1"]
    of_handler = [r.seq async for r in store.journal(handler="ben", after=1_000, limit=2)]
    assert of_handler == [r.seq for r in rows if r.handler == "ben" and r.seq > 1_000][:2]
    assert [r.seq async for r in store.journal()] == [r.seq for r in rows], "more than a page of 1,000"
    assert len([r async for r in store.journal(limit=1_500)]) == 1_500


@pytest.mark.parametrize("column", ["reference", "kind", "entry", "handler", "actor", "document", "hash", "previous"])
async def test_an_altered_row_is_found(store: Store, engine: AsyncEngine, column: str) -> None:
    await written(store)
    await altered(engine, f"UPDATE journal SET {column} = 'X' || {column} WHERE seq = 3")
    verdict = await verify(store.journal())
    assert (verdict.rows, verdict.broken) == (2, 3)


async def test_an_altered_time_is_found(store: Store, engine: AsyncEngine) -> None:
    await written(store)
    await altered(engine, "UPDATE journal SET at = at - 60 WHERE seq = 3")
    assert (await verify(store.journal())).broken == 3


@pytest.mark.parametrize("missing", [1, 4])
async def test_a_missing_row_is_found(store: Store, engine: AsyncEngine, missing: int) -> None:
    await written(store)
    await altered(engine, f"DELETE FROM journal WHERE seq = {missing}")
    verdict = await verify(store.journal())
    assert verdict.broken == missing + 1
    assert verdict.why == f"row {missing} is missing"


async def test_a_missing_row_whose_followers_were_renumbered_is_found(store: Store, engine: AsyncEngine) -> None:
    await written(store)
    renumber = [f"UPDATE journal SET seq = {n - 1} WHERE seq = {n}" for n in range(5, 8)]
    await altered(engine, "DELETE FROM journal WHERE seq = 4", *renumber)
    assert (await verify(store.journal())).broken == 4


async def test_two_exchanged_rows_are_found(store: Store, engine: AsyncEngine) -> None:
    await written(store)
    await altered(
        engine,
        "UPDATE journal SET seq = 100 WHERE seq = 3",
        "UPDATE journal SET seq = 3 WHERE seq = 4",
        "UPDATE journal SET seq = 4 WHERE seq = 100",
    )
    assert (await verify(store.journal())).broken == 3


async def test_a_forged_row_with_a_hash_of_its_own_breaks_the_next(store: Store, engine: AsyncEngine) -> None:
    rows = await written(store)
    forged = write_row(Head(2, rows[1].hash), CallerLeft("C9"), rows[2].at, "", "C9")
    await altered(engine, "DELETE FROM journal WHERE seq = 3")
    await store.commit(Batch(rows=[forged]))
    verdict = await verify(store.journal())
    assert (verdict.broken, verdict.why) == (4, "does not follow the row before it")
