"""The board: every open contact, every handler and every follow-up, now, with the indexes that make a
decision quick. It is rebuilt from the tables at start-up and thrown away when a commit fails.

``put_*`` are the only ways to change it; they keep the indexes, the wake-ups and the list of what is to be
written to disk.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from config.overflow import Overflow
from routing.abilities import Step, abilities
from routing.closed import LatelyClosed
from routing.free import NO_CHANNELS, ROOM, FreeHandlers, Spot, Turn
from routing.lines import Lines, Place, Waiting
from routing.loads import Loads
from routing.model import (
    BLANK,
    Channel,
    Contact,
    Doing,
    FollowUp,
    FollowUpState,
    Handler,
    Need,
    Person,
    PresenceState,
    Rank,
    Time,
    rank_of,
)
from routing.names import Names
from routing.recent import Acknowledged, Recent
from routing.rules import Rules
from routing.turns import TURNS
from routing.waits import Answers
from routing.wakes import Wake, is_idle, wakes

ACKNOWLEDGED_SECONDS = 3_600.0  # a person who sends text after text is told once in so long that they were heard


@dataclass(slots=True)
class Touched:
    """What has changed since it was last written to disk."""

    contacts: dict[str, Contact] = field(default_factory=dict)
    handlers: dict[str, Handler | None] = field(default_factory=dict)
    follow_ups: dict[str, FollowUp] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)


class Board:
    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.contacts: dict[str, Contact] = {}
        self.handlers: dict[str, Handler] = {}
        self.follow_ups: dict[str, FollowUp] = {}
        self.people: dict[str, Person] = {}
        self.touched = Touched()
        self.fresh_contacts: dict[str, None] = {}
        self._fresh_handlers: dict[str, None] = {}
        self.on_offer: dict[str, None] = {}
        self.unshown: dict[str, None] = {}
        self.onlookers: dict[str, None] = {}
        self._moved: dict[str, None] = {}
        self.unserved: dict[str, None] = {}
        self._turn = TURNS[rules.routing.choose_by]
        self._leading_on = {queue.id for queue in rules.queues.values() if queue.overflow != Overflow()}
        self._settled: dict[str, None] = {}
        self.lines = Lines()
        self._able: dict[str, frozenset[str]] = {}
        self._free = FreeHandlers()
        self.loads = Loads(self._moved)
        self.names = Names()
        self.answers = Answers()
        self.recent = Recent(rules.remembered_seconds)
        self.acknowledged = Acknowledged(ACKNOWLEDGED_SECONDS)
        self.closed = LatelyClosed(rules.reopen_seconds)
        self.held_back: dict[str, None] = {}
        self._wakes: list[Wake] = []

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
        board = cls(rules)
        contacts = sorted(contacts, key=lambda c: c.received_at)
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

    # --- reading -------------------------------------------------------------------------------------

    def open_contact(self, reference: str) -> Contact | None:
        return self.contacts.get(reference)

    def in_thread(self, thread: str) -> Contact | None:
        """The open contact that this conversation belongs to."""
        return self.contacts.get(self.names.in_thread(thread)) if thread else None

    def thread_of(self, thread: str, now: Time) -> Contact | None:
        """The contact that takes what is said in this conversation now: the open one, or one closed lately."""
        return self.in_thread(thread) or self.closed.find(thread, now)

    def of_call(self, call_id: str) -> Contact | None:
        """The open contact whose latest call from outside this is."""
        return self.contacts.get(self.names.of_call(call_id))

    def expected(self, thread: str, now: Time) -> Contact | None:
        """The contact of a caller who was cut off a moment ago and may have their place back.

        One whom a handler is dealing with meanwhile is left to them.
        """
        known = [self.contacts[reference] for reference in self.names.expected(thread)]
        back = [c for c in known if (c.expected_until or now) > now and not c.assignment]
        return max(back, key=lambda c: (c.ended_at or c.received_at, c.reference), default=None)

    def expected_wait(self, reference: str, now: Time) -> float | None:
        """Seconds, by the pace of the last half hour; None when that is unknown or has proved wrong already."""
        contact = self.contacts.get(reference)
        if contact is None or not contact.waiting:
            return None
        seconds = self.answers.expected(contact.queue, self.place_in_queue(contact), now)
        waited = now - (contact.queued_at or now)
        return None if seconds is None or seconds <= waited else seconds

    def with_extension(self, extension: str) -> Handler | None:
        """The handler whose telephone this is; nobody's is ''."""
        return next((h for h in self.handlers.values() if extension and h.extension == extension), None)

    def engaged_in(self, handler: str) -> list[Contact]:
        """The contacts in which this handler is offered, assigned, a guest or in wrap-up, oldest first."""
        engaged = [self.contacts[reference] for reference in self.loads.of(handler).contacts]
        return sorted(engaged, key=lambda c: (c.received_at, c.reference))

    def doing(self, handler: str) -> Doing:
        contacts = self.engaged_in(handler)
        if any(c.assignment and c.assignment.handler == handler for c in contacts):
            return Doing.ON_CONTACT
        as_guest = [g for c in contacts for g in c.guests if g.handler == handler]
        if any(g.answered_at is not None for g in as_guest):
            return Doing.ON_CONTACT
        if as_guest or any(o.handler == handler and not o.broadcast for c in contacts for o in c.offers):
            return Doing.RINGING
        return Doing.WRAP_UP if any(w.handler == handler for c in contacts for w in c.wrap_ups) else Doing.NOTHING

    def free_channels(self, handler: Handler) -> frozenset[Channel]:
        """The channels of which this handler can be offered one contact more: no call, or fewer than N messages."""
        if handler.presence.state is not PresenceState.AVAILABLE:
            return NO_CHANNELS
        calls, texts, emails = self.loads.of(handler.id).taken.values()
        if calls:
            return NO_CHANNELS
        busy = (texts or emails) and not self.rules.routing.calls_interrupt_messages
        voice, text, email = bool(handler.extension), texts < handler.text_capacity, emails < handler.email_capacity
        return ROOM[voice and not busy, text, email]

    def need_of(self, contact: Contact) -> Need:
        """What it needs of a handler now."""
        return self.rules.needs.need_of(contact)

    def steps_over(self, contact: Contact, now: Time) -> int:
        """How many steps of what it needs are over, by how long it has waited."""
        waited = now - (contact.queued_at or now)
        return sum(step.after <= waited for step in self._steps(contact)) - 1

    def _steps(self, contact: Contact) -> tuple[Step, ...]:
        return self.rules.needs.steps(contact.queue, contact.language, emergency=contact.emergency)

    def able(self, handler: str) -> frozenset[str]:
        """Everything that this handler can be asked for."""
        return self._able[handler]

    def can_take(self, handler: str, contact: Contact) -> bool:
        """Whether they are free for it now and can do what it needs."""
        need = self.need_of(contact)
        return handler in self.handlers and self.is_free(handler, need.load) and need.able <= self.able(handler)

    def occupied(self, handler: str) -> bool:
        """Whether they have a contact or a wrap-up in hand."""
        return self.loads.of(handler).in_hand > 0

    def waiting_for(self, handler: str) -> Iterator[Waiting]:
        """Those who wait and whom this handler could serve: by need, first in line first."""
        return self.lines.suiting(handler, self.able(handler))

    def place(self, reference: str) -> int:
        """The contact's place among those who need the same, 1 for the first in line; 0 when it does not wait."""
        place = self.lines.place_of(reference)
        return 0 if place is None else int(self.lines.with_need(place.need).index(place.rank)) + 1

    def place_in_queue(self, contact: Contact) -> int:
        """The place of a waiting contact among those who wait in its queue for the same channel."""
        return int(self.lines.in_line((contact.queue, contact.load)).index(rank_of(contact))) + 1

    def waiting_in(self, queue: str, channel: Channel) -> int:
        """How many wait in this queue."""
        return len(self.lines.in_line((queue, channel)))

    def waiting(self) -> list[Rank]:
        """Everybody who waits, first in line first. For showing, not for deciding: it sorts."""
        return sorted(rank for _, ranks in self.lines.needs() for rank in ranks)

    def free_for(self, channel: Channel) -> Iterator[tuple[frozenset[str], list[Turn]]]:
        """The free handlers of a channel by what they can do, each with their turn, the next first."""
        self._place_moved()
        return self._free.of(channel)

    def is_free(self, handler: str, channel: Channel) -> bool:
        self._place_moved()
        return self._free.is_free(handler, channel)

    def room_of(self, handler: str) -> frozenset[Channel]:
        """The channels for which this handler is free."""
        self._place_moved()
        return self._free.channels(handler)

    def places_of(self, rank: Rank) -> int:
        """In how many queues it stands, by its rank: 1 when it waits, otherwise 0. For checking."""
        return sum(rank in ranks for _, ranks in self.lines.needs())

    def free_index(self, handler: str) -> frozenset[Channel]:
        """The channels in whose index of the free the handler stands. For checking."""
        self._place_moved()
        return self._free.stands(handler)

    @property
    def fresh_handlers(self) -> dict[str, None]:
        """Who became free for more and has not been matched yet."""
        self._place_moved()
        return self._fresh_handlers

    @property
    def next_wake(self) -> Time | None:
        """When ``TimePassed`` is next wanted."""
        return self.wake_until(math.inf)

    def wake_until(self, latest: Time) -> Time | None:
        """When ``TimePassed`` is next wanted, if by then. What has become of no interest meanwhile is forgotten."""
        pending = self._wakes
        while pending and pending[0].at <= latest:
            if not is_idle(pending[0], self.contacts.get(pending[0].reference)):
                return pending[0].at
            heapq.heappop(pending)
        return None

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
        self.loads.put(contact, was)
        if contact.emergency and self.rules.routing.broadcast_emergencies:
            self._put_on_offer(contact, was)
        self.names.put(contact, was)
        for wake in wakes(contact, was, self.rules):
            heapq.heappush(self._wakes, wake)

    def put_handler(self, handler: Handler) -> None:
        self._duty_changes(self.handlers.get(handler.id), handler)
        self.handlers[handler.id] = handler
        self._able[handler.id] = abilities(handler.skills, handler.centre, reserved=handler.reserved)
        self.touched.handlers[handler.id] = handler
        self._moved[handler.id] = None

    def remove_handler(self, handler: str) -> None:
        self._duty_changes(self.handlers.pop(handler, None), None)
        self._able.pop(handler, None)
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

    def due_wakes(self, now: Time) -> Iterator[Wake]:
        while self._wakes and self._wakes[0].at <= now:
            yield heapq.heappop(self._wakes)

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
        if old is None or redone or old.need != new.need:
            self.fresh_contacts[reference] = None

    def _place_of(self, contact: Contact) -> Place | None:
        if not contact.wanted or contact.offers or contact.closed_at is not None:
            return None
        return Place(self.need_of(contact), rank_of(contact), (contact.queue, contact.load))

    def _put_on_offer(self, contact: Contact, was: Contact) -> None:
        """An emergency that is being offered is shown to all who could take it; not to others once one has asked."""
        reference = contact.reference
        shown = contact.offers and not any(offer.claimed for offer in contact.offers)
        if not shown:
            self.on_offer.pop(reference, None)
            return
        need = self.need_of(contact)
        if reference not in self.on_offer or contact.declined != was.declined or need != self.need_of(was):
            self.on_offer[reference] = None
            self.unshown[reference] = None

    def _place_moved(self) -> None:
        """One change touches a handler several times: they are placed when somebody looks."""
        while self._moved:
            self._place(self._moved.popitem()[0])

    def _place(self, handler_id: str) -> None:
        """Put the handler where they belong among the free; who became free for more is fresh."""
        handler = self.handlers.get(handler_id)
        channels = NO_CHANNELS if handler is None else self.free_channels(handler)
        spot = Spot(self._turn(handler), self.able(handler_id), channels) if handler and channels else None
        if self._free.put(handler_id, spot):
            self._fresh_handlers[handler_id] = None

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
