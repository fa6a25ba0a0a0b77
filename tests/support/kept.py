"""A world whose journal is kept on disk, as the dispatcher would keep it, without waiting for the clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from gateway.store.journal import Head, Row, reference_of, write_row
from gateway.store.store import Batch, Store
from routing import events as ev
from routing.engine import Decision
from routing.events import TimePassed
from routing.model import Channel, PresenceState
from tests.support.world import World

PEOPLE = ("anna", "ben", "cara", "dan")
SHIFT_SECONDS = 12 * 3_600.0
CALLERS = tuple(f"+44163296000{n}" for n in range(5))


@dataclass(slots=True)
class Kept(World):
    """``rows``: what was written, from the first."""

    rows: list[Row] = field(default_factory=list)
    _head: Head = field(default_factory=Head)

    def attempt(self, event: ev.Event) -> Decision:
        # Named, because super() without names does not find a dataclass with slots.
        decision = World.attempt(self, event)
        if not decision.refused and (decision.commands or not isinstance(event, TimePassed)):
            for change in (event, *decision.commands):
                self._write(change)
        return decision

    def _write(self, change: Any) -> None:
        row = write_row(self._head, change, self.now, "", self._reference(change))
        self._head = Head(row.seq, row.hash)
        self.rows.append(row)

    def _reference(self, change: Any) -> str:
        if isinstance(change, ev.MessageArrived):
            joined = self.board.in_thread(change.thread)
            return joined.reference if joined else change.reference
        if isinstance(change, ev.CallArrived):
            taken = self.board.of_call(change.call_id)
            return taken.reference if taken else change.reference
        return reference_of(change)

    async def commit(self, store: Store) -> None:
        """What is not on disk yet."""
        known = (await store.head()).seq
        await store.commit(Batch(self.rows[known:], self.board.take_touched()))


def days(world: Kept, number: int, seed: int = 1, an_hour: int = 4) -> None:
    """People call and write, the same few again and again; handlers come, go, accept, decline and finish."""
    chance, ends = Random(seed), world.now + number * 86_400
    for name in PEOPLE:
        world.handler(name, *chance.sample(["crime", "welsh"], chance.randint(0, 2)))
    n = 0
    while world.now < ends:
        n += 1
        world.after(chance.expovariate(an_hour / 3_600))
        _arrives(world, f"K{n:05}", chance)
        name = chance.choice(PEOPLE)
        if chance.random() < 0.3:
            world.presence(name, chance.choices(tuple(PresenceState), (6, 2, 2))[0], "break")
        _shifts_end(world)
        _handlers_act(world, chance)
        _callers_give_up(world, chance)


def _shifts_end(world: Kept) -> None:
    for handler in [h for h in world.board.handlers.values() if world.now - h.signed_in_at > SHIFT_SECONDS]:
        if handler.presence.state is not PresenceState.OFFLINE:
            world.presence(handler.id, PresenceState.OFFLINE)


def _callers_give_up(world: Kept, chance: Random) -> None:
    for contact in [c for c in world.board.contacts.values() if c.waiting and c.live and chance.random() < 0.3]:
        world.did(ev.CallerLeft(contact.reference))


def _handlers_act(world: Kept, chance: Random) -> None:
    for contact in [c for c in world.board.contacts.values() if c.offers]:
        world.accept(contact.reference) if chance.random() < 0.8 else world.decline(contact.reference)
    for contact in [c for c in world.board.contacts.values() if c.assignment and chance.random() < 0.9]:
        handler = contact.assignment.handler if contact.assignment else ""
        if contact.calling:
            world.did(ev.FollowUpAnswered(contact.reference, contact.follow_up))
        if contact.live or contact.calling:
            world.did(ev.CallEnded(contact.reference, f"handler:{handler}"))
        world.complete(contact.reference, handler)


def _arrives(world: Kept, reference: str, chance: Random) -> None:
    caller = chance.choice(CALLERS)
    match chance.choice(tuple(Channel)):
        case Channel.VOICE:
            world.call(reference, chance.choice(("general", "crime")), caller)
            if chance.random() < 0.1:
                world.emergency(reference)
        case Channel.TEXT:
            world.text(reference, caller, message=f"m-{reference}")
        case Channel.EMAIL:
            world.email(reference, f"{chance.choice('abc')}@example.org")
