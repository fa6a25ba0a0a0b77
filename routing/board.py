"""The board: every open contact, every handler and every follow-up, now, with the indexes that make a
decision quick. It is rebuilt from the tables at start-up and thrown away when a commit fails.

``put_*`` are the only ways to change it; they keep the indexes, the wake-ups and the list of what is to be
written to disk.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field

from routing.abilities import abilities
from routing.lines import Place
from routing.model import (
    BLANK,
    Channel,
    Contact,
    FollowUp,
    FollowUpState,
    Handler,
    Person,
    PresenceState,
    Time,
    rank_of,
)
from routing.rules import Rules
from routing.view import View
from routing.wakes import Wake, wakes


@dataclass(slots=True)
class Touched:
    """What has changed since it was last written to disk."""

    contacts: dict[str, Contact] = field(default_factory=dict)
    handlers: dict[str, Handler | None] = field(default_factory=dict)
    follow_ups: dict[str, FollowUp] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)


class Board(View):
    def __init__(self, rules: Rules) -> None:
        super().__init__(rules)
        self.touched = Touched()

    @classmethod
    def rebuilt(
        cls,
        rules: Rules,
        contacts: Iterable[Contact],
        handlers: Iterable[Handler],
        follow_ups: Iterable[FollowUp],
        closed: Iterable[Contact] = (),
        people: Iterable[Person] = (),
        acknowledged: Iterable[tuple[Time, str]] = (),
    ) -> Board:
        """The board as the tables have it; everything that can be matched is fresh. ``closed``: those of late."""
        contacts, closed = sorted(contacts, key=lambda c: c.received_at), list(closed)
        board = cls(rules.with_queues(contact.queue for contact in (*contacts, *closed)))
        for contact in sorted([*contacts, *closed], key=lambda c: c.received_at):
            board.recent.note(contact)
        for contact in sorted(closed, key=lambda c: c.closed_at or 0.0):
            board.closed.note(contact)
        for handler in handlers:
            board.put_handler(handler)
        for contact in contacts:
            board.put_contact(contact)
        for follow_up in follow_ups:
            board.put_follow_up(follow_up)
        for at, address in acknowledged:
            board.acknowledged.note(address, at)
        board.people = {person.address: person for person in people}
        board.unserved.clear()  # what was due was decided then; what falls due wakes us
        board.fresh_contacts.clear()  # every handler is fresh: each looks for the best contact, which is enough
        board.touched = Touched()
        return board

    # --- changing ------------------------------------------------------------------------------------

    def put_contact(self, contact: Contact) -> None:
        reference = contact.reference
        was = self.contacts.get(reference, BLANK)
        self.touched.contacts[reference] = contact
        if was is BLANK or was.owner != contact.owner:
            self.recent.note(contact)
        if contact.closed_at is None:
            self.contacts[reference] = contact
            if contact.settled:
                self._settled[reference] = None
        else:
            self.contacts.pop(reference, None)
            self.fresh_contacts.pop(reference, None)
            self.closed.note(contact)
        self._put_in_line(contact, was)
        self.queued.put(contact, was)
        self.loads.put(contact, was)
        if contact.emergency and self.rules.routing.broadcast_emergencies:
            self._put_on_offer(contact, was)
        self.names.put(contact, was)
        for wake in wakes(contact, was, self.rules):
            heapq.heappush(self._wakes, wake)

    def put_handler(self, handler: Handler) -> None:
        self._duty_changes(self.handlers.get(handler.id), handler)
        self.handlers[handler.id] = handler
        able = abilities(handler.skills, handler.centre, reserved=handler.reserved)
        if self._able.get(handler.id) is not able:
            self._able[handler.id] = able
            self.onlookers[handler.id] = None
        self.groups.put(handler, able)
        self.touched.handlers[handler.id] = handler
        self._moved[handler.id] = None

    def remove_handler(self, handler: str) -> None:
        self._duty_changes(self.handlers.pop(handler, None), None)
        self._able.pop(handler, None)
        self.groups.remove(handler)
        self.touched.handlers[handler] = None
        self._moved[handler] = None

    def put_follow_up(self, follow_up: FollowUp) -> None:
        self.touched.follow_ups[follow_up.id] = follow_up
        if follow_up.state in (FollowUpState.SCHEDULED, FollowUpState.DUE):
            self.follow_ups[follow_up.id] = follow_up
        else:
            self.follow_ups.pop(follow_up.id, None)
        if follow_up.state is FollowUpState.SCHEDULED:
            self.wake_at(follow_up.next_at, "follow_up", follow_up.reference, follow_up.id)

    def put_person(self, person: Person) -> None:
        self.people[person.address] = person
        self.touched.people[person.address] = person

    def wake_at(self, at: Time, kind: str, reference: str, detail: str = "") -> None:
        heapq.heappush(self._wakes, Wake(at, kind, reference, detail))

    def due_wakes(self, now: Time) -> list[Wake]:
        """Each moment that has come, once, by what it is of: whether one of no interest any more was forgotten before
        (``wake_until``) changes nothing of the order."""
        due: dict[tuple[str, ...], Wake] = {}
        while self._wakes and self._wakes[0].at <= now:
            wake = heapq.heappop(self._wakes)
            due[wake[1:]] = wake
        return [due[what] for what in sorted(due)]

    def take_touched(self) -> Touched:
        touched, self.touched = self.touched, Touched()
        return touched

    def take_unshown(self) -> tuple[dict[str, None], dict[str, None]]:
        """The emergencies on offer that not all were shown yet, and the handlers who may not have seen all of them."""
        unshown, self.unshown = self.unshown, {}
        onlookers, self.onlookers = self.onlookers, {}
        return unshown, onlookers

    def take_settled(self) -> list[str]:
        """The contacts in which nothing is open any more, and that are to be closed."""
        if not self._settled:
            return []
        references, self._settled = self._settled, {}
        return [r for r in references if r in self.contacts and self.contacts[r].settled]

    def reindex(self) -> None:
        """Build everything that is derived once more; what is to be written and who came lately stay as they are."""
        kept = {
            "touched": self.touched,
            "recent": self.recent,
            "answers": self.answers,
            "closed": self.closed,
            "people": self.people,
            "acknowledged": self.acknowledged,
        }
        again = Board.rebuilt(self.rules, self.contacts.values(), self.handlers.values(), self.follow_ups.values())
        vars(self).update(vars(again) | kept)

    # --- indexes -------------------------------------------------------------------------------------

    def _put_in_line(self, contact: Contact, was: Contact) -> None:
        if not (contact.wanted or was.wanted):
            return
        reference = contact.reference
        old, new = self.lines.place_of(reference), self._place_of(contact)
        if old is None and new is None:
            return
        if old != new:
            self.lines.move(reference, new)
        redone = contact.declined is not was.declined
        if old is not None and old.need.load is Channel.VOICE and (redone or old != new) and self.held_back:
            self._fresh_handlers |= self.held_back  # they need not keep themselves free for this call any more
            self.held_back = {}
        if new is None:
            return
        if contact.queue in self._leading_on and not (old is not None and _led_by(was) == _led_by(contact)):
            self.unserved[reference] = None
        # Who has come further forward may now be before the call for which somebody keeps themselves free.
        if old is None or redone or old.need != new.need or new.rank < old.rank:
            self.fresh_contacts[reference] = None

    def _place_of(self, contact: Contact) -> Place | None:
        if not contact.wanted or contact.offers or contact.closed_at is not None:
            return None
        return Place(self.need_of(contact), rank_of(contact), (contact.queue, contact.load))

    def _put_on_offer(self, contact: Contact, was: Contact) -> None:
        """An emergency that is being offered is shown to all who could take it; not to others once one has asked."""
        reference = contact.reference
        if not contact.offers or contact.offers[0].claimed:  # who has asked for it is its only one
            self.on_offer.pop(reference, None)
            return
        need = self.need_of(contact)
        if reference not in self.on_offer or contact.declined != was.declined or need != self.need_of(was):
            self.on_offer[reference] = need
            self.unshown[reference] = None

    def _duty_changes(self, was: Handler | None, now: Handler | None) -> None:
        """Whoever waits is looked at again when somebody signs in or out, or can do something else."""
        if self._leading_on and was is not None and _duty(was) != (_duty(now) if now else None):
            lines = (line for (queue, _), line in self.lines.lines() if queue in self._leading_on)
            self.unserved |= {rank.reference: None for rank in sorted(rank for line in lines for rank in line)}


def _led_by(contact: Contact) -> tuple[object, ...]:
    """What decides whether somebody who waits is looked at for the steps of an overflow."""
    return contact.queue, contact.preferred, contact.not_led_on


def _duty(handler: Handler) -> tuple[object, ...]:
    """What makes a handler count as on duty for a queue."""
    offline = handler.presence.state is PresenceState.OFFLINE
    room = (handler.extension, handler.text_capacity, handler.email_capacity)
    return offline, handler.skills, handler.centre, handler.reserved, room
