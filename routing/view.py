"""What can be asked of the board: who waits, who is free, what each handler does. Nothing is changed here, except that
who has moved is put in order when somebody looks.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator

from config.overflow import Overflow
from routing.abilities import Step
from routing.closed import LatelyClosed
from routing.free import NO_CHANNELS, OUT_OF_REACH, ROOM, FreeHandlers, Reachable, Spot, Turn
from routing.groups import Groups
from routing.lines import Lines, Waiting
from routing.loads import Loads
from routing.model import (
    REACHES,
    Channel,
    Contact,
    Doing,
    FollowUp,
    Handler,
    Need,
    Offer,
    Person,
    PresenceState,
    Rank,
    Reach,
    Time,
    rank_of,
)
from routing.names import Names
from routing.queued import Queued
from routing.recent import ACKNOWLEDGED_SECONDS, Acknowledged, Recent
from routing.rules import Rules
from routing.turns import TURNS
from routing.waits import Answers
from routing.wakes import Wake, is_idle


class View:
    """The board with its indexes, to be looked at. ``Board`` is what changes it."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.contacts: dict[str, Contact] = {}
        self.handlers: dict[str, Handler] = {}
        self.follow_ups: dict[str, FollowUp] = {}
        self.people: dict[str, Person] = {}
        self.fresh_contacts: dict[str, None] = {}
        self._fresh_handlers: dict[str, None] = {}
        self.on_offer: dict[str, Need] = {}
        self.unshown: dict[str, None] = {}
        self.onlookers: dict[str, None] = {}
        self._moved: dict[str, None] = {}
        self.unserved: dict[str, None] = {}
        self._turn = TURNS[rules.routing.choose_by]
        self._leading_on = {queue.id for queue in rules.queues.values() if queue.overflow != Overflow()}
        self._settled: dict[str, None] = {}
        self.lines = Lines()
        self.queued = Queued()
        self._able: dict[str, frozenset[str]] = {}
        self.groups = Groups()
        self._free = tuple(FreeHandlers() for _ in REACHES)
        self.loads = Loads(self._moved)
        self.names = Names()
        self.answers = Answers()
        self.recent = Recent(rules.remembered_seconds)
        self.acknowledged = Acknowledged(ACKNOWLEDGED_SECONDS)
        self.closed = LatelyClosed(rules.reopen_seconds)
        self.held_back: dict[str, None] = {}
        self._wakes: list[Wake] = []

    # --- contacts and handlers -----------------------------------------------------------------------

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
        waited = now - contact.wait_began_at
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

    def on_a_call(self, handler: str) -> bool:
        """Whether they talk: in a call of their own or in a colleague's."""
        contacts = self.engaged_in(handler)
        own = any(c.assignment and c.assignment.handler == handler and c.load is Channel.VOICE for c in contacts)
        return own or any(g.handler == handler and g.answered_at is not None for c in contacts for g in c.guests)

    def reachable(self, handler: Handler) -> Reachable:
        """Of which channels this handler can be offered one contact more, by how far we go: see ``Reach``.

        Who is on a call or being rung is left alone, and has one emergency beyond their room at most: until it is
        done they get no other message for which they have no room, and no routine one at all.
        """
        if handler.presence.state is not PresenceState.AVAILABLE:
            return OUT_OF_REACH
        load = self.loads.of(handler.id)
        calls, texts, emails = load.taken.values()
        if calls > load.wrap_ups:
            return OUT_OF_REACH
        most_texts, most_emails = handler.text_capacity, handler.email_capacity
        beyond = load.urgent > 0 and (texts > most_texts or emails > most_emails)
        phone, text, email = bool(handler.extension), texts < most_texts, emails < most_emails
        ever = ROOM[phone, text or (most_texts > 0 and not beyond), email or (most_emails > 0 and not beyond)]
        if load.wrap_ups:
            return NO_CHANNELS, NO_CHANNELS, ever
        busy = (texts or emails) and not self.rules.routing.calls_interrupt_messages
        room = ROOM[phone and not busy, text and not beyond, email and not beyond]
        return room, NO_CHANNELS if room is ever else ever - room, NO_CHANNELS

    def need_of(self, contact: Contact) -> Need:
        """What it needs of a handler now."""
        return self.rules.needs.need_of(contact)

    def steps_over(self, contact: Contact, now: Time) -> int:
        """How many steps of what it needs are over, by how long it has waited."""
        waited = now - contact.wait_began_at
        return sum(step.after <= waited for step in self._steps(contact)) - 1

    def _steps(self, contact: Contact) -> tuple[Step, ...]:
        return self.rules.needs.steps(contact.queue, contact.language, emergency=contact.emergency)

    def able(self, handler: str) -> frozenset[str]:
        """Everything that this handler can be asked for."""
        return self._able[handler]

    def can_take(self, handler: str, contact: Contact) -> bool:
        """Whether they are within its reach now and can do what it needs."""
        need = self.need_of(contact)
        known = handler in self.handlers
        return known and self.is_free(handler, need.load, need.reach) and need.able <= self.able(handler)

    def routine_offer(self, handler: str, channel: Channel) -> Offer | None:
        """The latest offer in earnest, to this handler, of a message that is no emergency."""
        routine = [contact for contact in self.engaged_in(handler) if not contact.emergency]
        offers = [o for contact in routine for o in contact.offers if o.handler == handler and not o.broadcast]
        return max((o for o in offers if o.channel is channel), key=lambda o: (o.made_at, o.id), default=None)

    def occupied(self, handler: str) -> bool:
        """Whether they have a contact or a wrap-up in hand."""
        return self.loads.of(handler).in_hand > 0

    def waiting_for(self, handler: str, least: Reach = Reach.ROOM) -> Iterator[Waiting]:
        """Those who wait and whom this handler could serve: by need, first in line first. ``least``: see ``Lines``."""
        return self.lines.suiting(handler, self.able(handler), least)

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

    def free_for(
        self, channel: Channel, reach: Reach = Reach.ROOM
    ) -> Iterator[tuple[frozenset[str], list[tuple[Turn, str]]]]:
        """Whom this reach adds for a channel, by what they can do, each with their turn, the next first."""
        self._place_moved()
        return self._free[reach].of(channel)

    def is_free(self, handler: str, channel: Channel, reach: Reach = Reach.ROOM) -> bool:
        """Whether they can be offered one more of this channel, if we go so far."""
        at = self.reach_to(handler, channel)
        return at is not None and at <= reach

    def reach_to(self, handler: str, channel: Channel) -> Reach | None:
        """How far we must go for them to be offered one more of this channel; None: they cannot be."""
        self._place_moved()
        return next((reach for reach in REACHES if self._free[reach].is_free(handler, channel)), None)

    def channels_within(self, handler: str) -> Reachable:
        """By reach, all the channels of which they can be offered one more by going as far as that."""
        self._place_moved()
        return self._within(handler)

    def places_of(self, rank: Rank) -> int:
        """In how many queues it stands, by its rank: 1 when it waits, otherwise 0. For checking."""
        return sum(rank in ranks for _, ranks in self.lines.needs())

    def free_index(self, handler: str) -> tuple[frozenset[Channel], ...]:
        """By reach, the channels in whose index the handler stands. For checking."""
        self._place_moved()
        return tuple(free.stands(handler) for free in self._free)

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

    # --- who has moved -------------------------------------------------------------------------------

    def _place_moved(self) -> None:
        """One change touches a handler several times: they are placed when somebody looks."""
        while self._moved:
            self._place(self._moved.popitem()[0])

    def _place(self, handler_id: str) -> None:
        """Put the handler where they belong within each reach. Who came into one for more is fresh, and an onlooker
        where an emergency may reach them for more than before."""
        handler = self.handlers.get(handler_id)
        reachable = OUT_OF_REACH if handler is None else self.reachable(handler)
        before = self._within(handler_id) if self.on_offer else None
        for free, channels in zip(self._free, reachable, strict=True):
            spot = Spot(self._turn_of(handler), self.able(handler_id), channels) if handler and channels else None
            if free.put(handler_id, spot):
                self._fresh_handlers[handler_id] = None
        if before is not None and not all(map(frozenset.issubset, self._within(handler_id)[1:], before[1:])):
            self.onlookers[handler_id] = None

    def _turn_of(self, handler: Handler) -> Turn:
        """Who has something on offer is not idle: whoever has less of that comes first."""
        return self.loads.of(handler.id).offered, self._turn(handler)

    def _within(self, handler: str) -> Reachable:
        room, beyond, in_wrap_up = (free.channels(handler) for free in self._free)
        return room, room | beyond, room | beyond | in_wrap_up
