"""Compares what the board believes with the calls that really are there, and mends the difference.

Run once when the calls of an earlier gateway are back, and every few seconds from then on. A contact is mended
only when it disagreed twice in a row: a call that is just ending is no disagreement.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog

from gateway.deciding import Refused
from gateway.dispatcher import Dispatcher
from routing.board import Board
from routing.events import CallLost, Event, FollowUpTried
from routing.model import Channel, Contact, FollowUpState, Work

log = structlog.get_logger()

EVERY_SECONDS = 3.0


class Calls(Protocol):
    async def adopted(self) -> None: ...

    def has(self, reference: str) -> bool: ...

    def arriving(self, call_id: str) -> bool: ...


class Reconciler:
    def __init__(self, dispatcher: Dispatcher, calls: Calls) -> None:
        self._dispatcher, self._calls = dispatcher, calls
        self._suspected: set[str] = set()

    async def run(self) -> None:
        await self._calls.adopted()
        while True:
            await self.compare()
            await asyncio.sleep(EVERY_SECONDS)

    async def compare(self) -> None:
        """One comparison; mends what was suspected already at the last one."""
        board = self._dispatcher.board
        astray = {c.reference: c for c in board.contacts.values() if _needs_call(c) and not self._has_call(c)}
        for reference in self._suspected & astray.keys():
            await self._mend(astray[reference], board)
        self._suspected = set(astray)

    def _has_call(self, contact: Contact) -> bool:
        return self._calls.has(contact.reference) or self._calls.arriving(contact.call_id)

    async def _mend(self, contact: Contact, board: Board) -> None:
        log.warning("contact_without_call", contact=contact.reference, stage=contact.stage.value)
        try:
            await self._dispatcher.insist(_mending(contact, board))
        except Refused as refused:
            log.info("mending_not_needed", contact=contact.reference, why=str(refused))


def _needs_call(contact: Contact) -> bool:
    """A caller is said to be on the line, or a handler to be calling somebody."""
    calling = contact.work is Work.FOLLOW_UP and contact.load is Channel.VOICE and contact.assignment is not None
    return contact.live or calling


def _mending(contact: Contact, board: Board) -> Event:
    follow_up = board.follow_ups.get(contact.follow_up)
    if not contact.live and follow_up is not None and follow_up.state is FollowUpState.DUE:
        return FollowUpTried(contact.reference, contact.follow_up, "handler_unreachable")
    return CallLost(contact.reference, "its call process was gone")
