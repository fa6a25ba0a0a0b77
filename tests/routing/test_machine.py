"""Whatever happens, in whatever order: the promises of the board hold after every event.

Events are drawn at random, the impossible ones included: those must be refused and change nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import event as counted
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from config.ordering import Bump, Bumps, LanguageSkill, Wanted
from config.settings import Queue
from routing import events as ev
from routing.audit import audit
from routing.board import Board
from routing.commands import LeadOn
from routing.engine import Decision, decide
from routing.model import (
    Channel,
    Contact,
    FollowUp,
    FollowUpState,
    Handler,
    HandoverState,
    Offer,
    Party,
    Person,
    Presence,
    PresenceState,
    Stage,
    Work,
    rank_of,
)
from routing.rules import Rules
from tests.support.world import START, rules

LED_ON = [
    {
        "id": "general",
        "most_waiting": 1,
        "longest_wait_seconds": 30,
        "overflow": {
            "full": [{"queue": "crime"}, {"callback": True}, {"number": "+441632960200"}],
            "nobody_on_duty": [{"queue": "crime"}, {"number": "+441632960200"}, {"voicemail": "general"}],
            "longest_wait": [{"callback": True}, {"number": "+441632960200"}],
        },
    },
    {
        "id": "crime",
        "skills": ("crime",),
        "longest_wait_seconds": 100,
        "overflow": {"nobody_on_duty": [{"callback": True}], "longest_wait": [{"queue": "texts"}]},
    },
]
# A site with everything that can differ, and one whose calls do not interrupt messages.
SITES = tuple(
    rules(
        [
            *(Queue.model_validate({"name": "Led on", "target_seconds": 45} | queue) for queue in LED_ON),
            Queue(
                id="french",
                name="French",
                target_seconds=20,
                wanted=(Wanted(skill="french:2", for_seconds=15), Wanted(skill="french", for_seconds=40)),
                prefers=("crime",),
                centre="fcc",
                other_centre_after_seconds=25,
            ),
        ],
        choose_by=choose_by,
        calls_interrupt_messages=interrupt,
        last_handler_first_seconds=10,
        languages=(LanguageSkill(language="cy", skill="welsh", for_seconds=30),),
        bumps=Bumps(
            vulnerable=Bump(ahead_seconds=100),
            repeat=Bump(due_within_seconds=10),
            cut_off=Bump(ahead_seconds=60, due_within_seconds=60),
            repeat_contacts=2,
        ),
    )
    for choose_by, interrupt in (("longest_idle", True), ("round_robin", False), ("least_occupied", False))
)
NAMES = ("anna", "ben", "cara", "dan")
QUEUES = ("general", "crime", "texts", "french")
SENDERS = ("+447700900001", "+447700900002", "")
MOST_STEPS = 6  # of an overflow, one after the other in no time
OUTCOMES = ("busy", "no_answer", "unreachable", "handler_unreachable")


class People(RuleBasedStateMachine):
    """What people do, in any order; the possible mostly, the impossible too."""

    def __init__(self) -> None:
        super().__init__()
        self.site = SITES[0]
        self.board = Board(self.site)
        self.now = START
        self.story: list[tuple[ev.Event, float, Decision]] = []
        self.made = 0
        self.known: dict[str, Contact] = {}
        self.greeted: set[str] = set()

    # --- how things happen ---------------------------------------------------------------------------

    def did(self, event: ev.Event) -> None:
        """Decide, and compare with a board that was rebuilt from the tables a moment ago."""
        before = self.snapshot()
        closed = [c for c in self.known.values() if c.closed_at is not None]
        rebuilt = Board.rebuilt(
            self.site, before[0].values(), before[1].values(), before[2].values(), closed, *self.persons()
        )
        expected = decide(rebuilt, event, self.now)
        decision = decide(self.board, event, self.now)
        self.known |= self.board.touched.contacts
        self.story.append((event, self.now, decision))
        counted(f"{type(event).__name__} {'refused' if decision.refused else 'applied'}")
        if isinstance(event, ev.CallArrived) and (arrived := self.board.of_call(event.call_id)):
            self.greeted.add(arrived.reference)
        if isinstance(event, ev.CallQueued):
            self.greeted.discard(event.reference)
        if decision.refused:
            assert not decision.commands and self.snapshot() == before, "a refused event changes nothing"
        if not (isinstance(event, ev.TimePassed) and self.follow_up_is_held_up(before[2])):
            assert decision == expected, "a rebuilt board decides the same"
            assert self.snapshot() == (rebuilt.contacts, rebuilt.handlers, rebuilt.follow_ups)

    def persons(self) -> tuple[list[Person], list[tuple[float, str]]]:
        """Whom the tables know, and who was acknowledged lately."""
        return list(self.board.people.values()), self.board.acknowledged.told

    def snapshot(self) -> tuple[dict[str, Contact], dict[str, Handler], dict[str, FollowUp]]:
        return dict(self.board.contacts), dict(self.board.handlers), dict(self.board.follow_ups)

    def follow_up_is_held_up(self, follow_ups: dict[str, FollowUp]) -> bool:
        """A due follow-up whose contact is busy is looked at every half minute: when exactly is not kept."""
        return any(f.state is FollowUpState.SCHEDULED and f.next_at <= self.now for f in follow_ups.values())

    def one(self, data: Any, suits: Callable[[Contact], Any] = lambda c: True) -> str:
        """A contact, mostly one that suits, sometimes any, sometimes none that exists."""
        suiting = [r for r, c in self.board.contacts.items() if suits(c)]
        return str(data.draw(st.sampled_from([*suiting * 3, *self.board.contacts, "GONE"])))

    def an_offer(self, data: Any) -> Offer:
        offers = [o for c in self.board.contacts.values() for o in c.offers]
        none = Offer("GONE-1", "GONE", "anna", Channel.VOICE, True, 0.0, 0.0)
        return data.draw(st.sampled_from([*offers * 3, none]))  # type: ignore[no-any-return]

    def assigned(self, reference: str, data: Any) -> str:
        contact = self.board.contacts.get(reference)
        likely = [contact.assignment.handler] * 5 if contact and contact.assignment else []
        return str(data.draw(st.sampled_from([*likely, *NAMES])))

    def new(self, letter: str) -> str:
        self.made += 1
        return f"{letter}{self.made}"

    # --- what happens --------------------------------------------------------------------------------

    @initialize(site=st.sampled_from(SITES), there=st.sampled_from([True, True, False]))
    def two_sign_in(self, site: Rules, there: bool) -> None:
        self.site, self.board = site, Board(site)
        for name, skills in (("anna", {"crime"}), ("ben", set())):
            handler = Handler(name, name, "fcc", frozenset(skills), f"1{name}", text_capacity=2)
            self.did(ev.HandlerSaved(handler, "program:test"))
            state = PresenceState.AVAILABLE if there else PresenceState.OFFLINE
            self.did(ev.PresenceChanged(name, Presence(state), "program:test"))

    @rule(
        data=st.data(), name=st.sampled_from(NAMES), phone=st.booleans(), reserved=st.sampled_from([False] * 4 + [True])
    )
    def handler_saved(self, data: Any, name: str, phone: bool, reserved: bool) -> None:
        skills = frozenset(data.draw(st.sets(st.sampled_from(["crime", "french:1", "french:3", "welsh"]))))
        centre = data.draw(st.sampled_from(["fcc", "crc"]))
        extension, capacity = f"1{name}" if phone else "", data.draw(st.integers(0, 2))
        handler = Handler(name, name, centre, skills, extension, text_capacity=capacity, reserved=reserved)
        self.did(ev.HandlerSaved(handler, "program:test"))

    @rule(name=st.sampled_from(NAMES))
    def handler_removed(self, name: str) -> None:
        self.did(ev.HandlerRemoved(name, "program:test"))

    @rule(name=st.sampled_from(NAMES), state=st.sampled_from([*[PresenceState.AVAILABLE] * 4, *PresenceState]))
    def presence(self, name: str, state: PresenceState) -> None:
        self.did(ev.PresenceChanged(name, Presence(state), f"handler:{name}"))

    @rule(queue=st.sampled_from(QUEUES), number=st.sampled_from(["+441632960001", ""]))
    def call_arrives(self, queue: str, number: str) -> None:
        reference = self.new("C")
        self.did(ev.CallArrived(reference, f"id-{reference}", queue, Party(number), "101"))

    @rule(data=st.data())
    def call_queued(self, data: Any) -> None:
        queue, language = data.draw(st.sampled_from([("", ""), ("", ""), ("crime", ""), ("french", "cy")]))
        self.did(ev.CallQueued(self.one(data, lambda c: c.stage is Stage.ARRIVING), queue, language))

    @rule(data=st.data(), reached=st.booleans())
    def led_outside(self, data: Any, reached: bool) -> None:
        reference = self.one(data, lambda c: c.live and c.overflow and not c.wanted)
        self.did(ev.LedOut(reference, "outside") if reached else ev.CallQueued(reference))

    @rule(data=st.data(), alone=st.booleans())
    def led_on_in_vain(self, data: Any, alone: bool) -> None:
        """The call does at once what it is told, and nothing comes of it: that ends soon."""
        reference = self.one(data, lambda c: c.live and (c.wanted or c.overflow))
        self.did(ev.CallQueued(reference))
        for _ in range(MOST_STEPS):
            steps = [c for c in self.story[-1][2].commands if isinstance(c, LeadOn) and c.reference == reference]
            assert len(steps) <= MOST_STEPS
            if not steps or (alone and steps[-1].kind != "number"):
                return
            self.did(ev.CallQueued(reference) if alone else ev.NotLedOn(reference, "with somebody"))
        raise AssertionError(f"{reference} is led on and on")

    @rule(data=st.data(), kind=st.sampled_from(["left", "cut off", "ended", "lost"]))
    def call_over(self, data: Any, kind: str) -> None:
        reference = self.one(data, lambda c: c.live)
        match kind:
            case "left":
                self.did(ev.CallerLeft(reference))
            case "cut off":
                self.did(ev.CallerLeft(reference, cut_off=True))
            case "ended":
                self.did(ev.CallEnded(reference, "handler:anna"))
            case _:
                self.did(ev.CallLost(reference, "died"))

    def a_guest(self, reference: str, data: Any) -> tuple[str, str]:
        """Somebody in this call, mostly: (target, handler)."""
        contact = self.board.contacts.get(reference)
        guests = [(g.target, g.handler) for g in contact.guests] if contact else []
        return data.draw(st.sampled_from([*guests * 4, ("outside", ""), ("ben", "ben")]))  # type: ignore[no-any-return]

    @rule(data=st.data(), role=st.sampled_from(["consult", "transfer", "interpreter", "supervisor"]))
    def party_rung(self, data: Any, role: Any) -> None:
        reference = self.one(data, lambda c: c.live and c.assignment)
        target = data.draw(st.sampled_from(["outside", *NAMES]))
        handler = "" if target == "outside" else target
        self.did(ev.PartyRung(reference, f"handler:{self.assigned(reference, data)}", role, target, handler))

    @rule(data=st.data(), answered=st.booleans())
    def party_answered_or_left(self, data: Any, answered: bool) -> None:
        reference = self.one(data, lambda c: c.guests or c.passed_to)
        target, handler = self.a_guest(reference, data)
        if answered:
            self.did(ev.PartyAnswered(reference, target, handler))
        else:
            self.did(ev.PartyLeft(reference, target, "hung up", handler))

    @rule(data=st.data(), how=st.sampled_from(["passed", "passed", "taken over", "requeued"]))
    def passed_on(self, data: Any, how: str) -> None:
        reference = self.one(data, lambda c: c.live and c.assignment and c.guests)
        handler = self.assigned(reference, data)
        target, guest = self.a_guest(reference, data)
        match how:
            case "passed":
                self.did(ev.CallPassed(reference, handler, target, guest))
            case "taken over":
                self.did(ev.CallTakenOver(reference, guest or "cara", handler, "help"))
            case _:
                self.did(ev.Requeued(reference, handler, data.draw(st.sampled_from(QUEUES)), "wrong queue"))

    @rule(data=st.data())
    def taken_over_while_waiting(self, data: Any) -> None:
        reference = self.one(data, lambda c: c.live and not c.assignment)
        self.did(ev.CallTakenOver(reference, data.draw(st.sampled_from(NAMES)), "", "help"))

    @rule(data=st.data(), address=st.sampled_from(["+441632960002", "999", ""]))
    def callback_asked(self, data: Any, address: str) -> None:
        self.did(ev.CallbackAsked(self.one(data, lambda c: c.live and c.wanted), address))

    @rule(data=st.data(), extension=st.sampled_from(["", "1anna"]))
    def voicemail_left(self, data: Any, extension: str) -> None:
        self.did(ev.VoicemailLeft(self.one(data, lambda c: c.live), "general", extension, "v.wav", 9.0))

    @rule(data=st.data())
    def vulnerable_marked(self, data: Any) -> None:
        self.did(ev.VulnerableMarked(self.one(data), "handler:anna"))

    @rule(data=st.data(), calling=st.sampled_from(["normal", "normal", "unsafe", "never", "silent"]))
    def safety_marked(self, data: Any, calling: Any) -> None:
        self.did(ev.SafetyMarked(self.one(data), "handler:anna", calling))

    @rule(data=st.data(), address=st.sampled_from(["+441632960002", "112"]))
    def call_requested(self, data: Any, address: str) -> None:
        reference = self.one(data, lambda c: not c.live)
        handler = self.assigned(reference, data)
        self.did(ev.CallRequested(reference, f"handler:{handler}", handler, address))

    @rule(data=st.data())
    def caller_silent(self, data: Any) -> None:
        self.did(ev.CallerSilent(self.one(data, lambda c: c.live), 30.0))

    @rule(data=st.data())
    def caller_heard(self, data: Any) -> None:
        self.did(ev.CallerHeard(self.one(data, lambda c: c.live)))

    @rule(data=st.data())
    def wrap_up_extended(self, data: Any) -> None:
        reference = self.one(data, lambda c: c.wrap_ups)
        self.did(ev.WrapUpExtended(reference, self.assigned(reference, data), 60.0))

    @rule(data=st.data(), lost=st.booleans())
    def handler_leaves(self, data: Any, lost: bool) -> None:
        reference = self.one(data, lambda c: c.live and c.assignment)
        handler = self.assigned(reference, data)
        self.did(ev.HandlerLost(reference, handler, "gone") if lost else ev.HandlerLeft(reference, handler))

    @rule(data=st.data(), how=st.sampled_from(["accepted"] * 4 + ["claimed", "declined", "missed", "failed"]))
    def offer_answered(self, data: Any, how: str) -> None:
        offer = self.an_offer(data)
        match how:
            case "claimed":
                self.did(ev.OfferClaimed(offer.id, offer.reference, offer.handler))
            case "accepted":
                self.did(ev.OfferAccepted(offer.id, offer.reference, offer.handler))
            case "declined":
                self.did(ev.OfferDeclined(offer.id, offer.reference, offer.handler))
            case "missed":
                self.did(ev.OfferMissed(offer.id, offer.reference, offer.handler))
            case _:
                self.did(ev.OfferFailed(offer.id, offer.reference, offer.handler, "not registered"))

    @rule(data=st.data())
    def wrapped_up(self, data: Any) -> None:
        reference = self.one(data, lambda c: c.wrap_ups or c.assignment)
        contact = self.board.contacts.get(reference)
        wrapping = [w.handler for w in contact.wrap_ups] * 3 if contact else []
        handler = data.draw(st.sampled_from([*wrapping, self.assigned(reference, data)]))
        seen = data.draw(st.sampled_from([None, "m1"]))
        self.did(ev.WrapUpCompleted(reference, handler, "resolved", seen=seen))

    @rule(data=st.data())
    def emergency(self, data: Any) -> None:
        self.did(ev.EmergencyRaised(self.one(data), "caller", "pressed 55"))

    @rule(data=st.data(), joins=st.booleans())
    def control_room(self, data: Any, joins: bool) -> None:
        calling = self.one(data, lambda c: c.handover and c.handover.state is not HandoverState.ENDED)
        self.did(ev.ControlRoomJoined(calling, "cr") if joins else ev.ControlRoomLeft(calling, "cr"))

    @rule(sender=st.sampled_from(SENDERS), automatic=st.booleans())
    def text_arrives(self, sender: str, automatic: bool) -> None:
        thread = f"text:{sender}" if sender else ""
        reference = self.new("T")
        self.did(
            ev.MessageArrived(
                reference, f"m{self.made}", Channel.TEXT, "texts", Party(sender), "61016", thread, automatic=automatic
            )
        )

    @rule(data=st.data())
    def reply(self, data: Any) -> None:
        self.did(ev.ReplyWritten(self.one(data), "r1", "handler:anna"))

    @rule(data=st.data(), later=st.integers(0, 3_000), lasts=st.integers(1, 9_000), owner=st.sampled_from(["", *NAMES]))
    def follow_up_requested(self, data: Any, later: int, lasts: int, owner: str) -> None:
        begin = self.now + later
        follow_up = FollowUp(
            id=self.new("F"),
            reference=self.one(data),
            channel=data.draw(st.sampled_from([Channel.VOICE, Channel.VOICE, Channel.TEXT])),
            purpose="test",
            address="+441632960001",
            not_before=begin,
            not_after=begin + lasts,
            owner=owner,
        )
        self.did(ev.FollowUpRequested(follow_up, "handler:anna"))

    @rule(data=st.data(), outcome=st.sampled_from(["answered", *OUTCOMES]))
    def follow_up_made(self, data: Any, outcome: str) -> None:
        reference = self.one(data, lambda c: c.calling)
        contact = self.board.contacts.get(reference)
        follow_up = contact.follow_up if contact else "GONE"
        answered = ev.FollowUpAnswered(reference, follow_up)
        self.did(answered if outcome == "answered" else ev.FollowUpTried(reference, follow_up, outcome))

    @precondition(lambda self: self.board.follow_ups)
    @rule(data=st.data())
    def follow_up_cancelled(self, data: Any) -> None:
        follow_up = self.board.follow_ups[data.draw(st.sampled_from(sorted(self.board.follow_ups)))]
        self.did(ev.FollowUpCancelled(follow_up.reference, follow_up.id, "handler:anna", "resolved"))

    @rule(seconds=st.sampled_from([0.5, 5.0, 20.0, 60.0, 1_200.0, 20_000.0]))
    def time_passes(self, seconds: float) -> None:
        end = self.now + seconds
        while self.board.next_wake is not None and self.board.next_wake <= end:
            self.now = max(self.now, self.board.next_wake)
            self.did(ev.TimePassed())
        self.now = end


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
        for channel in Channel:
            free = {(self.board._turn(h), h.id) for h in self.board.handlers.values() if channel in self.room(h)}
            groups = list(self.board.free_for(channel))
            assert sorted(turn for _, turns in groups for turn in turns) == sorted(free)
            for able, turns in groups:
                assert turns == sorted(turns) and all(self.board.able(name) == able for _, name in turns)
        threads = {c.thread: c.reference for c in self.board.contacts.values() if c.thread}
        assert self.board.names.threads == threads

    def room(self, handler: Handler) -> set[Channel]:
        """The channels of which this handler may be offered one more, worked out from nothing but the contacts."""
        if handler.presence.state is not PresenceState.AVAILABLE:
            return set()
        load = self.load_of(handler.id)
        if load.count(Channel.VOICE):
            return set()
        room = {c for c in Channel if load.count(c) < handler.capacity(c)}
        return room if self.site.routing.calls_interrupt_messages or not load else room - {Channel.VOICE}

    def load_of(self, handler: str) -> list[Channel]:
        contacts = self.board.contacts.values()
        assigned = [c.work_channel or c.channel for c in contacts if c.assignment and c.assignment.handler == handler]
        offered = [o.channel for c in contacts for o in c.offers if o.handler == handler and not o.broadcast]
        wrapping = [Channel.VOICE for c in contacts for w in c.wrap_ups if w.handler == handler]
        guests = [Channel.VOICE for c in contacts for g in c.guests if g.handler == handler]
        return [*assigned, *offered, *wrapping, *guests]

    @invariant()
    def nobody_is_offered_more_than_they_can_take(self) -> None:
        for handler in self.board.handlers.values():
            load = self.load_of(handler.id)
            ringing = any(o.handler == handler.id for c in self.board.contacts.values() for o in c.offers if o.by_phone)
            talking = any(
                c.assignment and c.assignment.handler == handler.id and c.live for c in self.board.contacts.values()
            )
            assert not (ringing and talking), handler
            assert load.count(Channel.VOICE) <= 1 + sum(
                1 for c in self.board.contacts.values() for w in c.wrap_ups if w.handler == handler.id
            )

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
                suits = self.board.need_of(contact).able <= self.board.able(handler.id) and handler.id not in declined
                asked = contact.preferred in ("", handler.id)
                free = suits and asked and contact.load in self.room(handler)
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
                able = self.board.need_of(contact).able <= self.board.able(handler.id)
                could = able and handler.id not in declined and contact.load in self.room(handler)
                assert not could or handler.id in seen, (contact, handler)

    def is_kept_for_a_call(self, handler: Handler, message: Contact) -> bool:
        """A call that comes before the message waits for this handler to finish the messages they have."""
        if self.site.routing.calls_interrupt_messages or not self.load_of(handler.id):
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
            asked = contact.waiting and contact.overflow is not None and not contact.emergency
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
