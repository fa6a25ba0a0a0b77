"""What offers, assignments and wrap-ups change on the board. Nothing is decided here."""

from __future__ import annotations

from routing import commands as do
from routing import events as ev
from routing.apply.base import (
    apply,
    follow_up_over,
    for_review,
    owner_first,
    turned,
    wanted,
    with_declined,
    without_wrap_up,
)
from routing.board import Board
from routing.model import Assignment, FollowUpState, Graded, Handler, Presence, PresenceState, Time, Work
from routing.replacing import replace

MISSED = ("missed", "expired", "failed")


@apply.register
def _(e: ev.OfferAccepted, board: Board, now: Time) -> None:
    turned(board, e.handler, now)
    contact = without_wrap_up(board.contacts[e.reference], e.handler)  # they have the matter in hand again
    heard = contact.live or contact.work is Work.MESSAGE
    if contact.live:
        board.answers.note(contact.queue, now)
    wait_over_at = now if contact.live and contact.wait_over_at is None else contact.wait_over_at
    board.put_contact(
        replace(
            contact,
            wanted=False,
            assignment=Assignment(e.handler, now),
            offers=tuple(o for o in contact.offers if o.id != e.offer),
            owner=e.handler,
            answered_at=contact.answered_at or (now if heard else None),
            wait_over_at=wait_over_at,
            preferred="",
            preferred_until=None,
            declined=(),
            unread="",
            voicemail=contact.voicemail if contact.live else "",
            waiting_alarmed_at=0.0,
            overflow=None,
            overflowed=(),
        )
    )
    if board.handlers[e.handler].misses:
        board.put_handler(replace(board.handlers[e.handler], misses=0))


@apply.register
def _(e: ev.WrapUpCompleted, board: Board, now: Time) -> None:
    turned(board, e.handler, now)
    contact = board.contacts[e.reference]
    mine = contact.assignment is not None and contact.assignment.handler == e.handler
    if mine and contact.follow_up:
        follow_up_over(board, board.follow_ups[contact.follow_up], FollowUpState.DONE, e.disposition)
        contact = board.contacts[e.reference]
    grades = (Graded(e.grade, f"handler:{e.handler}", now),) if e.grade else ()
    board.put_contact(
        replace(
            contact,
            assignment=None if mine else contact.assignment,
            wrap_ups=tuple(w for w in contact.wrap_ups if w.handler != e.handler),
            grades=contact.grades + grades,
            disposition=e.disposition,
            expected_until=None,
        )
    )


@apply.register
def _(e: ev.GradeGiven, board: Board, now: Time) -> None:
    contact = board.contacts[e.reference]
    board.put_contact(replace(contact, grades=(*contact.grades, Graded(e.grade, e.by, now))))


@apply.register
def _(e: ev.ReplyWritten, board: Board, now: Time) -> None:
    board.put_contact(replace(board.contacts[e.reference], unread=""))


@apply.register
def _(c: do.MakeOffer, board: Board, now: Time) -> None:
    contact = board.contacts[c.offer.reference]
    board.put_contact(replace(contact, offers=(*contact.offers, c.offer), offers_made=contact.offers_made + 1))
    if board.rules.routing.choose_by == "round_robin" and not c.offer.broadcast:
        board.put_handler(replace(board.handlers[c.offer.handler], offered_at=now))


@apply.register
def _(c: do.EndOffer, board: Board, now: Time) -> None:
    contact = board.contacts[c.reference]
    made_at = next((o.made_at for o in contact.offers if o.id == c.offer), now)
    contact = replace(contact, offers=tuple(o for o in contact.offers if o.id != c.offer))
    if contact.preferred == c.handler:
        contact = replace(contact, preferred="", preferred_until=None)
    if c.how != "withdrawn":
        contact = with_declined(contact, c.handler, c.how, board, now)
    if c.how in MISSED:
        _missed(board, board.handlers[c.handler], made_at, now)
    board.put_contact(contact)


def _missed(board: Board, handler: Handler, made_at: Time, now: Time) -> None:
    """One absence is one miss: what was on offer already when they missed the last one does not count again."""
    if made_at >= handler.missed_at:
        board.put_handler(replace(handler, misses=handler.misses + 1, missed_at=now))


@apply.register
def _(c: do.OfferAgain, board: Board, now: Time) -> None:
    contact = board.contacts[c.reference]
    declined = tuple(replace(d, until=0.0) if d.handler == c.handler else d for d in contact.declined)
    board.put_contact(replace(contact, declined=declined))


@apply.register
def _(c: do.Relax, board: Board, now: Time) -> None:
    board.put_contact(replace(board.contacts[c.reference], relaxed=c.relaxed))


@apply.register
def _(c: do.OpenToAll, board: Board, now: Time) -> None:
    contact = board.contacts[c.reference]
    board.put_contact(replace(contact, preferred="", preferred_until=None))


@apply.register
def _(c: do.ReturnToQueue, board: Board, now: Time) -> None:
    turned(board, c.handler, now)
    contact = board.contacts[c.reference]
    board.put_contact(replace(wanted(contact, now), assignment=None))


@apply.register
def _(c: do.SetAway, board: Board, now: Time) -> None:
    handler = board.handlers[c.handler]
    board.put_handler(replace(handler, presence=Presence(PresenceState.AWAY, c.reason), misses=0))


@apply.register
def _(c: do.AskForReview, board: Board, now: Time) -> None:
    contact = wanted(for_review(board.contacts[c.reference]), now)
    board.put_contact(owner_first(contact, contact.owner, board, now) if contact.voicemail else contact)


@apply.register
def _(c: do.CloseContact, board: Board, now: Time) -> None:
    board.put_contact(replace(board.contacts[c.reference], closed_at=now, offers=()))


@apply.register
def _(c: do.RaiseAlarm, board: Board, now: Time) -> None:
    contact = board.open_contact(c.reference)
    if contact is None:
        return
    if c.what == "emergency_waiting":
        board.put_contact(replace(contact, waiting_alarmed_at=now))
    if c.what == "person_silent":
        board.put_contact(replace(contact, silence_told=True))
    if c.what == "silent_caller":
        board.put_contact(replace(contact, silent=True))
    if c.what == "wrap_up_long":
        wrap_ups = tuple(replace(w, alarmed=True) if w.handler == c.handler else w for w in contact.wrap_ups)
        board.put_contact(replace(contact, wrap_ups=wrap_ups))


@apply.register
def _(c: do.WrapUpDue, board: Board, now: Time) -> None:
    contact = board.contacts[c.reference]
    wrap_ups = tuple(replace(w, told=True) if w.handler == c.handler else w for w in contact.wrap_ups)
    board.put_contact(replace(contact, wrap_ups=wrap_ups))


@apply.register
def _(e: ev.WrapUpExtended, board: Board, now: Time) -> None:
    contact = board.contacts[e.reference]
    wrap_ups = tuple(
        replace(w, until=max(w.until, now) + e.seconds, told=False) if w.handler == e.handler else w
        for w in contact.wrap_ups
    )
    board.put_contact(replace(contact, wrap_ups=wrap_ups))
