"""What a message is answered with before anybody has read it: whether, and with which words."""

from __future__ import annotations

from collections.abc import Iterator

from config.safety import Verdict
from config.templates import Acknowledgement
from routing import commands as do
from routing import events as ev
from routing.board import Board
from routing.commands import Command
from routing.hours import is_open
from routing.model import Channel, Contact, Time
from routing.safety import unsent, verdict
from routing.words import duration

HOUR = 3600.0
WHERE = ("place", "service")


def acknowledged(e: ev.MessageArrived, contact: Contact, board: Board, now: Time) -> Iterator[Command]:
    """Once for each contact; by text at most once an hour for each person. What is automatic is never answered. Whoever
    reads the contact sees why nothing was sent."""
    if contact.reference != e.reference and contact.reopened_at != now:
        return
    allowed = verdict(board, contact, contact.channel, contact.party.address)
    template = board.rules.safety.acknowledgement if allowed == "neutral" else _template(contact, board, now)
    why = _nobody_to_answer(e) or _too_late(e, board) or _not_now(contact, board, now)
    why = why or _no_words(template, contact, board, allowed)
    if why:
        yield do.LeaveUnacknowledged(contact.reference, why)
        return
    number = "" if contact.reopened_at is None else f"-{int(contact.reopened_at)}"
    yield do.Acknowledge(contact.reference, f"{contact.reference}-acknowledgement{number}", template)


def _nobody_to_answer(e: ev.MessageArrived) -> str:
    if e.wish == "stop":
        return "They ask for no more texts."
    if e.automatic:
        return "A machine sent it, or its sender cannot be answered."
    if e.answered_enough:
        return "This address has had as many automatic answers as it may have in a day."
    if e.doubtful:
        return e.doubtful
    return "The number is withheld." if e.party.withheld else ""


def _too_late(e: ev.MessageArrived, board: Board) -> str:
    """Whoever had it before us may have answered, and nothing may be any more as it was written."""
    if e.waited < board.rules.routing.automatic_answer_hours * HOUR:
        return ""
    return f"It came here {duration(e.waited)} late: a handler says what is still to be said."


def _not_now(contact: Contact, board: Board, now: Time) -> str:
    if _was_lately(contact, board, now):
        return "This person has had one within the hour."
    return unsent(board, contact, contact.channel, contact.our_address, contact.party.address, "")


def _no_words(template: str, contact: Contact, board: Board, allowed: Verdict) -> str:
    if allowed == "neutral" and not template:
        return "It is not safe if those around this person see who writes, and no neutral words are set."
    if not template and not board.rules.queues[contact.queue].acknowledgement:
        return f"No words are set for queue {contact.queue}."
    return ""


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


def asked_where(e: ev.MessageArrived, contact: Contact, board: Board) -> Iterator[Command]:
    """Once, by the site's wish for the channel, and never where an answer of ours could be seen by the wrong person, or
    could begin two machines' talk. Also when it may be forged: to ask in vain is harmless, not to ask may not be."""
    template = board.rules.ask_where.get(contact.channel, "")
    nobody_to_ask = e.automatic or e.answered_enough or e.party.withheld or _too_late(e, board)
    if not template or not e.finding.sounds_like_emergency or contact.asked_where or nobody_to_ask:
        return
    known = any(found.kind in WHERE for found in contact.found)
    opted_out = unsent(board, contact, contact.channel, contact.our_address, contact.party.address, "")
    if not known and not opted_out and verdict(board, contact, contact.channel, contact.party.address) == "free":
        yield do.AskWhere(contact.reference, f"{contact.reference}-where", template)
