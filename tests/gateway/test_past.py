"""The board as it was: the journal followed from a while before is the journal followed from its start."""

from __future__ import annotations

from collections.abc import AsyncIterator
from math import inf
from pathlib import Path
from random import Random
from typing import Any

import pytest

from config.ordering import Bump, Bumps
from config.settings import Store as StoreSettings
from gateway.past import History, NotFollowed, Past
from gateway.store.database import migrate, open_engine
from gateway.store.store import Store
from routing import events as ev
from routing.board import Board
from routing.model import PresenceState
from routing.rules import Rules
from tests.support.kept import Kept, days
from tests.support.world import rules

FEW_HOURS, A_DAY = 6 * 3_600.0, 24 * 3_600.0
REPEATS = Bumps(repeat=Bump(ahead_seconds=40), repeat_contacts=3, repeat_hours=12)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store(open_engine(StoreSettings(url=f"sqlite+aiosqlite:///{tmp_path}/gateway.db", pool_size=1)))
    await migrate(opened.engine)
    yield opened
    await opened.close()


def everything(board: Board) -> dict[str, dict[str, Any]]:
    return {name: dict(sorted(getattr(board, name).items())) for name in ("contacts", "handlers", "follow_ups")}


async def test_following_the_whole_journal_gives_the_board_that_wrote_it(store: Store) -> None:
    world = Kept(rules(bumps=REPEATS))
    days(world, 2)
    await world.commit(store)
    past = await History(store, world.rules, shift=inf).until(len(world.rows), "K00001")
    assert everything(past.board) == everything(world.board)


async def test_following_from_a_while_before_gives_the_same_at_every_instant(store: Store) -> None:
    world = Kept(rules(bumps=REPEATS, last_handler_first_seconds=10))
    days(world, 5)
    await world.commit(store)
    bumped = 0
    for seq in Random(2).sample(range(len(world.rows) // 3, len(world.rows)), 5):
        reference = next(row.reference for row in reversed(world.rows[:seq]) if row.reference)
        whole = await History(store, world.rules, shift=inf).until(seq, reference)
        short = await History(store, world.rules, shift=A_DAY).until(seq, reference)
        assert everything(short.board) == everything(whole.board), f"right after row {seq}"
        assert short.contact(reference) == whole.contact(reference)
        bumped += any(c.bumps for c in whole.board.contacts.values())
    assert bumped, "some were repeat callers"


async def test_much_less_is_followed_than_there_is(store: Store) -> None:
    world = Kept(rules(bumps=REPEATS))
    days(world, 4)
    await world.commit(store)
    told: list[tuple[int, int]] = []
    history = History(store, world.rules, lambda done, of: told.append((done, of)), shift=FEW_HOURS)
    await history.until(len(world.rows), world.rows[-1].reference)
    done, of = told[-1]
    assert done == of < len(world.rows) / 2


async def test_one_past_is_followed_on_to_a_later_instant(store: Store) -> None:
    world = Kept()
    days(world, 1)
    await world.commit(store)
    history = History(store, world.rules, shift=inf)
    earlier = await history.until(len(world.rows) // 2, "K00001")
    later = await history.until(len(world.rows), "K00001", earlier)
    assert later is earlier
    assert everything(later.board) == everything(world.board)


async def test_a_contact_that_was_closed_long_before_is_still_known(store: Store) -> None:
    world = Kept()
    world.handler("anna")
    world.text("T1")
    world.accept("T1")
    world.complete("T1", "anna")
    days(world, 3)
    await world.commit(store)
    past = await History(store, world.rules, shift=FEW_HOURS).until(len(world.rows), "T1")
    assert past.contact("T1").disposition == "resolved"


async def test_a_handler_who_was_removed_and_added_again_is_there_as_they_were_added(store: Store) -> None:
    world = Kept()
    world.handler("anna", "crime")
    world.did(ev.HandlerRemoved("anna", "program:test"))
    world.handler("anna", "welsh", state=PresenceState.OFFLINE)
    world.after(10 * 86_400)
    world.handler("ben")
    await world.commit(store)
    past = await History(store, world.rules, shift=FEW_HOURS).until(len(world.rows), "")
    assert past.board.handlers["anna"].skills == {"welsh"}
    assert past.board.handlers["anna"].presence.state is PresenceState.OFFLINE


async def test_the_last_row_of_an_instant(store: Store) -> None:
    world = Kept()
    for n in range(9):
        world.call(f"C{n}")
        world.after(10)
    await world.commit(store)
    history = History(store, world.rules)
    for at in (world.rows[0].at - 1, world.rows[5].at, world.rows[5].at + 4, world.now + 1_000):
        assert await history.last_row(at) == sum(row.at <= at for row in world.rows)


async def test_a_queue_that_the_configuration_does_not_have_any_more_is_named(store: Store) -> None:
    world = Kept()
    world.call("C1", queue="crime")
    await world.commit(store)
    left = {name: queue for name, queue in world.rules.queues.items() if name != "crime"}
    history = History(store, Rules(left, world.rules.routing, world.rules.follow_ups))
    with pytest.raises(NotFollowed, match=r"Row 1 of the journal speaks of queue 'crime'.*--config"):
        await history.until(2, "C1")


async def test_a_row_that_is_missing_is_not_passed_over(store: Store) -> None:
    world = Kept()
    world.call("C1")
    await world.commit(store)
    with pytest.raises(NotFollowed, match="Row 9 of the journal is missing"):
        await History(store, world.rules).until(9, "C1", Past(Board(world.rules)))
