"""What a step of a queue's overflow changes on the board. Nothing is decided here."""

from __future__ import annotations

from routing import commands as do
from routing import events as ev
from routing.apply.base import apply, moved_to, wanted
from routing.board import Board
from routing.model import Overflowing, Time
from routing.replacing import replace


@apply.register
def _(c: do.LeadOn, board: Board, now: Time) -> None:
    contact = board.contacts[c.reference]
    if c.kind == "queue":
        moved = moved_to(contact, c.target, contact.due_at)
        board.put_contact(replace(moved, waiting_since=now))
        return
    if c.kind == "stay":
        through = (*contact.overflowed, c.cause)
        board.put_contact(replace(contact, overflow=None, overflowed=through))
        return
    led = replace(contact, overflow=Overflowing(c.cause, c.kind, c.step, now), wanted=c.kind == "callback")
    board.put_contact(replace(led, wait_over_at=now) if c.kind == "voicemail" else led)


@apply.register
def _(e: ev.NotLedOn, board: Board, now: Time) -> None:
    contact = board.contacts[e.reference]
    if contact.live and not (contact.assignment or contact.passed_to or contact.callback or contact.voicemail):
        contact = wanted(contact, now)
    board.put_contact(replace(contact, overflow=None, not_led_on=True))


@apply.register
def _(e: ev.LedOut, board: Board, now: Time) -> None:
    contact = board.contacts[e.reference]
    if contact.emergency:
        return  # still wanted, whoever else talks with them
    wait_over_at = now if contact.wait_over_at is None else contact.wait_over_at
    board.put_contact(replace(contact, wanted=False, passed_to=e.target, wait_over_at=wait_over_at))
