"""Whatever happens, in whatever order: the promises of the board hold after every event.

Events are drawn at random (``tests/support/people.py``), the impossible ones included: those must be refused and change
nothing.
"""

from __future__ import annotations

from itertools import product
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant

from routing import events as ev
from routing.audit import audit
from routing.board import Board
from routing.commands import MakeOffer
from routing.engine import decide
from routing.model import (
    REACHES,
    Channel,
    Contact,
    FollowUpState,
    Handler,
    HandoverState,
    PresenceState,
    Reach,
    Work,
    rank_of,
)
from tests.support.people import People


class Desk(People):
    """What always holds."""

    @invariant()
    def a_waiting_contact_is_in_exactly_one_place(self) -> None:
        expected: dict[Any, list[Any]] = {}
        for contact in self.board.contacts.values():
            if contact.waiting:
                expected.setdefault(self.board.need_of(contact), []).append(rank_of(contact))
        assert {need: list(ranks) for need, ranks in self.board.lines.needs()} == {
            need: sorted(ranks) for need, ranks in expected.items()
        }
        for handler in self.board.handlers:
            able = self.board.able(handler)
            asked = {need for need in expected if need.able <= able and need.only in ("", handler)}
            assert {need for need, _ in self.board.waiting_for(handler)} == asked

    @invariant()
    def the_auditor_finds_nothing(self) -> None:
        assert not audit(self.board, self.board.contacts.values(), self.board.handlers.values(), self.now)

    @invariant()
    def a_person_on_the_line_is_with_somebody_or_wanted_or_being_greeted(self) -> None:
        for contact in self.board.contacts.values():
            if contact.live and not contact.assignment and not contact.wanted:
                joined = contact.handover is not None and contact.handover.state is HandoverState.JOINED
                greeted = contact.reference in self.greeted and not contact.emergency
                led = contact.overflow is not None and contact.overflow.kind in ("number", "voicemail")
                going = contact.callback or contact.voicemail or led
                assert joined or greeted or contact.passed_to or going, contact

    def on_offer_to(self, handler: str) -> int:
        offers = [offer for contact in self.board.contacts.values() for offer in contact.offers]
        return sum(offer.handler == handler and not offer.broadcast for offer in offers)

    @invariant()
    def the_indexes_are_what_the_contacts_say(self) -> None:
        engaged: dict[str, set[str]] = {}
        for contact in self.board.contacts.values():
            assigned = [contact.assignment.handler] if contact.assignment else []
            others = [o.handler for o in contact.offers] + [w.handler for w in contact.wrap_ups]
            others += [g.handler for g in contact.guests if g.handler]
            for handler in [*assigned, *others]:
                engaged.setdefault(handler, set()).add(contact.reference)
        assert self.board.loads.engaged() == engaged
        here = self.board.handlers.values()
        for channel, reach in product(Channel, REACHES):
            handlers = [h for h in self.board.handlers.values() if self.reach_to(h, channel) is reach]
            groups = list(self.board.free_for(channel, reach))
            expected = {((self.on_offer_to(h.id), self.board._turn(h)), h.id) for h in handlers}
            assert {turn for _, turns in groups for turn in turns} == expected
            for able, turns in groups:
                assert turns == sorted(turns) and all(self.board.able(name) == able for _, name in turns)
        self.crowds_are_what_the_contacts_say()
        kinds = {(self.board.able(h.id), tuple(map(bool, map(h.capacity, Channel))), h.presence.state) for h in here}
        known = [(g.able, tuple(on in g.takes for on in Channel), g.presence) for g in self.board.groups]
        assert len(known) == len(kinds) and set(known) == kinds
        threads = {c.thread: c.reference for c in self.board.contacts.values() if c.thread}
        assert self.board.names.threads == threads

    def crowds_are_what_the_contacts_say(self) -> None:
        expected: dict[Any, list[tuple[bool, float, bool]]] = {}
        for c in self.board.contacts.values():
            if c.wanted and not c.emergency and (c.work is not Work.REVIEW or c.voicemail):
                voicemail = bool(c.voicemail) and not c.live
                expected.setdefault((c.queue, c.load), []).append((c.live, c.wait_began_at, voicemail))
        crowds = dict(self.board.queued.crowds())
        assert crowds.keys() == expected.keys()
        for line, waiting in expected.items():
            assert list(crowds[line].callers) == sorted(began for live, began, _ in waiting if live)
            assert list(crowds[line].others) == sorted(began for live, began, _ in waiting if not live)
            assert crowds[line].voicemails == sum(voicemail for *_, voicemail in waiting)

    def reach_to(self, handler: Handler, channel: Channel) -> Reach | None:
        """How far one more of this channel must reach for this handler, worked out from nothing but the contacts."""
        held, wrapping = self.held_by(handler.id), self.wrap_ups_of(handler.id)
        calls = [c for c, on in held if on is Channel.VOICE]
        if handler.presence.state is not PresenceState.AVAILABLE or calls or not handler.capacity(channel):
            return None
        full = sum(on is channel for _, on in held) >= handler.capacity(channel)
        beyond = self.has_one_beyond(handler, held)
        if channel is not Channel.VOICE and full and beyond:
            return None
        if wrapping:
            return Reach.WRAP_UP
        left_alone = held and not self.site.routing.calls_interrupt_messages
        without_room = left_alone if channel is Channel.VOICE else full or beyond
        return Reach.BEYOND if without_room else Reach.ROOM

    def has_one_beyond(self, handler: Handler, held: list[tuple[Contact, Channel]]) -> bool:
        """Whether they have an emergency among more messages than they take."""
        channels = [on for _, on in held]
        over = any(channels.count(on) > handler.capacity(on) for on in (Channel.TEXT, Channel.EMAIL))
        return over and any(c.emergency for c, on in held if on is not Channel.VOICE)

    def is_within_reach(self, handler: Handler, contact: Contact) -> bool:
        need = self.board.need_of(contact)
        reach = self.reach_to(handler, contact.load)
        return need.able <= self.board.able(handler.id) and reach is not None and reach <= need.reach

    def held_by(self, handler: str) -> list[tuple[Contact, Channel]]:
        """What they have, are rung for and are offered in earnest, wrap-ups apart."""
        contacts = self.board.contacts.values()
        theirs = [c for c in contacts if c.assignment and c.assignment.handler == handler]
        assigned = [(c, c.work_channel or c.channel) for c in theirs]
        offered = [(c, o.channel) for c in contacts for o in c.offers if o.handler == handler and not o.broadcast]
        guests = [(c, Channel.VOICE) for c in contacts for g in c.guests if g.handler == handler]
        return [*assigned, *offered, *guests]

    def wrap_ups_of(self, handler: str) -> int:
        return sum(w.handler == handler for c in self.board.contacts.values() for w in c.wrap_ups)

    @invariant()
    def nobody_is_offered_more_than_they_can_take(self) -> None:
        for handler in self.board.handlers.values():
            calls = [on for _, on in self.held_by(handler.id)].count(Channel.VOICE)
            ringing = any(o.handler == handler.id for c in self.board.contacts.values() for o in c.offers if o.by_phone)
            talking = any(
                c.assignment and c.assignment.handler == handler.id and c.live for c in self.board.contacts.values()
            )
            assert not (ringing and talking), handler
            assert calls <= 1

    @invariant()
    def nobody_is_given_more_messages_than_they_take_but_for_one_emergency(self) -> None:
        """Looked at when it is offered: what somebody takes can be lowered while they have more."""
        made = [c.offer for c in self.story[-1][2].commands if isinstance(c, MakeOffer) and not c.offer.broadcast]
        for contact in self.board.contacts.values():
            for offer in (o for o in contact.offers if o in made and o.channel is not Channel.VOICE):
                handler = self.board.handlers[offer.handler]
                others = [(c, on) for c, on in self.held_by(handler.id) if c is not contact]
                full = sum(on is offer.channel for _, on in others) >= handler.capacity(offer.channel)
                beyond = self.has_one_beyond(handler, others)
                assert handler.capacity(offer.channel)
                assert not (full and beyond) and (contact.emergency or not (full or beyond)), (contact, handler)

    @invariant()
    def an_offer_is_of_what_is_wanted_to_one_who_is_there(self) -> None:
        for contact in self.board.contacts.values():
            assert sum(not o.broadcast for o in contact.offers) == bool(contact.offers), "one is in earnest"
            assert len(contact.offers) <= 1 or contact.emergency
            assert len({o.handler for o in contact.offers}) == len(contact.offers)
            for offer in contact.offers:
                assert contact.wanted and not contact.assignment
                assert self.board.handlers[offer.handler].presence.state is PresenceState.AVAILABLE
                assert offer.expires_at > self.now or (offer.expires_at, "offer") in {
                    (w.at, w.kind) for w in self.board._wakes
                }
                earnest = next(o for o in contact.offers if not o.broadcast)
                assert offer.expires_at == earnest.expires_at, "what is shown lasts as long as the one in earnest"
                assert any(w.detail == earnest.id and w.at == offer.expires_at for w in self.board._wakes)

    @invariant()
    def nobody_idles_while_somebody_waits_whom_they_could_take(self) -> None:
        for contact in self.board.contacts.values():
            if not contact.waiting:
                continue
            declined = {d.handler for d in contact.declined if d.until > self.now}
            for handler in self.board.handlers.values():
                asked = contact.preferred in ("", handler.id) and handler.id not in declined
                free = asked and self.is_within_reach(handler, contact)
                assert not free or self.is_kept_for_a_call(handler, contact), (contact, handler)

    @invariant()
    def an_emergency_on_offer_is_seen_by_all_who_could_take_it(self) -> None:
        """Until one of them has asked for it."""
        for contact in self.board.contacts.values():
            if not contact.emergency or not contact.offers or any(offer.claimed for offer in contact.offers):
                continue
            declined = {d.handler for d in contact.declined if d.until > self.now}
            seen = {offer.handler for offer in contact.offers}
            for handler in self.board.handlers.values():
                could = handler.id not in declined and self.is_within_reach(handler, contact)
                assert not could or handler.id in seen, (contact, handler)

    def is_kept_for_a_call(self, handler: Handler, message: Contact) -> bool:
        """A call that comes before the message waits for this handler to finish the messages they have."""
        if self.site.routing.calls_interrupt_messages or message.emergency or not self.held_by(handler.id):
            return False
        return any(
            call.waiting
            and call.load is Channel.VOICE
            and rank_of(call) < rank_of(message)
            and self.board.need_of(call).able <= self.board.able(handler.id)
            and call.preferred in ("", handler.id)
            for call in self.board.contacts.values()
        )

    @invariant()
    def each_waits_in_the_line_of_its_queue(self) -> None:
        expected: dict[Any, list[Any]] = {}
        for contact in self.board.contacts.values():
            if contact.waiting:
                expected.setdefault((contact.queue, contact.load), []).append(rank_of(contact))
        lines = {line: list(ranks) for line, ranks in self.board.lines.lines() if ranks}
        assert lines == {line: sorted(ranks) for line, ranks in expected.items()}

    @invariant()
    def whoever_waits_with_more_steps_before_them_is_looked_at_again(self) -> None:
        assert not self.board.unserved
        wakes = {(w.kind, w.reference) for w in self.board._wakes}
        for contact in self.board.contacts.values():
            queue = self.site.queues[contact.queue]
            since = contact.waiting_since if contact.wanted and queue.longest_wait_seconds else None
            due_later = since is not None and self.now < since + queue.longest_wait_seconds
            assert not due_later or ("overflow", contact.reference) in wakes
            asked = contact.live and contact.waiting and contact.overflow is not None and not contact.emergency
            assert not asked or contact.preferred or ("overflow", contact.reference) in wakes

    @invariant()
    def whoever_is_held_back_is_looked_at_again(self) -> None:
        wakes = {(w.kind, w.reference, w.detail) for w in self.board._wakes}
        for contact in self.board.contacts.values():
            for declined in contact.declined:
                assert not declined.until or ("declined", contact.reference, declined.handler) in wakes
            assert contact.expected_until is None or ("expected", contact.reference, "") in wakes
            for wrap_up in contact.wrap_ups:
                assert wrap_up.told or ("wrap_up_due", contact.reference, wrap_up.handler) in wakes
            steps = self.site.needs.steps(contact.queue, contact.language, emergency=contact.emergency)
            if contact.wanted and contact.relaxed + 1 < len(steps):
                assert ("relax", contact.reference, "") in wakes
            assert not contact.preferred or ("preferred", contact.reference, "") in wakes
            if contact.emergency and contact.wanted and not contact.waiting_alarmed_at:
                assert ("emergency", contact.reference, "") in wakes

    @invariant()
    def whoever_has_nobody_on_the_line_has_no_guests(self) -> None:
        for contact in self.board.contacts.values():
            assert contact.live or not (contact.guests or contact.passed_to or contact.held)
            assert not (contact.assignment and contact.passed_to)
            assert not contact.callback or contact.callback in self.board.follow_ups

    @invariant()
    def no_follow_up_is_forgotten(self) -> None:
        wakes = {w.detail for w in self.board._wakes if w.kind == "follow_up"}
        for follow_up in self.board.follow_ups.values():
            contact = self.board.contacts[follow_up.reference]
            if follow_up.state is FollowUpState.SCHEDULED:
                assert follow_up.id in wakes
            else:
                assert contact.follow_up == follow_up.id and contact.work is Work.FOLLOW_UP
                assert contact.wanted or contact.assignment
        for contact in self.board.contacts.values():
            planned = [f for f in self.board.follow_ups.values() if f.reference == contact.reference]
            assert contact.follow_ups_open == len(planned)
            assert not contact.follow_up or contact.follow_up in self.board.follow_ups

    @invariant()
    def nothing_settled_stays_open_and_nothing_open_is_closed(self) -> None:
        assert not [c for c in self.board.contacts.values() if c.settled or c.closed_at is not None]
        for contact in self.board.touched.contacts.values():
            if contact.closed_at is not None:
                open_still = (contact.live, contact.wanted, contact.assignment, contact.wrap_ups, contact.offers)
                assert not any(open_still) and not contact.follow_ups_open

    @invariant()
    def an_emergency_that_nobody_heard_is_not_closed(self) -> None:
        for contact in self.board.touched.contacts.values():
            if contact.closed_at is not None and contact.emergency:
                cancelled = any(isinstance(e, ev.FollowUpCancelled | ev.CallRequested) for e, _, _ in self.story)
                assert contact.disposition or cancelled, contact

    def teardown(self) -> None:
        """The same events give the same commands."""
        again = Board(self.site)
        assert [decide(again, event, now) for event, now, _ in self.story] == [d for _, _, d in self.story]
        assert (again.contacts, again.handlers, again.follow_ups) == self.snapshot()


Desk.TestCase.settings = settings(
    max_examples=80,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestDesk = Desk.TestCase
