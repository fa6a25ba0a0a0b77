"""What lies long before an instant and still matters is found on both databases."""

from __future__ import annotations

from config.ordering import Bump, Bumps
from gateway.past import History
from gateway.store.store import Store
from routing.board import Board
from routing.model import Presence, PresenceState
from tests.support.kept import Kept
from tests.support.world import rules

FEW_HOURS = 6 * 3_600.0
REPEATS = Bumps(repeat=Bump(ahead_seconds=40), repeat_contacts=3, repeat_hours=12)


async def test_who_counted_as_a_repeat_caller_long_ago_and_still_waits_counts_as_one(store: Store) -> None:
    world = Kept(rules(bumps=REPEATS, reopen_hours=0))
    world.handler("anna")
    for reference in ("T1", "T2"):
        world.text(reference)
        world.accept(reference)
        world.complete(reference, "anna")
    world.presence("anna", PresenceState.OFFLINE)
    world.text("T3")
    world.after(10 * 86_400)
    world.handler("ben", state=PresenceState.OFFLINE)
    await world.commit(store)
    past = await History(store, world.rules, shift=FEW_HOURS).until(len(world.rows), "T3")
    assert past.contact("T3") == world.contact("T3")
    assert past.contact("T3").bumps == ("repeat",)
    assert _seen(past.board) == _seen(world.board)
    assert await History(store, world.rules).recorded("nothing", 1, len(world.rows)) == []


def _seen(board: Board) -> dict[str, Presence]:
    return {handler.id: handler.presence for handler in board.handlers.values()}
