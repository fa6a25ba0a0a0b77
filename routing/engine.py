"""The heart: what happened goes in, what to do comes out. No I/O, no clock, no chance."""

from __future__ import annotations

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
    commands: list[Command] = []

    def decided(command: Command) -> None:
        kind: type = type(command)
        applying(kind)(command, board, now)
        commands.append(command)

    applying(kind)(event, board, now)
    for command in reacting(kind)(event, board, now):
        decided(command)
    while steps := next_offers(board, now) or shown_to_more(board, now) or next_step(board, now):
        for step in steps:
            decided(step)
    for reference in board.take_settled():
        decided(CloseContact(reference))
    return Decision(tuple(commands))
