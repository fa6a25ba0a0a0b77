"""What an arriving message changes on the board. Nothing is decided here."""

from __future__ import annotations

from routing import events as ev
from routing.apply.base import apply, begun, owner_first, to_last_handler, wanted
from routing.board import Board
from routing.model import Contact, Time, Work
from routing.replacing import replace
from routing.triage.finding import Finding

MOST_FOUND = 30


@apply.register
def _(e: ev.MessageArrived, board: Board, now: Time) -> None:
    queue = board.rules.queues[e.queue]
    due = now + queue.target_seconds
    contact = board.in_thread(e.thread)
    if contact is None:
        contact = Contact(
            reference=e.reference,
            channel=e.channel,
            queue=e.queue,
            party=e.party,
            our_address=e.our_address,
            received_at=now,
            due_at=due,
            subject=e.subject,
            thread=e.thread,
            linked_to=e.linked_to,
            language=e.language,
        )
        contact = begun(contact, board, now)
    contact = replace(contact, unread=e.message)
    if not contact.assignment and not contact.wanted:
        fresh = replace(contact, work=Work.MESSAGE, work_channel=None, queued_at=None, due_at=due, overflowed=())
        contact = owner_first(wanted(fresh, now), contact.owner, board, now)
        contact = contact if contact.owner else to_last_handler(contact, board, now)
    board.put_contact(_with_finding(contact, e.finding))


def _with_finding(contact: Contact, finding: Finding) -> Contact:
    """A later message adds to what is known and can raise; none lowers."""
    known = {(found.kind, found.words.casefold()) for found in contact.found}
    new = tuple(f for f in finding.found if (f.kind, f.words.casefold()) not in known)
    if new:
        contact = replace(contact, found=(*contact.found, *new)[:MOST_FOUND])
    if not finding.sounds_like_emergency:
        return contact
    return replace(contact, emergency=True, preferred="", preferred_until=None, sounds_like=finding.in_words)
