"""What an arriving message changes on the board. Nothing is decided here."""

from __future__ import annotations

from routing import events as ev
from routing.apply.base import apply, owner_first, wanted
from routing.board import Board
from routing.model import Contact, Time, Work
from routing.replacing import replace


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
            skills=frozenset(queue.skills),
            subject=e.subject,
            thread=e.thread,
            linked_to=e.linked_to,
        )
    contact = replace(contact, unread=e.message)
    if not contact.assignment and not contact.wanted:
        fresh = replace(contact, work=Work.MESSAGE, work_channel=None, queued_at=None, due_at=due, overflowed=())
        contact = owner_first(wanted(fresh, now), contact.owner, board, now)
    board.put_contact(contact)
