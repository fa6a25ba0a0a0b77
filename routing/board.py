"""The board: every open contact, every handler and every follow-up, now, with the indexes that make a
decision quick. It is rebuilt from the tables at start-up and thrown away when a commit fails.

``put_*`` are the only ways to change it; they keep the indexes, the wake-ups and the list of what is to be
written to disk.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from sortedcontainers import SortedList

from config.overflow import Overflow
from routing.abilities import Step, abilities
from routing.closed import LatelyClosed
from routing.model import (
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
from routing.recent import Acknowledged, Recent
from routing.rules import Rules
from routing.waits import Answers

CALLBACK_ANSWER_SECONDS = 45.0  # who has not asked to be called back by then is led on
ACKNOWLEDGED_SECONDS = 3_600.0  # a person who sends text after text is told once in so long that they were heard
# Before that much of a shift is over, the share of it in which somebody was busy says little.
FIRST_MINUTE = 60.0
CHANNELS = tuple(Channel)
NO_CHANNELS: frozenset[Channel] = frozenset()
IDLE = dict.fromkeys(CHANNELS, 0)


class Wake(NamedTuple):
    """At ``at``, look again at this: ``kind`` names a rule in ``reactions``."""

    at: Time
    kind: str
    reference: str
    detail: str = ""


class Free(NamedTuple):
    """Where a handler stands in the index of the free: ``turn``, the least first, among those who are ``able``."""

    turn: float
    able: frozenset[str]
    channels: frozenset[Channel]


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
        self._moved: dict[str, None] = {}
        self.unserved: dict[str, None] = {}
        self._leading_on = {queue.id for queue in rules.queues.values() if queue.overflow != Overflow()}
        self._settled: dict[str, None] = {}
        self._lines: defaultdict[tuple[str, Channel], SortedList[Rank]] = defaultdict(SortedList)
        self._waiting: defaultdict[Need, SortedList[Rank]] = defaultdict(SortedList)
        self._needs_of: dict[str, dict[Need, None]] = {}
        self._free: dict[Channel, defaultdict[frozenset[str], SortedList[tuple[float, str]]]] = {
            channel: defaultdict(SortedList) for channel in Channel
        }
        self._free_at: dict[str, Free] = {}
        self._engaged: dict[str, set[str]] = {}
        self._threads: dict[str, str] = {}
        self._expected: dict[str, set[str]] = {}
        self._calls: dict[str, str] = {}
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
        return self.contacts.get(self._threads.get(thread, "")) if thread else None

    def thread_of(self, thread: str, now: Time) -> Contact | None:
        """The contact that takes what is said in this conversation now: the open one, or one closed lately."""
        return self.in_thread(thread) or self.closed.find(thread, now)

    def of_call(self, call_id: str) -> Contact | None:
        """The open contact whose latest call from outside this is."""
        return self.contacts.get(self._calls.get(call_id, ""))

    def expected(self, thread: str, now: Time) -> Contact | None:
        """The contact of a caller who was cut off a moment ago and may have their place back.

        One whom a handler is dealing with meanwhile is left to them.
        """
        known = [self.contacts[reference] for reference in self._expected.get(thread, ())]
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
        references = self._engaged.get(handler, ())
        return sorted((self.contacts[r] for r in references), key=lambda c: (c.received_at, c.reference))

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
        load = self._load(handler.id) if self._engaged.get(handler.id) else IDLE
        if load[Channel.VOICE]:
            return NO_CHANNELS
        room = frozenset([c for c in CHANNELS if load[c] < handler.capacity(c)])
        busy = any(load.values()) and not self.rules.routing.calls_interrupt_messages
        return room - {Channel.VOICE} if busy else room

    def need_of(self, contact: Contact) -> Need:
        """What it needs of a handler now."""
        steps = self._steps(contact)
        able = steps[min(contact.relaxed, len(steps) - 1)].needed
        prefers = self.rules.needs.prefers[contact.queue]
        return Need(contact.load, able, contact.preferred, prefers)

    def steps_over(self, contact: Contact, now: Time) -> int:
        """How many steps of what it needs are over, by how long it has waited."""
        waited = now - (contact.queued_at or now)
        return sum(step.after <= waited for step in self._steps(contact)) - 1

    def _steps(self, contact: Contact) -> tuple[Step, ...]:
        return self.rules.needs.steps(contact.queue, contact.language, emergency=contact.emergency)

    def able(self, handler: str) -> frozenset[str]:
        """Everything that this handler can be asked for."""
        known = self.handlers[handler]
        return abilities(known.skills, known.centre, reserved=known.reserved)

    def can_take(self, handler: str, contact: Contact) -> bool:
        """Whether they are free for it now and can do what it needs."""
        need = self.need_of(contact)
        return handler in self.handlers and self.is_free(handler, need.load) and need.able <= self.able(handler)

    def occupied(self, handler: str) -> bool:
        """Whether they have a contact or a wrap-up in hand."""
        contacts = (self.contacts[reference] for reference in self._engaged.get(handler, ()))
        return any(
            (c.assignment and c.assignment.handler == handler) or any(w.handler == handler for w in c.wrap_ups)
            for c in contacts
        )

    def _load(self, handler: str) -> dict[Channel, int]:
        load = dict.fromkeys(CHANNELS, 0)
        for reference in self._engaged.get(handler, ()):
            contact = self.contacts[reference]
            if contact.assignment and contact.assignment.handler == handler:
                load[contact.load] += 1
            for offer in contact.offers:
                load[offer.channel] += offer.handler == handler and not offer.broadcast
            for guest in contact.guests:
                load[Channel.VOICE] += guest.handler == handler
            for wrap_up in contact.wrap_ups:
                load[Channel.VOICE] += wrap_up.handler == handler
        return load

    def needs_for(self, handler: str) -> Iterator[Need]:
        """The needs that somebody waits with and that this handler is asked about, skills not yet compared."""
        yield from self._needs_of.get("", ())
        yield from self._needs_of.get(handler, ())

    def waiting_with(self, need: Need) -> Iterator[Rank]:
        """Those who wait with this need, first in line first."""
        return iter(self._waiting.get(need, ()))

    def place(self, reference: str) -> int:
        """The contact's place among those who need the same, 1 for the first in line; 0 when it does not wait."""
        contact = self.contacts.get(reference)
        if contact is None or not contact.waiting:
            return 0
        return int(self._waiting[self.need_of(contact)].index(rank_of(contact))) + 1

    def place_in_queue(self, contact: Contact) -> int:
        """The place of a waiting contact among those who wait in its queue for the same channel."""
        return int(self._lines[contact.queue, contact.load].index(rank_of(contact))) + 1

    def waiting_in(self, queue: str, channel: Channel) -> int:
        """How many wait in this queue."""
        return len(self._lines.get((queue, channel), ()))

    def waiting(self) -> list[Rank]:
        """Everybody who waits, first in line first. For showing, not for deciding: it sorts."""
        return sorted(rank for ranks in self._waiting.values() for rank in ranks)

    def free_for(self, channel: Channel) -> Iterator[tuple[frozenset[str], SortedList[tuple[float, str]]]]:
        """The free handlers of a channel by what they can do, each with their turn, the next first."""
        self._place_moved()
        yield from self._free[channel].items()

    def is_free(self, handler: str, channel: Channel) -> bool:
        self._place_moved()
        place = self._free_at.get(handler)
        return place is not None and channel in place.channels

    def places_of(self, rank: Rank) -> int:
        """In how many queues it stands, by its rank: 1 when it waits, otherwise 0. For checking."""
        return sum(rank in ranks for ranks in self._waiting.values())

    def free_index(self, handler: str) -> frozenset[Channel]:
        """The channels in whose index of the free the handler stands. For checking."""
        self._place_moved()
        known = self._free_at.get(handler)
        if known is None:
            return NO_CHANNELS
        stands = (c for c in Channel if (known.turn, handler) in self._free[c].get(known.able, ()))
        return frozenset(stands)

    @property
    def fresh_handlers(self) -> dict[str, None]:
        """Who became free for more and has not been matched yet."""
        self._place_moved()
        return self._fresh_handlers

    @property
    def next_wake(self) -> Time | None:
        """When ``TimePassed`` is next wanted. What has become of no interest meanwhile is forgotten."""
        while self._wakes and self._is_idle(self._wakes[0]):
            heapq.heappop(self._wakes)
        return self._wakes[0].at if self._wakes else None

    def _is_idle(self, wake: Wake) -> bool:
        """The contact is closed, or its offer was answered."""
        contact = self.contacts.get(wake.reference)
        return contact is None or (wake.kind == "offer" and not contact.offers)

    # --- changing ------------------------------------------------------------------------------------

    def put_contact(self, contact: Contact) -> None:
        old = self.contacts.get(contact.reference)
        before, people = _people(old), _people(contact)
        self._moved.update(dict.fromkeys([*before, *people]))
        if old is not None:
            self._unindex(old, before)
        self.touched.contacts[contact.reference] = contact
        if old is None or old.owner != contact.owner:
            self.recent.note(contact)
        if contact.closed_at is not None:
            self.contacts.pop(contact.reference, None)
            self.fresh_contacts.pop(contact.reference, None)
            self.closed.note(contact)
        else:
            self.contacts[contact.reference] = contact
            self._index(contact, old, people)
            if contact.settled:
                self._settled[contact.reference] = None
        self._wake_for(contact, old)

    def put_handler(self, handler: Handler) -> None:
        self._duty_changes(self.handlers.get(handler.id), handler)
        self.handlers[handler.id] = handler
        self.touched.handlers[handler.id] = handler
        self._moved[handler.id] = None

    def remove_handler(self, handler: str) -> None:
        self._duty_changes(self.handlers.pop(handler, None), None)
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

    def take_settled(self) -> list[str]:
        """The contacts in which nothing is open any more, and that are to be closed."""
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

    def _unindex(self, old: Contact, people: list[str]) -> None:
        if old.waiting:
            need = self.need_of(old)
            ranks = self._waiting[need]
            ranks.remove(rank_of(old))
            if not ranks:
                del self._waiting[need]
                del self._needs_of[need.only][need]
            self._lines[old.queue, old.load].remove(rank_of(old))
            if need.load is Channel.VOICE:
                self._fresh_handlers |= self.held_back  # they need not keep themselves free for this call any more
                self.held_back = {}
        for handler in people:
            self._engaged[handler].discard(old.reference)
        if old.thread and self._threads.get(old.thread) == old.reference:
            del self._threads[old.thread]
        if old.expected_until is not None:
            self._expected[old.call_thread].discard(old.reference)
            if not self._expected[old.call_thread]:
                del self._expected[old.call_thread]
        if old.call_id and self._calls.get(old.call_id) == old.reference:
            del self._calls[old.call_id]

    def _index(self, contact: Contact, old: Contact | None, people: list[str]) -> None:
        if contact.waiting:
            need = self.need_of(contact)
            self._waiting[need].add(rank_of(contact))
            self._needs_of.setdefault(need.only, {})[need] = None
            self._lines[contact.queue, contact.load].add(rank_of(contact))
            known = old is not None and old.waiting and _led_by(old) == _led_by(contact)
            if not known and contact.queue in self._leading_on:
                self.unserved[contact.reference] = None
            if old is None or not old.waiting or self.need_of(old) != need or old.declined != contact.declined:
                self.fresh_contacts[contact.reference] = None
        for handler in people:
            self._engaged.setdefault(handler, set()).add(contact.reference)
        if contact.thread:
            self._threads[contact.thread] = contact.reference
        if contact.expected_until is not None:
            self._expected.setdefault(contact.call_thread, set()).add(contact.reference)
        if contact.call_id:
            self._calls[contact.call_id] = contact.reference

    def _place_moved(self) -> None:
        """One change touches a handler several times: they are placed when somebody looks."""
        while self._moved:
            self._place(self._moved.popitem()[0])

    def _place(self, handler_id: str) -> None:
        """Put the handler where they belong among the free; who became free for more is fresh."""
        handler, was = self.handlers.get(handler_id), self._free_at.get(handler_id)
        now = None if handler is None else Free(self._turn(handler), self.able(handler_id), self.free_channels(handler))
        if now == was:
            return
        if was is not None:
            del self._free_at[handler_id]
            for channel in was.channels:
                self._free[channel][was.able].remove((was.turn, handler_id))
        if now is None:
            return
        self._free_at[handler_id] = now
        for channel in now.channels:
            self._free[channel][now.able].add((now.turn, handler_id))
        if was is None or now.channels - was.channels or now.able - was.able:
            self._fresh_handlers[handler_id] = None

    def _turn(self, handler: Handler) -> float:
        """Who has the least is next."""
        match self.rules.routing.choose_by:
            case "longest_idle":
                return handler.idle_since
            case "round_robin":
                return handler.offered_at
            case "least_occupied":
                return handler.busy_seconds / max(FIRST_MINUTE, handler.idle_since - handler.signed_in_at)

    def _duty_changes(self, was: Handler | None, now: Handler | None) -> None:
        """Whoever waits is looked at again when somebody signs in or out, or can do something else."""
        if self._leading_on and was is not None and _duty(was) != (_duty(now) if now else None):
            lines = (line for (queue, _), line in self._lines.items() if queue in self._leading_on)
            self.unserved |= {rank.reference: None for rank in sorted(rank for line in lines for rank in line)}

    def _wake_for(self, contact: Contact, old: Contact | None) -> None:
        ref, rules = contact.reference, self.rules.routing
        for offer in contact.offers:
            if old is None or offer not in old.offers:
                self.wake_at(offer.expires_at, "offer", ref, offer.id)
        for declined in contact.declined:
            if declined.until and (old is None or declined not in old.declined):
                self.wake_at(declined.until, "declined", ref, declined.handler)
        relaxes = self._relaxes_at(contact)
        if relaxes is not None and (old is None or self._relaxes_at(old) != relaxes):
            self.wake_at(relaxes, "relax", ref)
        if contact.preferred_until is not None and (old is None or old.preferred_until != contact.preferred_until):
            self.wake_at(contact.preferred_until, "preferred", ref)
        for wrap_up in contact.wrap_ups:
            if old is None or wrap_up not in old.wrap_ups:
                self.wake_at(wrap_up.since + rules.wrap_up_alarm_seconds, "wrap_up", ref, wrap_up.handler)
                if wrap_up.until and not wrap_up.told:
                    self.wake_at(wrap_up.until, "wrap_up_due", ref, wrap_up.handler)
        if contact.expected_until is not None and (old is None or old.expected_until != contact.expected_until):
            self.wake_at(contact.expected_until, "expected", ref)
        self._wake_for_overflow(contact, old)
        known = old is not None and old.emergency
        alarmed = old is not None and old.waiting_alarmed_at == contact.waiting_alarmed_at
        if contact.emergency and contact.wanted and not (known and old and old.wanted and alarmed):
            self.wake_at(self.alarm_at(contact), "emergency", ref)
        heard_at = contact.heard_at if contact.emergency and not contact.silence_told else None
        if heard_at is not None and not (known and old and old.heard_at == heard_at):
            self.wake_at(heard_at + self.silence_seconds(contact), "silence", ref)

    def alarm_due(self, contact: Contact, now: Time) -> bool:
        """An emergency for which nobody has been found, and of which supervisors are to be told, or told again."""
        return contact.emergency and contact.wanted and now >= self.alarm_at(contact)

    def silent_since(self, contact: Contact, now: Time) -> bool:
        """Somebody who wrote of an emergency has fallen silent, and nobody was told yet. A caller is heard."""
        if not contact.emergency or contact.heard_at is None or contact.silence_told or contact.live:
            return False
        return contact.channel is not Channel.VOICE and now >= contact.heard_at + self.silence_seconds(contact)

    def silence_seconds(self, contact: Contact) -> float:
        """How long somebody who wrote of an emergency may say nothing more; emails are written more slowly."""
        routing = self.rules.routing
        by_email = contact.channel is Channel.EMAIL
        return routing.emergency_email_silence_seconds if by_email else routing.emergency_silence_seconds

    def alarm_at(self, contact: Contact) -> Time:
        """When the supervisors are next told that nobody has taken an emergency."""
        since, rules = contact.queued_at or contact.received_at, self.rules.routing
        if contact.waiting_alarmed_at < since:
            return since + rules.emergency_alarm_seconds
        return contact.waiting_alarmed_at + rules.emergency_alarm_again_seconds

    def _wake_for_overflow(self, contact: Contact, old: Contact | None) -> None:
        queue, since, step = self.rules.queues.get(contact.queue), contact.waiting_since, contact.overflow
        if queue and queue.longest_wait_seconds and contact.wanted and since is not None:
            known = old is not None and old.wanted and (old.queue, old.waiting_since) == (contact.queue, since)
            if not known:
                self.wake_at(since + queue.longest_wait_seconds, "overflow", contact.reference)
        if step is not None and step.kind == "callback" and (old is None or old.overflow != step):
            self.wake_at(step.at + CALLBACK_ANSWER_SECONDS, "overflow", contact.reference)

    def _relaxes_at(self, contact: Contact) -> Time | None:
        """When less is insisted on; None when it is the least already."""
        steps = self._steps(contact)
        if not contact.wanted or contact.queued_at is None or contact.relaxed + 1 >= len(steps):
            return None
        return contact.queued_at + steps[contact.relaxed + 1].after


def _led_by(contact: Contact) -> tuple[object, ...]:
    """What decides whether somebody who waits is looked at for the steps of an overflow."""
    return contact.queue, contact.preferred, contact.not_led_on


def _duty(handler: Handler) -> tuple[object, ...]:
    """What makes a handler count as on duty for a queue."""
    offline = handler.presence.state is PresenceState.OFFLINE
    room = (handler.extension, handler.text_capacity, handler.email_capacity)
    return offline, handler.skills, handler.centre, handler.reserved, room


def _people(contact: Contact | None) -> list[str]:
    """The handlers who are taken up by this contact."""
    if contact is None or contact.closed_at is not None:
        return []
    people = [contact.assignment.handler] if contact.assignment else []
    if contact.guests:
        people += [g.handler for g in contact.guests if g.handler]
    if contact.offers:
        people += [o.handler for o in contact.offers]
    if contact.wrap_ups:
        people += [w.handler for w in contact.wrap_ups]
    return people
