"""What people do, in any order, as stories of events drawn at random: the possible mostly, the impossible too."""

from __future__ import annotations

from typing import Any

from hypothesis import event as counted
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from routing import events as ev
from routing.board import Board
from routing.commands import LeadOn
from routing.engine import Decision, decide
from routing.model import (
    Channel,
    Contact,
    FollowUp,
    FollowUpState,
    Handler,
    Offer,
    Party,
    Person,
    Presence,
    PresenceState,
    Stage,
)
from routing.rules import Rules
from routing.triage import Finding, Reason
from tests.support.sites import SITES
from tests.support.situations import (
    Suits,
    alone_on_line,
    anything,
    arriving,
    being_called,
    in_hand,
    in_line,
    in_wrap_up,
    joined,
    led_out,
    off_line,
    offered,
    on_its_way,
    on_line,
    once,
    shown,
    talking,
    waiting_on_line,
    with_others,
)
from tests.support.world import START

HELP = Finding(True, (Reason("plea", "help", 0, 4),))
NAMES = ("anna", "ben", "cara", "dan")
QUEUES = ("general", "crime", "texts", "french")
SENDERS = ("+447700900001", "+447700900002", "")
MOST_STEPS = 6  # of an overflow, one after the other in no time
OUTCOMES = ("busy", "no_answer", "unreachable", "handler_unreachable")
# What a day can begin with: each a contact that has come so far already.
BEGUN = ("call", "call", "text", "emergency", "consulted", "called back")


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

    def one(self, data: Any, suits: Suits = anything) -> str:
        """A contact, nearly always one that suits, sometimes any, sometimes none that exists."""
        suiting = [r for r, c in self.board.contacts.items() if suits(c)]
        return str(data.draw(st.sampled_from([*suiting * 9, *self.board.contacts, "GONE"])))

    def an_offer(self, data: Any) -> Offer:
        offers = [o for c in self.board.contacts.values() for o in c.offers]
        none = Offer("GONE-1", "GONE", "anna", Channel.VOICE, True, 0.0, 0.0)
        return data.draw(st.sampled_from([*offers * 9, none]))  # type: ignore[no-any-return]

    def assigned(self, reference: str, data: Any) -> str:
        contact = self.board.contacts.get(reference)
        likely = [contact.assignment.handler] * 12 if contact and contact.assignment else []
        return str(data.draw(st.sampled_from([*likely, *NAMES])))

    def new(self, letter: str) -> str:
        self.made += 1
        return f"{letter}{self.made}"

    # --- what happens --------------------------------------------------------------------------------

    @initialize(
        site=st.sampled_from(SITES),
        there=st.sampled_from([True] * 4 + [False]),
        begun=st.lists(st.tuples(st.sampled_from(BEGUN), st.integers(0, 3)), min_size=1, max_size=3),
    )
    def a_day_has_begun(self, site: Rules, there: bool, begun: list[tuple[str, int]]) -> None:
        """Three handlers are there, mostly, and some people have come in before, each by so many usual steps."""
        self.site, self.board = site, Board(site)
        for name, skills in (("anna", {"crime"}), ("ben", set()), ("cara", set())):
            handler = Handler(name, name, "fcc", frozenset(skills), f"1{name}", text_capacity=2, email_capacity=1)
            self.did(ev.HandlerSaved(handler, "program:test"))
            state = PresenceState.AVAILABLE if there else PresenceState.OFFLINE
            self.did(ev.PresenceChanged(name, Presence(state), "program:test"))
        for kind, steps in begun:
            self.has_begun(kind)
            for _ in range(steps):
                self.goes_on(next(reversed(self.board.contacts), ""))

    def has_begun(self, kind: str) -> None:
        """A contact that has come so far: see ``BEGUN``. Where nobody is there, it gets less far."""
        if kind in ("text", "called back"):
            self.text_arrives(SENDERS[0], automatic=False)
        else:
            self.call_arrives("general", "+441632960001")
        reference = next(reversed(self.board.contacts))
        if kind == "emergency":
            self.did(ev.EmergencyRaised(reference, "caller", "pressed 55"))
        if kind == "consulted":
            self.goes_on(reference)
            self.goes_on(reference)
            self.did(ev.PartyRung(reference, f"handler:{self.handler_of(reference)}", "consult", "outside"))
        if kind == "called back":
            self.goes_on(reference)
            self.asks_for_a_follow_up(reference, Channel.VOICE, self.handler_of(reference), 0, 9_000)
            self.goes_on(reference)
            self.time_passes(0.5)

    def handler_of(self, reference: str) -> str:
        """Who has it, '' for nobody."""
        contact = self.board.contacts.get(reference)
        return contact.assignment.handler if contact and contact.assignment else ""

    @once(anything)
    @rule(data=st.data())
    def things_go_on(self, data: Any) -> None:
        self.goes_on(data.draw(st.sampled_from(list(self.board.contacts))))

    def goes_on(self, reference: str) -> None:
        """What usually comes next in this contact; nothing, where that is to wait."""
        contact = self.board.contacts.get(reference)
        if contact is None:
            return
        earnest = next((offer for offer in contact.offers if not offer.broadcast), None)
        wrapping = next((wrap_up.handler for wrap_up in contact.wrap_ups), "")
        if earnest is not None:
            self.did(ev.OfferAccepted(earnest.id, reference, earnest.handler))
        elif contact.calling:
            self.did(ev.FollowUpAnswered(reference, contact.follow_up))
        elif contact.assignment and contact.live:
            self.did(ev.CallEnded(reference, f"handler:{contact.assignment.handler}"))
        elif contact.assignment or wrapping:
            handler = contact.assignment.handler if contact.assignment else wrapping
            self.did(ev.WrapUpCompleted(reference, handler, "resolved"))
        elif contact.live and contact.stage is Stage.ARRIVING:
            self.did(ev.CallQueued(reference))

    @rule(
        data=st.data(), name=st.sampled_from(NAMES), phone=st.booleans(), reserved=st.sampled_from([False] * 4 + [True])
    )
    def handler_saved(self, data: Any, name: str, phone: bool, reserved: bool) -> None:
        skills = frozenset(data.draw(st.sets(st.sampled_from(["crime", "french:1", "french:3", "welsh"]))))
        centre = data.draw(st.sampled_from(["fcc", "crc"]))
        texts, emails = data.draw(st.integers(0, 2)), data.draw(st.integers(0, 1))
        handler = Handler(name, name, centre, skills, f"1{name}" if phone else "", texts, emails, reserved=reserved)
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

    @once(on_line)
    @rule(data=st.data())
    def call_queued(self, data: Any) -> None:
        queue, language = data.draw(st.sampled_from([("", ""), ("", ""), ("crime", ""), ("french", "cy")]))
        self.did(ev.CallQueued(self.one(data, arriving), queue, language))

    @once(led_out)
    @rule(data=st.data(), reached=st.booleans())
    def led_outside(self, data: Any, reached: bool) -> None:
        reference = self.one(data, led_out)
        self.did(ev.LedOut(reference, "outside") if reached else ev.CallQueued(reference))

    @once(in_line)
    @rule(data=st.data(), alone=st.booleans())
    def led_on_in_vain(self, data: Any, alone: bool) -> None:
        """The call does at once what it is told, and nothing comes of it: that ends soon."""
        reference = self.one(data, in_line)
        self.did(ev.CallQueued(reference))
        for _ in range(MOST_STEPS):
            steps = [c for c in self.story[-1][2].commands if isinstance(c, LeadOn) and c.reference == reference]
            assert len(steps) <= MOST_STEPS
            if not steps or (alone and steps[-1].kind != "number"):
                return
            self.did(ev.CallQueued(reference) if alone else ev.NotLedOn(reference, "with somebody"))
        raise AssertionError(f"{reference} is led on and on")

    @once(on_line)
    @rule(data=st.data(), kind=st.sampled_from(["left", "cut off", "ended", "lost"]))
    def call_over(self, data: Any, kind: str) -> None:
        reference = self.one(data, on_line)
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

    @once(talking)
    @rule(data=st.data(), role=st.sampled_from(["consult", "transfer", "conference", "interpreter", "supervisor"]))
    def party_rung(self, data: Any, role: Any) -> None:
        reference = self.one(data, talking)
        target = data.draw(st.sampled_from([*["outside"] * 4, *NAMES]))
        handler = "" if target == "outside" else target
        self.did(ev.PartyRung(reference, f"handler:{self.assigned(reference, data)}", role, target, handler))

    @once(with_others)
    @rule(data=st.data(), answered=st.booleans())
    def party_answered_or_left(self, data: Any, answered: bool) -> None:
        reference = self.one(data, with_others)
        target, handler = self.a_guest(reference, data)
        if answered:
            self.did(ev.PartyAnswered(reference, target, handler))
        else:
            self.did(ev.PartyLeft(reference, target, "hung up", handler))

    @once(joined)
    @rule(data=st.data(), how=st.sampled_from(["passed", "passed", "taken over", "requeued"]))
    def passed_on(self, data: Any, how: str) -> None:
        reference = self.one(data, joined)
        handler = self.assigned(reference, data)
        target, guest = self.a_guest(reference, data)
        match how:
            case "passed":
                self.did(ev.CallPassed(reference, handler, target, guest))
            case "taken over":
                self.did(ev.CallTakenOver(reference, guest or "cara", handler, "help"))
            case _:
                self.did(ev.Requeued(reference, handler, data.draw(st.sampled_from(QUEUES)), "wrong queue"))

    @once(alone_on_line)
    @rule(data=st.data())
    def taken_over_while_waiting(self, data: Any) -> None:
        reference = self.one(data, alone_on_line)
        self.did(ev.CallTakenOver(reference, data.draw(st.sampled_from(NAMES)), "", "help"))

    @once(waiting_on_line)
    @rule(data=st.data(), address=st.sampled_from(["+441632960002", "999", ""]))
    def callback_asked(self, data: Any, address: str) -> None:
        self.did(ev.CallbackAsked(self.one(data, waiting_on_line), address))

    @once(on_line)
    @rule(data=st.data(), extension=st.sampled_from(["", "1anna"]))
    def voicemail_left(self, data: Any, extension: str) -> None:
        self.did(ev.VoicemailLeft(self.one(data, on_line), "general", extension, "v.wav", 9.0))

    @once(anything)
    @rule(data=st.data())
    def vulnerable_marked(self, data: Any) -> None:
        self.did(ev.VulnerableMarked(self.one(data), "handler:anna"))

    @once(anything)
    @rule(data=st.data(), calling=st.sampled_from(["normal", "normal", "unsafe", "never", "silent"]))
    def safety_marked(self, data: Any, calling: Any) -> None:
        self.did(ev.SafetyMarked(self.one(data), "handler:anna", calling))

    @once(off_line)
    @rule(data=st.data(), address=st.sampled_from(["+441632960002", "112"]))
    def call_requested(self, data: Any, address: str) -> None:
        reference = self.one(data, off_line)
        handler = self.assigned(reference, data)
        self.did(ev.CallRequested(reference, f"handler:{handler}", handler, address))

    @once(on_line)
    @rule(data=st.data())
    def caller_silent(self, data: Any) -> None:
        self.did(ev.CallerSilent(self.one(data, on_line), 30.0))

    @once(on_line)
    @rule(data=st.data())
    def caller_heard(self, data: Any) -> None:
        self.did(ev.CallerHeard(self.one(data, on_line)))

    @once(in_wrap_up)
    @rule(data=st.data())
    def wrap_up_extended(self, data: Any) -> None:
        reference = self.one(data, in_wrap_up)
        self.did(ev.WrapUpExtended(reference, self.assigned(reference, data), 60.0))

    @once(talking)
    @rule(data=st.data(), lost=st.booleans())
    def handler_leaves(self, data: Any, lost: bool) -> None:
        reference = self.one(data, talking)
        handler = self.assigned(reference, data)
        self.did(ev.HandlerLost(reference, handler, "gone") if lost else ev.HandlerLeft(reference, handler))

    @once(offered)
    @rule(data=st.data(), how=st.sampled_from(["accepted"] * 4 + ["declined", "missed", "failed"]))
    def offer_answered(self, data: Any, how: str) -> None:
        offer = self.an_offer(data)
        match how:
            case "accepted":
                self.did(ev.OfferAccepted(offer.id, offer.reference, offer.handler))
            case "declined":
                self.did(ev.OfferDeclined(offer.id, offer.reference, offer.handler))
            case "missed":
                self.did(ev.OfferMissed(offer.id, offer.reference, offer.handler))
            case _:
                self.did(ev.OfferFailed(offer.id, offer.reference, offer.handler, "not registered"))

    @once(shown)
    @rule(data=st.data())
    def shown_and_asked_for(self, data: Any) -> None:
        """By one of those who see it; sometimes by the one whose phone rings, or when it is over."""
        contact = self.board.contacts.get(self.one(data, shown))
        offers = [o for o in contact.offers for _ in range(9 if o.broadcast else 1)] if contact else []
        offer = data.draw(st.sampled_from(offers)) if offers else self.an_offer(data)
        self.did(ev.OfferClaimed(offer.id, offer.reference, offer.handler))

    @once(in_hand)
    @rule(data=st.data())
    def wrapped_up(self, data: Any) -> None:
        reference = self.one(data, in_hand)
        contact = self.board.contacts.get(reference)
        wrapping = [w.handler for w in contact.wrap_ups] * 3 if contact else []
        handler = data.draw(st.sampled_from([*wrapping, self.assigned(reference, data)]))
        seen = data.draw(st.sampled_from([None, "m1"]))
        self.did(ev.WrapUpCompleted(reference, handler, "resolved", seen=seen))

    @once(anything)
    @rule(data=st.data())
    def emergency(self, data: Any) -> None:
        suits = data.draw(st.sampled_from([on_line, on_line, anything]))
        self.did(ev.EmergencyRaised(self.one(data, suits), "caller", "pressed 55"))

    @once(on_its_way)
    @rule(data=st.data(), what=st.sampled_from(["joins"] * 3 + ["leaves"] * 2 + ["does not answer", "nobody answers"]))
    def control_room(self, data: Any, what: str) -> None:
        calling = self.one(data, on_its_way)
        match what:
            case "joins":
                self.did(ev.ControlRoomJoined(calling, "cr"))
            case "leaves":
                self.did(ev.ControlRoomLeft(calling, "cr"))
            case "does not answer":
                self.did(ev.ControlRoomTried(calling, "cr", "no_answer", 480))
            case _:
                self.did(ev.ControlRoomExhausted(calling, data.draw(st.integers(1, 4))))

    @rule(sender=st.sampled_from(SENDERS), automatic=st.booleans())
    def text_arrives(self, sender: str, automatic: bool) -> None:
        thread = f"text:{sender}" if sender else ""
        reference = self.new("T")
        self.did(
            ev.MessageArrived(
                reference, f"m{self.made}", Channel.TEXT, "texts", Party(sender), "61016", thread, automatic=automatic
            )
        )

    @rule(queue=st.sampled_from(["emails", "crime"]), urgent=st.booleans())
    def email_arrives(self, queue: str, urgent: bool) -> None:
        reference, sender = self.new("E"), Party(f"member{self.made}@example.org")
        finding, thread = HELP if urgent else Finding(sounds_like_emergency=False), f"mail:{reference}"
        message = (reference, f"m{self.made}", Channel.EMAIL, queue, sender, "force@example.org", thread)
        self.did(ev.MessageArrived(*message, finding=finding))

    @once(anything)
    @rule(data=st.data())
    def reply(self, data: Any) -> None:
        self.did(ev.ReplyWritten(self.one(data), "r1", "handler:anna"))

    @once(anything)
    @rule(data=st.data(), later=st.integers(0, 3_000), lasts=st.integers(1, 9_000), owner=st.sampled_from(["", *NAMES]))
    def follow_up_requested(self, data: Any, later: int, lasts: int, owner: str) -> None:
        channel = data.draw(st.sampled_from([Channel.VOICE, Channel.VOICE, Channel.TEXT]))
        self.asks_for_a_follow_up(self.one(data), channel, owner, later, lasts)

    def asks_for_a_follow_up(self, reference: str, channel: Channel, owner: str, later: int, lasts: int) -> None:
        begin = self.now + later
        follow_up = FollowUp(
            id=self.new("F"),
            reference=reference,
            channel=channel,
            purpose="test",
            address="+441632960001",
            not_before=begin,
            not_after=begin + lasts,
            owner=owner,
        )
        self.did(ev.FollowUpRequested(follow_up, "handler:anna"))

    @once(being_called)
    @rule(data=st.data(), outcome=st.sampled_from(["answered", "answered", *OUTCOMES]))
    def follow_up_made(self, data: Any, outcome: str) -> None:
        reference = self.one(data, being_called)
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
