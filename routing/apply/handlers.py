"""What a handler who comes, goes or changes does to the board. Nothing is decided here."""

from __future__ import annotations

from routing import events as ev
from routing.apply.base import apply
from routing.board import Board
from routing.model import PresenceState, Time
from routing.replacing import replace


@apply.register
def _(e: ev.HandlerSaved, board: Board, now: Time) -> None:
    was = board.handlers.get(e.handler.id)
    kept = replace(e.handler, presence=was.presence, idle_since=was.idle_since, misses=was.misses) if was else e.handler
    board.put_handler(kept)


@apply.register
def _(e: ev.HandlerRemoved, board: Board, now: Time) -> None:
    board.remove_handler(e.handler)


@apply.register
def _(e: ev.PresenceChanged, board: Board, now: Time) -> None:
    handler = board.handlers[e.handler]
    back = e.presence.state is PresenceState.AVAILABLE and handler.presence.state is not PresenceState.AVAILABLE
    idle_since = now if back else handler.idle_since
    board.put_handler(replace(handler, presence=e.presence, idle_since=idle_since, misses=0))
