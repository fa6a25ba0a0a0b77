"""The last gate before a message leaves: what was decided earlier may not be safe any more."""

from __future__ import annotations

from collections.abc import Callable

from config.safety import Safety
from gateway.store.records import Message
from routing.board import Board
from routing.model import Channel
from routing.safety import unsent


class Permission:
    """``board`` is asked at each message: it is another one after every rebuilding."""

    def __init__(self, safety: Safety, board: Callable[[], Board]) -> None:
        self._safety, self._board = safety, board

    def forbidden(self, message: Message) -> str:
        """Why it may not go to this person now, '' when it may."""
        board = self._board()
        contact = board.open_contact(message.reference)
        telling = self._safety.telling(message.body)
        return unsent(board, contact, Channel(message.channel), message.sender, message.recipient, telling)
