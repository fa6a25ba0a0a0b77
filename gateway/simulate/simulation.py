"""Plays a scenario on the real board with the real engine: the clock is simulated, and so are the people.

Here is what callers and handlers do; what follows from it is decided by ``routing.engine.decide`` alone, as in
production. Nothing is written to disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from math import isinf
from random import Random
from typing import Any

from gateway.simulate.arrivals import arrivals
from gateway.simulate.chance import Draw
from gateway.simulate.desks import Desks
from gateway.simulate.measures import CentreWork, Emergencies, LeftOpen, Measures, Moment, Waits
from gateway.simulate.progress import is_heard, place_of, with_control_room
from gateway.simulate.roster import duties, handlers
from gateway.simulate.scenario import Demand, Outage, Scenario
from routing import commands as do
from routing import events as ev
from routing.board import Board
from routing.engine import Decision, decide
from routing.model import Channel, Contact, Handler, Offer, Party, Presence, PresenceState, Time, Work
from routing.shifts import Shift

SAMPLE_SECONDS = 900.0
AVAILABLE = Presence(PresenceState.AVAILABLE)
FINISHING = Presence(PresenceState.AWAY, "end of shift")
OFFLINE = Presence(PresenceState.OFFLINE)

Watch = Callable[[ev.Event, Time, Decision], None]


class SimulationError(Exception):
    """The simulated people did what the engine refuses: a mistake in the simulator."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A demand with its own source of chance, so that a change to one leaves the others as they were."""

    demand: Demand
    times: Iterator[Time]
    handling: Draw
    wrap_up: Draw
    patience: Draw | None
    is_emergency: Callable[[], bool]


