"""A world whose journal is kept in memory and from which facts are drawn, row by row."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.statistics.entries import enter
from gateway.statistics.facts import Fact, Handling, Spell, Wait
from gateway.statistics.ledger import Ledger
from gateway.store.journal import Head, Row, reference_of, write_row
from routing.board import Board
from routing.engine import Decision, decide
from routing.events import CallArrived, Event, MessageArrived, TimePassed
from routing.model import Time
from tests.support.world import World


@dataclass(slots=True)
class Journal:
    """Rows as the dispatcher writes them, and the facts drawn from them so far."""

    rows: list[Row] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    facts: dict[str, Fact] = field(default_factory=dict)

    def record(self, board: Board, event: Event, decision: Decision, now: Time) -> None:
        if decision.refused or (isinstance(event, TimePassed) and not decision.commands):
            return
        for change in (event, *decision.commands):
            head = Head(self.rows[-1].seq, self.rows[-1].hash) if self.rows else Head()
            reference = reference_of(change)
            taker = None
            if isinstance(change, MessageArrived):
                taker = board.in_thread(change.thread)
            elif isinstance(change, CallArrived):
                taker = board.of_call(change.call_id)
            self.rows.append(write_row(head, change, now, "", taker.reference if taker else reference))
            enter(self.ledger, self.rows[-1])
        changed = self.ledger.take_changes().facts
        for name, fact in changed.items():
            assert _began(self.facts.get(name, fact)) == _began(fact), "a fact has taken the place of another"
        self.facts |= changed

    @property
    def waits(self) -> list[Wait]:
        return [fact for fact in self.facts.values() if isinstance(fact, Wait)]

    @property
    def handlings(self) -> list[Handling]:
        return [fact for fact in self.facts.values() if isinstance(fact, Handling)]

    @property
    def spells(self) -> list[Spell]:
        return [fact for fact in self.facts.values() if isinstance(fact, Spell)]


def _began(fact: Fact) -> Time:
    return fact.arrived_at if isinstance(fact, Wait) else fact.began_at


@dataclass(slots=True)
class JournalledWorld(World):
    journal: Journal = field(default_factory=Journal)

    def attempt(self, event: Event) -> Decision:
        decision = decide(self.board, event, self.now)
        self.journal.record(self.board, event, decision, self.now)
        self.last_commands = decision.commands
        return decision

    def wait(self, reference: str) -> Wait:
        """The latest of this contact."""
        return [w for w in self.journal.waits if w.reference == reference][-1]

    def waits(self, reference: str) -> list[Wait]:
        return [w for w in self.journal.waits if w.reference == reference]

    def handlings(self, reference: str) -> list[Handling]:
        return [h for h in self.journal.handlings if h.reference == reference]
