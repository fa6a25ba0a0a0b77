"""The single writer: what it says is written is on disk, once, whatever happens in between."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy import event as listen_to

from config.settings import Settings
from gateway import dispatcher as dispatching
from gateway.deciding import Happened, Outcome, Refused
from gateway.dispatcher import Committed, NotWritten
from gateway.store.records import Attachment, CallRecord, MailCursor
from gateway.store.store import Batch, NotStorable, Store, StoreError
from routing import events as ev
from routing.board import Board
from routing.commands import EndOffer, MakeOffer
from routing.model import Channel, FollowUp, Handler, Party, Presence, PresenceState
from routing.rules import Rules
from tests.support.clock import FakeClock
from tests.support.crash import Nursery
from tests.support.postgres import Postgres
from tests.support.writer import DEADLINE, Writer, arrival, assert_sound, settings_for, until

ANNA = Handler("anna", "Anna", "fcc", extension="2001")


@pytest.fixture
def here(tmp_path: Path) -> Settings:
    return settings_for(tmp_path)


@pytest.fixture
def url(here: Settings) -> str:
    return here.store.url


def transactions() -> Callable[[], int]:
    """Counts commits from now on."""
    commits: list[object] = []
    listen_to.listen(Engine, "commit", commits.append)
    return lambda: len(commits)


def call(n: int, call_id: str) -> tuple[ev.CallArrived, CallRecord]:
    arrived = ev.CallArrived(f"C{n}", call_id, "general", Party("+441632960001"), "101")
    return arrived, CallRecord(call_id, f"C{n}", 1.0)


async def anna_signs_in(writer: Writer) -> None:
    await writer.dispatcher.submit(ev.HandlerSaved(ANNA, "program:test"))
    await writer.dispatcher.submit(ev.PresenceChanged("anna", Presence(PresenceState.AVAILABLE), "handler:anna"))


async def anna_signs_out(writer: Writer) -> None:
    await writer.dispatcher.submit(ev.PresenceChanged("anna", Presence(PresenceState.OFFLINE), "handler:anna"))


async def test_the_expected_wait_is_known_again_after_a_restart(here: Settings, url: str) -> None:
    async with Writer(url, here) as writer:
        await anna_signs_in(writer)
        for n in range(5):
            arrived, record = call(n, f"id{n}")
            await writer.dispatcher.submit(arrived, record)
            await writer.dispatcher.submit(ev.CallQueued(f"C{n}"))
            await writer.dispatcher.submit(ev.OfferAccepted(f"C{n}-1", f"C{n}", "anna"))
            await writer.dispatcher.submit(ev.CallEnded(f"C{n}", "handler:anna"))
            await writer.dispatcher.submit(ev.WrapUpCompleted(f"C{n}", "anna", "resolved"))
    async with Writer(url, here) as again:
        assert again.dispatcher.board.answers.expected("general", 1, time.time()) is not None


# --- writing -----------------------------------------------------------------------------------------


async def test_what_is_said_to_be_written_is_on_disk(here: Settings, url: str) -> None:
    async with Writer(url, here) as writer:
        outcome = await writer.text(1)
        with sqlite3.connect(url.removeprefix("sqlite+aiosqlite:///")) as other:
            rows = other.execute("SELECT reference, body FROM messages WHERE direction = 'in'").fetchall()
        assert rows == [(outcome.reference, "text 1")]
        await assert_sound(writer.store, writer.rules, writer.dispatcher.board)


async def test_it_is_carried_out_only_after_it_is_on_disk(here: Settings, url: str) -> None:
    seen: list[int] = []

    def look(committed: Committed) -> None:
        with sqlite3.connect(url.removeprefix("sqlite+aiosqlite:///")) as other:
            newest = other.execute("SELECT max(seq) FROM journal").fetchone()[0]
        seen.append(newest - committed.rows[-1].seq)

    async with Writer(url, here) as writer:
        writer.watchers = [lambda committed: look(committed) if committed.rows else None]
        await anna_signs_in(writer)
        await writer.text(1)
    assert seen == [0, 0, 0]


async def test_many_at_once_share_a_few_transactions(here: Settings, url: str) -> None:
    async with Writer(url, here) as writer:
        count = transactions()
        await asyncio.gather(*(writer.text(n) for n in range(500)))
        assert count() <= 10
        assert len(writer.dispatcher.board.contacts) == 500
        await assert_sound(writer.store, writer.rules, writer.dispatcher.board)


async def test_after_events_that_came_together_those_of_the_next_moment_share_a_transaction(
    here: Settings, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "apart", lambda count: 1.0)
    loop = asyncio.get_running_loop()
    async with Writer(url, here) as writer:
        commits, began = transactions(), loop.time()
        await asyncio.gather(writer.text(1), writer.text(2))
        later = [asyncio.create_task(writer.text(3))]
        loop.call_later(0.05, lambda: later.append(asyncio.create_task(writer.text(4))))
        await until(lambda: commits() == 2)
        await asyncio.gather(*later)
        assert (commits(), len(later)) == (2, 2), "the third waited for the fourth"
        assert loop.time() - began >= 1.0

        began = loop.time()
        await writer.text(5)
        await writer.text(6)
        assert loop.time() - began < 2.0, "whoever comes alone waits for nobody"


async def test_an_acknowledgement_is_written_with_what_it_answers(here: Settings, url: str) -> None:
    async with Writer(url, here) as writer:
        count = transactions()
        await writer.text(1)
        assert count() == 1
        (item,) = await writer.store.outbox_open()
        message = await writer.store.message(item.message)
        assert message is not None and "T1" in message.body and message.automatic


async def test_a_message_belongs_to_the_contact_that_took_it(here: Settings, url: str) -> None:
    async with Writer(url, here) as writer:
        outcomes = await asyncio.gather(*(writer.text(n, "+447700900001") for n in range(3)))
        assert [o.reference for o in outcomes] == ["T0", "T0", "T0"]
        assert [m.body for m in await writer.store.messages("T0") if m.direction == "in"] == [
            "text 0", "text 1", "text 2",
        ]  # fmt: skip
        of_contact = [row.kind async for row in writer.store.journal(reference="T0")]
        assert of_contact.count("MessageArrived") == 3


# --- nothing twice -----------------------------------------------------------------------------------


async def test_the_same_text_twice_in_one_batch_is_one_text(here: Settings, url: str) -> None:
    async with Writer(url, here) as writer:
        first, second = await asyncio.gather(writer.text(1), writer.text(1))
        assert (first.duplicate, second.duplicate) == (False, True)
        assert first.reference == second.reference == "T1"
        assert len([m for m in await writer.store.messages("T1") if m.direction == "in"]) == 1


async def test_the_same_text_after_a_restart_is_one_text(here: Settings, url: str) -> None:
    async with Writer(url, here) as writer:
        await writer.text(1)
    async with Writer(url, here) as writer:
        count = transactions()
        outcome = await writer.dispatcher.submit(*arrival(1))
        assert (outcome.reference, outcome.duplicate, outcome.commands) == ("T1", True, ())
        assert count() == 0
        await assert_sound(writer.store, writer.rules, writer.dispatcher.board)


async def test_the_same_call_twice_is_one_call(here: Settings, url: str) -> None:
    async with Writer(url, here) as writer:
        both = await asyncio.gather(*(writer.dispatcher.submit(*call(n, "a84b4c76e66710@pc33")) for n in (1, 2)))
        assert [(o.reference, o.duplicate) for o in both] == [("C1", False), ("C1", True)]
    async with Writer(url, here) as writer:
        again = await writer.dispatcher.submit(*call(3, "a84b4c76e66710@pc33"))
        assert (again.reference, again.duplicate) == ("C1", True)


async def test_a_caller_who_was_cut_off_and_calls_again_belongs_to_the_contact_they_had(
    here: Settings, url: str
) -> None:
    async with Writer(url, here) as writer:
        first, again = call(1, "first@phone"), call(2, "again@phone")
        await writer.dispatcher.submit(*first)
        await writer.dispatcher.submit(ev.CallLost(first[0].reference, "died"))
        back = replace(again[0], party=first[0].party, our_address=first[0].our_address)
        outcome = await writer.dispatcher.submit(back, again[1])
        assert outcome.reference == first[0].reference
        assert await writer.store.look(lambda looks: looks.known_calls({"again@phone"})) == {
            "again@phone": first[0].reference
        }
        assert writer.dispatcher.board.contacts[first[0].reference].live


async def test_a_call_id_that_looks_like_a_texts_key_is_none(here: Settings, url: str) -> None:
    async with Writer(url, here) as writer:
        first, second = await asyncio.gather(writer.text(1), writer.dispatcher.submit(*call(1, "text:1")))
        assert (first.reference, second.reference, second.duplicate) == ("T1", "C1", False)


async def test_a_mail_that_we_had_still_moves_the_cursor(here: Settings, url: str) -> None:
    async with Writer(url, here) as writer:
        await writer.text(1)
        await writer.dispatcher.submit(*arrival(1), MailCursor("contact", 7, 42))
        assert await writer.store.cursor("contact") == MailCursor("contact", 7, 42)


# --- refused, and poison -----------------------------------------------------------------------------


async def test_what_is_over_is_refused_and_leaves_no_trace(here: Settings, url: str) -> None:
    async with Writer(url, here) as writer:
        with pytest.raises(Refused, match="closed"):
            await writer.dispatcher.submit(ev.CallerLeft("C9"), MailCursor("contact", 1, 1))
        assert [row async for row in writer.store.journal()] == []
        assert await writer.store.cursor("contact") is None


async def test_two_who_take_the_same_in_one_second_the_second_is_told(here: Settings, url: str) -> None:
    async with Writer(url, here) as writer:
        await anna_signs_in(writer)
        outcome = await writer.text(1)
        (made,) = [c for c in outcome.commands if isinstance(c, MakeOffer)]
        accepted = ev.OfferAccepted(made.offer.id, "T1", "anna")
        both = await asyncio.gather(*(writer.dispatcher.submit(accepted) for _ in range(2)), return_exceptions=True)
        assert not isinstance(both[0], Exception) and isinstance(both[1], Refused)


async def test_an_event_that_breaks_something_does_no_harm_to_its_neighbours(here: Settings, url: str) -> None:
    poison = ev.CallArrived("C1", "id", "no such queue", Party(""), "101")
    async with Writer(url, here) as writer:
        outcomes = await asyncio.gather(
            writer.text(1), writer.dispatcher.submit(poison), writer.text(2), writer.text(1), return_exceptions=True
        )
        assert isinstance(outcomes[1], KeyError)
        assert [o.duplicate for o in outcomes if not isinstance(o, BaseException)] == [False, False, True]
        assert sorted(writer.dispatcher.board.contacts) == ["T1", "T2"]
        await writer.text(3)
        await assert_sound(writer.store, writer.rules, writer.dispatcher.board)


async def test_values_that_no_database_takes_do_no_harm_to_their_neighbours(here: Settings, url: str) -> None:
    orphan = Attachment("a1", "no such message", "f", "t", 1, "", "")
    async with Writer(url, here) as writer:
        outcomes = await asyncio.gather(
            writer.text(1),
            writer.dispatcher.submit(*arrival(2), orphan),
            writer.text(3),
            return_exceptions=True,
        )
        assert isinstance(outcomes[1], NotStorable)
        assert sorted(writer.dispatcher.board.contacts) == ["T1", "T3"]
        await assert_sound(writer.store, writer.rules, writer.dispatcher.board)


async def test_what_is_submitted_together_is_written_in_one_transaction_in_its_order(here: Settings, url: str) -> None:
    async with Writer(url, here) as writer:
        commits = transactions()
        outcomes = await writer.dispatcher.submit_together(*(_with_records(n) for n in (1, 2, 1)))
        assert commits() == 1
        assert [(o.reference, o.duplicate) for o in outcomes] == [("T1", False), ("T2", False), ("T1", True)]
        rows = [row async for row in writer.store.journal(kind="MessageArrived")]
        assert [row.reference for row in rows] == ["T1", "T2"]


@pytest.mark.parametrize("which", ["refused", "broken", "not storable"])
async def test_of_what_is_submitted_together_nothing_is_written_when_some_of_it_cannot_be(
    here: Settings, url: str, which: str
) -> None:
    bad: dict[str, tuple[Happened, type[Exception]]] = {
        "refused": ((ev.CallerLeft("C9"), ()), Refused),
        "broken": ((ev.CallArrived("C1", "id", "no such queue", Party(""), "101"), ()), KeyError),
        "not storable": ((arrival(3)[0], (Attachment("a1", "none", "f", "t", 1, "", ""),)), NotStorable),
    }
    cursor = MailCursor("contact", 7, 42)
    event, records = _with_records(2)
    async with Writer(url, here) as writer:
        together = writer.dispatcher.submit_together(_with_records(1), bad[which][0], (event, (*records, cursor)))
        outcome, neighbour = await asyncio.gather(together, writer.text(4), return_exceptions=True)
        assert isinstance(outcome, bad[which][1])
        assert isinstance(neighbour, Outcome)
        assert sorted(writer.dispatcher.board.contacts) == ["T4"]
        assert await writer.store.cursor("contact") is None
        await assert_sound(writer.store, writer.rules, writer.dispatcher.board)


def _with_records(n: int) -> Happened:
    event, *records = arrival(n)
    return event, tuple(records)


class Counting(Store):
    """Counts how often the board was built."""

    built = 0

    async def board(self, rules: Rules, now: float) -> Board:
        self.built += 1
        return await super().board(rules, now)


async def test_a_moment_that_breaks_something_is_not_tried_again_at_once(here: Settings, url: str) -> None:
    """A follow-up falls due in a queue that there is not: texts are taken all the same, and nothing spins."""
    async with Writer(url, here, store=Counting) as writer:
        assert isinstance(writer.store, Counting)
        counting = writer.store
        await anna_signs_in(writer)
        (made,) = [c for c in (await writer.text(1)).commands if isinstance(c, MakeOffer)]
        del writer.rules.queues["general"]  # type: ignore[attr-defined]
        follow_up = FollowUp("f1", "T1", Channel.VOICE, "test", "+441632960001", time.time() + 0.05, 4e9)
        for event in (
            ev.OfferAccepted(made.offer.id, "T1", "anna"),
            ev.FollowUpRequested(follow_up, "handler:anna"),
            ev.WrapUpCompleted("T1", "anna", "resolved"),
        ):
            await writer.dispatcher.submit(event)
        await until(lambda: counting.built == 2)
        for n in range(2, 12):
            await writer.text(n)
        assert counting.built == 2


# --- the database fails ------------------------------------------------------------------------------


def most_pages(connection: Connection, pages: int) -> None:
    connection.execute(text(f"PRAGMA max_page_count = {pages}"))


def _pages(connection: Connection) -> int:
    return int(connection.execute(text("PRAGMA page_count")).scalar_one())


async def fill_up(writer: Writer) -> int:
    """Let the database grow no further; the number of the text that found no room."""
    await writer.store.write(lambda connection: most_pages(connection, _pages(connection)))
    for n in range(1_000, 2_000):
        try:
            await writer.text(n)
        except NotWritten:
            await until(lambda: not writer.dispatcher.down)
            return n
    raise AssertionError("the database does not fill up")


async def test_a_full_disk_means_nothing_has_happened_and_it_goes_on_when_there_is_room(
    here: Settings, url: str
) -> None:
    async with Writer(url, here, pool_size=1) as writer:
        await writer.text(1)
        refused = await fill_up(writer)
        assert f"T{refused}" not in writer.dispatcher.board.contacts
        await assert_sound(writer.store, writer.rules, writer.dispatcher.board)
        await writer.store.write(lambda connection: most_pages(connection, 1_000_000))
        outcome = await writer.text(refused, insist=True)
        assert not outcome.duplicate
        await assert_sound(writer.store, writer.rules, writer.dispatcher.board)


async def test_while_the_disk_is_full_what_falls_due_is_tried_once_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick, built = settings_for(tmp_path, text_offer_seconds=0.2), list[float]()
    async with Writer(quick.store.url, quick, pool_size=1) as writer:
        await anna_signs_in(writer)
        await fill_up(writer)
        build = writer.store.board

        async def timed(rules: Rules, now: float) -> Board:
            built.append(time.monotonic())
            return await build(rules, now)

        monkeypatch.setattr(writer.store, "board", timed)
        await until(lambda: len(built) >= 3)
    assert min(after - before for before, after in pairwise(built)) > 0.9


async def test_a_full_disk_is_told_until_something_could_be_written_though_nobody_writes(
    here: Settings, url: str
) -> None:
    async with Writer(url, here, pool_size=1) as writer:
        await fill_up(writer)  # which ends when the board is built again, and texts are tried again
        assert "full" in writer.dispatcher.trouble

        await writer.store.write(lambda connection: most_pages(connection, 1_000_000))
        await until(lambda: not writer.dispatcher.trouble)
        (said,) = [row.document async for row in writer.store.journal(kind="Recorded")]
        assert "writes again" in said and "full" in said


async def test_everybody_in_the_failed_batch_is_told(here: Settings, url: str) -> None:
    async with Writer(url, here, pool_size=1) as writer:
        await fill_up(writer)
        outcomes = await asyncio.gather(*(writer.text(n) for n in range(50)), return_exceptions=True)
        assert {type(o) for o in outcomes} == {NotWritten}
        await until(lambda: not writer.dispatcher.down)
        assert not any(f"T{n}" in writer.dispatcher.board.contacts for n in range(50))


async def test_a_refusal_that_rests_on_what_was_not_written_is_none(here: Settings, url: str) -> None:
    """Two accept the same offer, and the disk is full: nobody has it, so nobody is told that another has."""
    async with Writer(url, here, pool_size=1) as writer:
        await anna_signs_in(writer)
        (made,) = [c for c in (await writer.text(1)).commands if isinstance(c, MakeOffer)]
        await fill_up(writer)
        accepted = ev.OfferAccepted(made.offer.id, "T1", "anna")
        notes = [ev.NoteAdded("T1", "handler:anna", "x" * 4_000) for _ in range(3)]
        events: tuple[ev.Event, ...] = (*notes, accepted, accepted)
        outcomes = await asyncio.gather(*(writer.dispatcher.submit(e) for e in events), return_exceptions=True)
        assert {type(o) for o in outcomes} == {NotWritten}


async def test_postgresql_stops_and_starts(postgres: Postgres, here: Settings) -> None:
    async with Writer(await postgres.create(), here) as writer:
        await anna_signs_in(writer)
        await writer.text(1)
        await asyncio.to_thread(postgres.stop)
        try:
            with pytest.raises(NotWritten):
                await writer.text(2)
            await until(lambda: bool(writer.dispatcher.down))
            began = time.monotonic()
            with pytest.raises(NotWritten):
                await writer.text(3)
            assert time.monotonic() - began < 0.5, "who comes while it is down is told at once"
            patient = asyncio.create_task(writer.text(4, insist=True))
        finally:
            await asyncio.to_thread(postgres.start)
        async with asyncio.timeout(20):
            assert (await patient).reference == "T4"
        assert sorted(writer.dispatcher.board.contacts) == ["T1", "T4"]
        await assert_sound(writer.store, writer.rules, writer.dispatcher.board)


async def test_a_database_that_comes_up_late_is_waited_for(postgres: Postgres, here: Settings) -> None:
    url = await postgres.create()
    async with Writer(url, here) as writer:
        await writer.text(1)
    writer = Writer(url, here)
    await asyncio.to_thread(postgres.stop)
    loading = asyncio.create_task(writer.dispatcher.load())
    try:
        await until(lambda: "does not answer" in writer.dispatcher.down)
    finally:
        await asyncio.to_thread(postgres.start)
    async with asyncio.timeout(20):
        await loading
    assert list(writer.dispatcher.board.contacts) == ["T1"]
    await writer.store.close()


class LostAnswer(Store):
    """The database writes, and is gone before it can say so: once."""

    lose = False

    async def commit(self, batch: Batch) -> None:
        await super().commit(batch)
        if self.lose:
            self.lose = False
            raise StoreError("connection reset by peer")


async def test_who_insists_stops_when_told_to_though_a_library_has_swallowed_it(here: Settings, url: str) -> None:
    """As asyncio.wait_for does when its time is over at that moment, or what it waited for has just come."""
    async with Writer(url, here) as writer:

        async def sends() -> None:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(DEADLINE)
            writer.dispatcher.down = "the gateway is stopping"
            await writer.dispatcher.insist(*arrival(1))

        sending = asyncio.create_task(sends())
        await asyncio.sleep(0)
        sending.cancel()
        async with asyncio.timeout(DEADLINE):
            assert await asyncio.gather(sending, return_exceptions=True)
        assert sending.cancelled()
        writer.dispatcher.down = ""


async def test_who_insists_hears_that_it_was_written_though_the_answer_was_lost(here: Settings, url: str) -> None:
    async with Writer(url, here, store=LostAnswer) as writer:
        assert isinstance(writer.store, LostAnswer)
        await anna_signs_in(writer)
        (made,) = [c for c in (await writer.text(1)).commands if isinstance(c, MakeOffer)]
        writer.store.lose = True
        outcome = await writer.dispatcher.insist(ev.OfferAccepted(made.offer.id, "T1", "anna"))
        assert outcome.reference == "T1", "not refused, as it would be if it were taken twice"
        writer.store.lose = True
        with pytest.raises(NotWritten):
            await writer.text(2)
        await until(lambda: not writer.dispatcher.down)
        assert (await writer.text(2)).duplicate
        assert len(await writer.commands(MakeOffer)) == 2, "and what was decided is carried out"
        await assert_sound(writer.store, writer.rules, writer.dispatcher.board)


# --- time and stopping -------------------------------------------------------------------------------


async def test_a_deadline_that_has_passed_is_seen_with_the_next_event(
    here: Settings, url: str, clock: FakeClock
) -> None:
    async with Writer(url, here, clock) as writer:
        await anna_signs_in(writer)
        await writer.text(1)
        clock.now += 60
        await writer.dispatcher.submit(ev.Recorded("something else", "program:test"))
        (ended,) = await writer.commands(EndOffer)
        assert (ended.handler, ended.how) == ("anna", "expired")
        await assert_sound(writer.store, writer.rules, writer.dispatcher.board)


async def test_the_writer_wakes_by_itself_when_a_deadline_passes(tmp_path: Path) -> None:
    quick = settings_for(tmp_path, text_offer_seconds=0.05, decline_pause_seconds=0.05, misses_before_away=99)
    async with Writer(quick.store.url, quick) as writer:
        await anna_signs_in(writer)
        await writer.text(1)
        await until(lambda: len([c for d in writer.committed for c in d.commands if isinstance(c, MakeOffer)]) >= 3)
        await anna_signs_out(writer)  # and nothing is offered any more while the tables are compared
        await assert_sound(writer.store, writer.rules)


async def test_time_in_which_nothing_is_decided_leaves_no_trace(here: Settings, url: str, clock: FakeClock) -> None:
    async with Writer(url, here, clock) as writer:
        await writer.dispatcher.submit(ev.Recorded("one", "program:test"))
        clock.now += 60
        await writer.dispatcher.submit(ev.Recorded("two", "program:test"))
        assert [row.kind async for row in writer.store.journal()] == ["Recorded", "Recorded"]


async def test_after_a_restart_what_fell_due_meanwhile_is_done_at_once(
    here: Settings, url: str, clock: FakeClock
) -> None:
    async with Writer(url, here, clock) as writer:
        await anna_signs_in(writer)
        await writer.text(1)
    clock.now += 600
    async with Writer(url, here, clock) as writer:
        # then anna has missed nothing: nobody was there to take it from
        assert [(c.handler, c.how) for c in await writer.commands(EndOffer)] == [("anna", "withdrawn")]
        assert [c.offer.handler for c in await writer.commands(MakeOffer)] == ["anna"]
        assert writer.dispatcher.board.handlers["anna"].misses == 0
        await assert_sound(writer.store, writer.rules, writer.dispatcher.board)


async def test_what_is_offered_after_a_restart_and_expires_is_missed(
    here: Settings, url: str, clock: FakeClock
) -> None:
    async with Writer(url, here, clock) as writer:
        await anna_signs_in(writer)
        await writer.text(1)
    clock.now += 30
    async with Writer(url, here, clock) as writer:
        clock.now += 30
        await writer.dispatcher.submit(ev.Recorded("something else", "program:test"))
        assert [(c.handler, c.how) for c in await writer.commands(EndOffer)] == [("anna", "expired")]


async def test_nothing_falls_due_before_the_calls_have_told_what_happened_meanwhile(
    here: Settings, url: str, clock: FakeClock
) -> None:
    async with Writer(url, here, clock) as writer:
        await anna_signs_in(writer)
        await writer.text(1)
        (made,) = await writer.commands(MakeOffer)
    clock.now += 600
    caught_up = asyncio.Event()
    async with Writer(url, here, clock, catch_up=caught_up.wait) as writer:
        # when the offer was taken while no gateway was there, and this is told before anything else
        await writer.dispatcher.submit(ev.OfferAccepted(made.offer.id, made.offer.reference, "anna"))
        caught_up.set()
        # then it is anna's, though its time was over
        for what in ("one", "two"):
            await writer.dispatcher.submit(ev.Recorded(what, "program:test"))
        assert not [c for done in writer.committed for c in done.commands if isinstance(c, EndOffer)]
        assert writer.dispatcher.board.contacts[made.offer.reference].owner == "anna"


async def test_calls_that_never_catch_up_hold_time_up_for_seconds_only(
    here: Settings, url: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.dispatcher.CATCH_UP_SECONDS", 0.05)
    async with Writer(url, here, clock) as writer:
        await anna_signs_in(writer)
        await writer.text(1)
    clock.now += 600
    async with Writer(url, here, clock, catch_up=asyncio.Event().wait) as writer:
        await until(lambda: any(isinstance(c, EndOffer) for done in writer.committed for c in done.commands))


async def test_nobody_waits_for_a_writer_that_has_stopped(here: Settings, url: str) -> None:
    async with Writer(url, here) as writer:
        await writer.text(1)
        await writer.stop()
        with pytest.raises(NotWritten, match="stopping"):
            await writer.text(2)


# --- killed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_killed_at_any_moment_nothing_acknowledged_is_lost_and_nothing_doubled(
    database: str, here: Settings, url: str, postgres: Postgres, tmp_path: Path
) -> None:
    where = url if database == "sqlite" else await postgres.create()
    chance, acknowledged, first = random.Random(11), set[int](), 0
    with Nursery() as nursery:
        for _ in range(6):
            after, moment = chance.randint(1, 150), chance.uniform(0, 0.02)
            acknowledged |= set(nursery.killed("submit", where, str(tmp_path), first, after=after, moment=moment))
            first = max(0, max(acknowledged) - 30)  # the carrier repeats what it is not sure of, and more
    async with Writer(where, here) as writer:
        keys = [f"text:{n}" for n in acknowledged]
        known = await writer.store.look(lambda looks: looks.known_keys(keys))
        assert sorted(known) == sorted(keys)
        board = await assert_sound(writer.store, writer.rules)
        inbound = [m for r in board.contacts for m in await writer.store.messages(r) if m.direction == "in"]
        assert len({m.provider_key for m in inbound}) == len(inbound) == len(board.contacts)
        assert len(await writer.store.outbox_open()) == len(board.contacts), "one acknowledgement for each"