class Simulation:
    """``watch`` is told of each event with its time and what was decided."""

    def __init__(self, scenario: Scenario, watch: Watch | None = None) -> None:
        self.scenario = scenario
        self.board = Board(scenario.rules)
        self.measures = Measures()
        self.now: Time = scenario.begins
        self._measured_from = scenario.begins + scenario.warm_up_hours * 3600
        self._watch = watch
        self._agenda: list[tuple[Time, int, Callable[[Any], None], Any]] = []
        self._number = count()
        self._stream_of: dict[str, Stream] = {}
        self._waits_of: dict[str, Waits] = {}
        self._chance = self._source("people")
        people = scenario.behaviour
        self._missed = people.missed
        self._answer, self._accept = people.answer.draws(self._chance), people.accept.draws(self._chance)
        self._rings, self._review = people.callback_rings.draws(self._chance), people.review.draws(self._chance)
        self._control_room, self._away = people.control_room.draws(self._chance), people.away.draws(self._chance)
        self._carry_out: dict[type, Callable[[Any], None]] = {
            do.MakeOffer: self._offered,
            do.LeadOn: self._led_on,
            do.CloseContact: self._closed,
            do.PlaceFollowUpCall: self._follow_up_rings,
            do.CallControlRoom: lambda c: self._in(self._control_room(), self._control_room_answers, c.reference),
            do.SetAway: lambda c: self._in(self._away(), self._comes_back, c.handler),
            do.ReturnToQueue: lambda c: self.desks.drops(c.handler, self.now),
        }
        self.desks = Desks(self._measured_from)
        self._duties = duties(scenario, self._source("roster"))
        self._prepare()

    def _source(self, name: str) -> Random:
        return Random(f"{self.scenario.seed}/{name}")

    # --- the clock -----------------------------------------------------------------------------------

    def run(self, progress: Callable[[float], None] = lambda done: None, until: Time | None = None) -> Measures:
        """To the scenario's end, or on ``until`` then: nobody comes in after the end, and no shift begins.
        ``progress`` is told now and then which share is done."""
        begins, ends, agenda, board = self.scenario.begins, until or self.scenario.ends, self._agenda, self.board
        told = begins
        while agenda and agenda[0][0] <= ends:
            at, _, act, what = heappop(agenda)
            while (wake := board.wake_until(at)) is not None:
                self.now = max(self.now, wake)
                self._did(ev.TimePassed())
            self.now = at
            act(what)
            if at - told > SAMPLE_SECONDS:
                told = at
                board.take_touched()  # nothing is written
                progress((at - begins) / (ends - begins))
        self.now = ends
        return self._finished()

    def disband(self) -> None:
        """Everybody signs out, and whoever has nothing open is no handler any more."""
        for handler in list(self.board.handlers.values()):
            if handler.presence != OFFLINE:
                self._did(ev.PresenceChanged(handler.id, OFFLINE, f"handler:{handler.id}"))
            if not self.board.engaged_in(handler.id):
                self._did(ev.HandlerRemoved(handler.id, "program:simulation"))

    def _in(self, seconds: float, act: Callable[[Any], None], what: Any) -> None:
        heappush(self._agenda, (self.now + seconds, next(self._number), act, what))

    def _at(self, at: Time, act: Callable[[Any], None], what: Any) -> None:
        if not isinf(at):
            heappush(self._agenda, (at, next(self._number), act, what))

    def _did(self, event: ev.Event) -> None:
        decision = decide(self.board, event, self.now)
        self.measures.decisions += 1
        if decision.refused:
            raise SimulationError(f"{event}: {decision.refused}")
        if self._watch is not None:
            self._watch(event, self.now, decision)
        for command in decision.commands:
            act = self._carry_out.get(type(command))
            if act is not None:
                act(command)

    # --- before and after ----------------------------------------------------------------------------

    def _prepare(self) -> None:
        self.measures.centres = {c.id: CentreWork() for c in self.scenario.centres}
        for handler in handlers(self.scenario):
            self.measures.centres[handler.centre].posts += 1
            self._did(ev.HandlerSaved(handler, "program:simulation"))
        for demand in self.scenario.demand:
            self._next_arrival(self._stream(demand))
        for outage in self.scenario.outages:
            self._at(self.scenario.at(outage.begins), self._centre_goes, outage)
        self._next_duty(None)
        self._sample(None)

    def _stream(self, demand: Demand) -> Stream:
        self._waits_in(demand.queue, demand.channel)
        if demand.emergencies:
            self.measures.emergencies.setdefault(demand.channel, Emergencies())
        chance = self._source(demand.id)
        return Stream(
            demand,
            arrivals(demand, self.scenario, self._source(f"{demand.id}/arrivals")),
            demand.handling.draws(chance),
            demand.wrap_up.draws(chance),
            demand.patience.draws(chance) if demand.patience else None,
            lambda: demand.emergencies > 0 and chance.random() < demand.emergencies,
        )

    def _waits_in(self, queue: str, channel: Channel) -> Waits:
        rules = self.scenario.rules.queues[queue]
        fresh = Waits(rules.target_seconds, rules.abandoned_ignore_seconds)
        return self.measures.waits.setdefault((queue, channel), fresh)

    def _finished(self) -> Measures:
        self.measures.left_open = self._left_open()
        for handler, (signed_in, busy, handled) in self.desks.totals(self.now).items():
            centre = self.measures.centres[self.board.handlers[handler].centre]
            centre.signed_in += signed_in
            centre.busy += busy
            centre.handled += handled
        return self.measures

    def _left_open(self) -> LeftOpen:
        """Whoever still waits for their first answer is measured until now."""
        found: Counter[str] = Counter()
        for contact in self.board.contacts.values():
            place = place_of(contact)
            found[place] += 1
            if place == "waiting" and not is_heard(contact) and contact.received_at >= self._measured_from:
                self._waits_of[contact.reference].waiting.append(self.now - contact.wait_began_at)
        return LeftOpen(**found)

    def _sample(self, _: None) -> None:
        if self.now >= self._measured_from:
            signed_in, busy = self.desks.now()
            self.measures.moments.append(Moment(self.now, signed_in, busy, len(self.board.lines)))
        self._in(SAMPLE_SECONDS, self._sample, None)

    # --- those who come in ---------------------------------------------------------------------------

    def _next_arrival(self, stream: Stream) -> None:
        at = next(stream.times, None)
        if at is not None:
            self._at(at, self._arrives, stream)

    def _arrives(self, stream: Stream) -> None:
        self.measures.contacts += 1
        number, demand = self.measures.contacts, stream.demand
        reference, party = f"S{number}", Party(f"+44{number:010}")
        self._stream_of[reference] = stream
        waits = self._waits_of[reference] = self._waits_in(demand.queue, demand.channel)
        waits.offered += self.now >= self._measured_from
        if demand.channel is Channel.VOICE:
            self._did(ev.CallArrived(reference, f"call-{number}", demand.queue, party, demand.id))
            if demand.greeting_seconds:
                self._in(demand.greeting_seconds, self._joins_the_queue, reference)
            else:
                self._joins_the_queue(reference)
        else:
            message, thread = f"m{number}", f"{demand.id}:{number}"
            arrived = ev.MessageArrived(reference, message, demand.channel, demand.queue, party, demand.id, thread)
            self._did(arrived)
        if stream.is_emergency():
            self.measures.emergencies[demand.channel].offered += self.now >= self._measured_from
            self._did(ev.EmergencyRaised(reference, "caller", "said so on arrival"))
        self._next_arrival(stream)

    def _joins_the_queue(self, reference: str) -> None:
        stream = self._stream_of[reference]
        if stream.patience is not None:
            self._in(stream.patience(), self._gives_up, reference)
        self._did(ev.CallQueued(reference))

    def _gives_up(self, reference: str) -> None:
        contact = self.board.contacts.get(reference)
        if contact is None or not contact.live or is_heard(contact):
            return
        if contact.received_at >= self._measured_from:
            waits, since = self._waits_of[reference], contact.wait_began_at
            waits.abandoned.append(self.now - since)
            waits.left.append(since)
            if contact.emergency:
                self.measures.emergencies[contact.channel].abandoned += 1
        self._did(ev.CallerLeft(reference))

    def _led_on(self, command: do.LeadOn) -> None:
        """A wait is of the queue that ends it, as in the statistics: from now on of the one they are led to."""
        contact = self.board.contacts[command.reference]
        if command.kind != "queue" or is_heard(contact) or contact.received_at < self._measured_from:
            return
        led_from, led_to = self._waits_of[command.reference], self._waits_in(command.target, contact.channel)
        led_from.offered -= 1
        led_from.led_on += 1
        led_to.offered += 1
        self._waits_of[command.reference] = led_to

    def _closed(self, command: do.CloseContact) -> None:
        del self._stream_of[command.reference]
        del self._waits_of[command.reference]

    # --- those who answer ----------------------------------------------------------------------------

    def _offered(self, command: do.MakeOffer) -> None:
        if command.offer.broadcast:
            return  # whoever is only shown an emergency leaves it to the one whose offer is in earnest
        if self._missed and self._chance.random() < self._missed:
            return
        seconds = self._answer() if command.offer.by_phone else self._accept()
        self._in(seconds, self._accepts, command.offer)

    def _accepts(self, offer: Offer) -> None:
        contact = self.board.contacts.get(offer.reference)
        if contact is None or offer not in contact.offers:
            return
        self.desks.takes(offer.handler, self.now)
        first = contact.answered_at is None
        self._did(ev.OfferAccepted(offer.id, offer.reference, offer.handler))
        contact = self.board.contacts[offer.reference]
        if first and contact.answered_at is not None:
            self._answered(contact)
        if contact.live:
            self._in(self._stream_of[contact.reference].handling(), self._hangs_up, contact)
        elif contact.work is Work.REVIEW:
            self._in(self._review(), self._wraps_up, contact)
        elif not contact.calling:
            self._in(self._handles(contact), self._wraps_up, contact)

    def _handles(self, contact: Contact) -> float:
        stream = self._stream_of[contact.reference]
        return stream.handling() + stream.wrap_up()

    def _answered(self, contact: Contact) -> None:
        """By the first handler; where the control room was sooner, they were heard already."""
        if contact.received_at < self._measured_from:
            return
        began, heard = contact.wait_began_at, with_control_room(contact)
        if not heard:
            waits = self._waits_of[contact.reference]
            waits.answered.append(self.now - began)
            waits.began.append(began)
        if contact.emergency:
            found = self.measures.emergencies[contact.channel]
            found.answered += not heard
            found.waits.append(self.now - began)

    def _hangs_up(self, taken: Contact) -> None:
        contact = self.board.contacts.get(taken.reference)
        if contact is None or not contact.live or contact.assignment != taken.assignment or not contact.assignment:
            return
        self._did(ev.CallEnded(contact.reference, f"handler:{contact.assignment.handler}"))
        self._in(self._stream_of[contact.reference].wrap_up(), self._wraps_up, taken)

    def _wraps_up(self, taken: Contact) -> None:
        """Of what was taken then, if it is still with the same handler."""
        contact = self.board.contacts.get(taken.reference)
        if contact is None or taken.assignment is None:
            return
        handler = taken.assignment.handler
        if contact.assignment != taken.assignment and not any(w.handler == handler for w in contact.wrap_ups):
            return
        self.desks.finishes(handler, self.now)
        self._did(ev.WrapUpCompleted(contact.reference, handler, "resolved"))
        self._may_go(handler)

    # --- calls out, and the control room -------------------------------------------------------------

    def _follow_up_rings(self, command: do.PlaceFollowUpCall) -> None:
        self._in(self._rings(), self._follow_up_rang, command)

    def _follow_up_rang(self, command: do.PlaceFollowUpCall) -> None:
        contact = self.board.contacts.get(command.reference)
        if contact is None or not contact.calling or contact.follow_up != command.follow_up or not contact.assignment:
            return
        if self._chance.random() < self.scenario.behaviour.reached:
            self._did(ev.FollowUpAnswered(command.reference, command.follow_up))
            talking = self.board.contacts[command.reference]
            self._in(self._stream_of[command.reference].handling(), self._hangs_up, talking)
        else:
            self.desks.finishes(command.handler, self.now)
            self._did(ev.FollowUpTried(command.reference, command.follow_up, "no_answer"))
            self._may_go(command.handler)

    def _control_room_answers(self, reference: str) -> None:
        contact = self.board.contacts.get(reference)
        if contact is None or not contact.live or contact.handover is None:
            return
        if contact.answered_at is None and contact.received_at >= self._measured_from:
            self._waits_of[reference].control_room.append(self.now - contact.wait_began_at)
            self.measures.emergencies[contact.channel].control_room += 1
        self._did(ev.ControlRoomJoined(reference, "control room"))
        self._in(self._stream_of[reference].handling(), self._is_done_there, reference)

    def _is_done_there(self, reference: str) -> None:
        """The control room has heard everything, and no handler has come into the call."""
        contact = self.board.contacts.get(reference)
        if contact is not None and contact.live and contact.answered_at is None:
            self._did(ev.CallerLeft(reference))

    # --- coming and going ----------------------------------------------------------------------------

    def _next_duty(self, duty: Shift | None) -> None:
        if duty is not None:
            self._begins(duty)
        following = next(self._duties, None)
        if following is not None:
            self._at(following.begins, self._next_duty, following)

    def _begins(self, duty: Shift) -> None:
        self.desks.on_duty(duty.handler, duty.ends)
        self._at(duty.ends, self._ends, duty.handler)
        if not self._is_down(duty.handler):
            self._signs_in(duty.handler)

    def _signs_in(self, handler: str) -> None:
        self.desks.signs_in(handler, self.now)
        self._did(ev.PresenceChanged(handler, AVAILABLE, f"handler:{handler}"))

    def _ends(self, handler: str) -> None:
        """Takes nothing new, finishes what there is, and goes."""
        if self.desks.is_over(handler, self.now) and self.desks.is_in(handler):
            self._did(ev.PresenceChanged(handler, FINISHING, f"handler:{handler}"))
            self._may_go(handler)

    def _may_go(self, handler: str) -> None:
        if self.desks.may_go(handler, self.now):
            self._goes(handler)

    def _goes(self, handler: str) -> None:
        self.desks.signs_out(handler, self.now)
        self._did(ev.PresenceChanged(handler, OFFLINE, f"handler:{handler}"))

    def _comes_back(self, handler: str) -> None:
        away = self.board.handlers[handler].presence.state is PresenceState.AWAY
        if away and self.desks.is_in(handler) and not self.desks.is_over(handler, self.now):
            self._did(ev.PresenceChanged(handler, AVAILABLE, f"handler:{handler}"))

    # --- what goes wrong -----------------------------------------------------------------------------

    def _of(self, centre: str) -> list[Handler]:
        return [h for h in self.board.handlers.values() if h.centre == centre]

    def _is_down(self, handler: str) -> bool:
        centre = self.board.handlers[handler].centre
        begun = ((self.scenario.at(o.begins), o.minutes * 60) for o in self.scenario.outages if o.centre == centre)
        return any(begins <= self.now < begins + long for begins, long in begun)

    def _centre_goes(self, outage: Outage) -> None:
        for handler in self._of(outage.centre):
            if self.desks.is_in(handler.id):
                self._is_cut_off(handler.id)
        self._in(outage.minutes * 60, self._centre_is_back, outage)

    def _is_cut_off(self, handler: str) -> None:
        for contact in self.board.engaged_in(handler):
            talking = contact.live and contact.assignment is not None and contact.assignment.handler == handler
            if talking:
                self.desks.drops(handler, self.now)
                self._did(ev.HandlerLost(contact.reference, handler, "the centre is down"))
        self._goes(handler)

    def _centre_is_back(self, outage: Outage) -> None:
        for handler in self._of(outage.centre):
            if self.desks.is_on_duty(handler.id, self.now) and not self._is_down(handler.id):
                self._signs_in(handler.id)
