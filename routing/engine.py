"""The heart: what happened goes in, what to do comes out. No I/O, no clock, no chance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from routing.apply import apply
from routing.board import Board
from routing.broadcast import shown_to_more
from routing.commands import CloseContact, Command
from routing.events import Event
from routing.matching import next_offers
from routing.model import Time
from routing.objections import objection
from routing.overflow import next_step
from routing.reactions import react

# By type, remembered: singledispatch's own look-up takes longer than many a change.
applying, objecting, reacting = cache(apply.dispatch), cache(objection.dispatch), cache(react.dispatch)


@dataclass(frozen=True, slots=True)
class Decision:
    """``refused`` is '' or says why the event was not applied; then there are no commands."""

    commands: tuple[Command, ...] = ()
    refused: str = ""


def decide(board: Board, event: Event, now: Time) -> Decision:
    """Apply the event to the board and decide what follows from it.

    Each command is applied to the board as it is decided, so that the next one sees it: what is returned has
    already happened on the board, and only needs to be written down and carried out.
    """
    kind: type = type(event)
    refused = objecting(kind)(event, board)
    if refused:
        return Decision(refused=refused)
    applying(kind)(event, board, now)
    commands: list[Command] = []
    for command in _following(event, board, now):
        of_this_kind: type = type(command)
        applying(of_this_kind)(command, board, now)
        commands.append(command)
    return Decision(tuple(commands))


def _following(event: Event, board: Board, now: Time) -> Iterator[Command]:
    """What follows, one after the other: each is on the board before the next is sought."""
    kind: type = type(event)
    yield from reacting(kind)(event, board, now)
    while steps := next_offers(board, now) or shown_to_more(board, now) or next_step(board, now):
        yield from steps
    for reference in board.take_settled():
        yield CloseContact(reference)
