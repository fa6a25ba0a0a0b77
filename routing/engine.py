"""The heart: what happened goes in, what to do comes out. No I/O, no clock, no chance."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple

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


class Decision(NamedTuple):
    """``refused`` is '' or says why the event was not applied; then there are no commands."""

    commands: tuple[Command, ...] = ()
    refused: str = ""


class Ways(NamedTuple):
    """What is done with one kind of event or command."""

    objection: Callable[[Any, Board], str]
    apply: Callable[[Any, Board, Time], None]
    react: Callable[[Any, Board, Time], Iterable[Command]]


@cache
def ways_of(kind: type) -> Ways:
    """Remembered: singledispatch's own look-up takes longer than many a change."""
    return Ways(objection.dispatch(kind), apply.dispatch(kind), react.dispatch(kind))


def decide(board: Board, event: Event, now: Time) -> Decision:
    """Apply the event to the board and decide what follows from it.

    Each command is applied to the board as it is decided, so that the next one sees it: what is returned has
    already happened on the board, and only needs to be written down and carried out.
    """
    kind: type = type(event)
    ways = ways_of(kind)
    refused = ways.objection(event, board)
    if refused:
        return Decision(refused=refused)
    ways.apply(event, board, now)
    done: list[Command] = []
    _do(ways.react(event, board, now), done, board, now)
    while steps := _next(board, now):
        _do(steps, done, board, now)
    _do(map(CloseContact, board.take_settled()), done, board, now)
    return Decision(tuple(done))


def _next(board: Board, now: Time) -> tuple[Command, ...]:
    return next_offers(board, now) or shown_to_more(board, now) or next_step(board, now)


def _do(commands: Iterable[Command], done: list[Command], board: Board, now: Time) -> None:
    """One after the other: each is on the board before the next is sought."""
    for command in commands:
        kind: type = type(command)
        ways_of(kind).apply(command, board, now)
        done.append(command)
