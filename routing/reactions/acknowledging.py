"""Whether a message is acknowledged, and with which words."""

from __future__ import annotations

from collections.abc import Iterator

from config.templates import Acknowledgement
from routing import commands as do
from routing import events as ev
from routing.board import Board
from routing.commands import Command
from routing.hours import is_open
from routing.model import Channel, Contact, Time
from routing.safety import verdict


def acknowledged(e: ev.MessageArrived, contact: Contact, board: Board, now: Time) -> Iterator[Command]:
    """Once for each contact; by text at most once an hour for each person. What is automatic is never answered."""
    begins = contact.reference == e.reference or contact.reopened_at == now
    if not begins or e.automatic or e.party.withheld or _was_lately(contact, board, now):
        return
    template = _template(contact, board, now)
    if not template and not board.rules.queues[contact.queue].acknowledgement:
        return
    allowed = verdict(board, contact, contact.channel, contact.party.address)
    if allowed == "neutral":
        template = board.rules.safety.acknowledgement
    if allowed == "free" or (allowed == "neutral" and template):
        number = "" if contact.reopened_at is None else f"-{int(contact.reopened_at)}"
        yield do.Acknowledge(contact.reference, f"{contact.reference}-acknowledgement{number}", template)


def _was_lately(contact: Contact, board: Board, now: Time) -> bool:
    if contact.channel is not Channel.TEXT:
        return False
    return board.acknowledged.lately(contact.party.address, now)


def _template(contact: Contact, board: Board, now: Time) -> str:
    """That of the first rule that fits; '' for the words of the queue."""
    fits = (rule.template for rule in board.rules.acknowledgements if _fits(rule, contact, board, now))
    return next(fits, "")


def _fits(rule: Acknowledgement, contact: Contact, board: Board, now: Time) -> bool:
    calendar = board.rules.calendars.get(rule.calendar)
    right_hour = calendar is None or is_open(calendar, now) == rule.open
    return rule.queue in ("", contact.queue) and rule.grade in ("", _grade(contact, board)) and right_hour


def _grade(contact: Contact, board: Board) -> str:
    """The latest that was given; what sounds like an emergency counts as one before anybody has graded it."""
    given = contact.grades[-1].grade if contact.grades else ""
    return board.rules.emergency_grade if contact.emergency and not given else given
