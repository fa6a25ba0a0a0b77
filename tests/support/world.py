"""A board with a hand-moved clock: what happens is said in one line, what was decided comes back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from config.settings import FollowUps, Queue, Routing
from routing import events as ev
from routing.board import Board
from routing.commands import Command, EndOffer, MakeOffer
from routing.engine import Decision, decide
from routing.model import (
    Channel,
    Contact,
    FollowUp,
    Handler,
    Offer,
    Party,
    Presence,
    PresenceState,
    Stage,
    Time,
)
from routing.rules import Rules

C = TypeVar("C")
START = 1_000_000.0
ACKNOWLEDGED = "We have your message. Reference {reference}."


def rules(queues: Iterable[Queue] = (), **routing: Any) -> Rules:
    """Queues ``general`` (30 s), ``crime`` (60 s, skill crime), ``texts`` and ``emails``; ``routing`` overrides.

    An emergency alarms once, more seldom than a site can have it, where a test is not about that."""
    standard = (
        Queue(id="general", name="General", target_seconds=30),
        Queue(id="crime", name="Crime", target_seconds=60, skills=("crime",)),
        Queue(id="texts", name="Texts", target_seconds=300, acknowledgement=ACKNOWLEDGED),
        Queue(id="emails", name="Emails", target_seconds=43_200),
    )
    again = {"emergency_alarm_again_seconds": routing.pop("emergency_alarm_again_seconds", 86_400.0)}
    seconds: dict[str, Any] = {
        "voice_offer_seconds": 20,
        "text_offer_seconds": 60,
        "email_offer_seconds": 90,
        "decline_pause_seconds": 15,
        "misses_before_away": 2,
        "owner_first_seconds": 20,
        "wrap_up_seconds": 120,
        "wrap_up_alarm_seconds": 900,
        "emergency_alarm_seconds": 10,
        "cut_off_seconds": 5,
        "return_minutes": 10,
        "last_handler_first_seconds": 0,
        "never_dial": ("999", "112", "911", "18000"),
    }
    follow_ups = FollowUps(
        queue="general",
        caller_id="+441632960101",
        ring_seconds=30,
        attempts=3,
        retry_minutes=20,
        callback_window_hours=4,
    )
    return Rules(
        {q.id: q for q in (*standard, *queues)},
        Routing.model_validate(seconds | routing).model_copy(update=again),
        follow_ups,
    )


@dataclass(slots=True)
class World:
    """``did`` says what happens now; ``after`` lets time pass, waking the engine whenever it asked for it."""

    rules: Rules = field(default_factory=rules)
    now: Time = START
    board: Board = field(init=False)
    last_commands: tuple[Command, ...] = ()

    def __post_init__(self) -> None:
        self.board = Board(self.rules)

    # --- what happens --------------------------------------------------------------------------------

    def did(self, event: ev.Event) -> tuple[Command, ...]:
        decision = self.attempt(event)
        assert not decision.refused, decision.refused
        return decision.commands

    def attempt(self, event: ev.Event) -> Decision:
        decision = decide(self.board, event, self.now)
        self.last_commands = decision.commands
        return decision

    def refused(self, event: ev.Event) -> str:
        before = dict(self.board.contacts), dict(self.board.handlers), dict(self.board.follow_ups)
        decision = self.attempt(event)
        assert decision.refused and not decision.commands, f"{event} was not refused"
        assert before == (self.board.contacts, self.board.handlers, self.board.follow_ups), "a refusal changes nothing"
        return decision.refused

    def after(self, seconds: float) -> tuple[Command, ...]:
        end, commands = self.now + seconds, list[Command]()
        while self.board.next_wake is not None and self.board.next_wake <= end:
            self.now = max(self.now, self.board.next_wake)
            commands += self.did(ev.TimePassed())
        self.now = end
        return tuple(commands)

    # --- who and what --------------------------------------------------------------------------------

    def handler(
        self, name: str, *skills: str, state: PresenceState = PresenceState.AVAILABLE, **more: Any
    ) -> tuple[Command, ...]:
        """A handler with a phone signs in; a second later the clock goes on, so that nobody is idle equally long."""
        known = Handler(id=name, name=name.title(), centre="fcc", skills=frozenset(skills), extension=f"1{name}")
        self.did(ev.HandlerSaved(Handler(**vars(known) | more), "program:test"))
        commands = self.presence(name, state)
        self.now += 1
        return commands

    def presence(self, name: str, state: PresenceState, reason: str = "") -> tuple[Command, ...]:
        return self.did(ev.PresenceChanged(name, Presence(state, reason), f"handler:{name}"))

    def arriving(self, reference: str, queue: str = "general", number: str = "+441632960001") -> tuple[Command, ...]:
        return self.did(ev.CallArrived(reference, f"call-{reference}", queue, Party(number), "101"))

    def call(self, reference: str, queue: str = "general", number: str = "+441632960001") -> tuple[Command, ...]:
        """A caller who has heard the greeting and waits."""
        self.arriving(reference, queue, number)
        return self.did(ev.CallQueued(reference))

    def text(
        self, reference: str, sender: str = "+447700900001", *, message: str = "", **more: Any
    ) -> tuple[Command, ...]:
        return self.did(
            ev.MessageArrived(
                reference=reference,
                message=message or f"m-{reference}",
                channel=Channel.TEXT,
                queue=more.pop("queue", "texts"),
                party=Party(sender),
                our_address="61016",
                thread=f"text:{sender}",
                **more,
            )
        )

    def email(self, reference: str, sender: str = "member@example.org", **more: Any) -> tuple[Command, ...]:
        arrived = ev.MessageArrived(
            reference,
            f"m-{reference}",
            Channel.EMAIL,
            "emails",
            Party(sender),
            "force@example.org",
            f"mail:{reference}",
            **more,
        )
        return self.did(arrived)

    def follow_up(self, reference: str, name: str = "f1", **more: Any) -> tuple[Command, ...]:
        values: dict[str, Any] = {
            "id": name,
            "reference": reference,
            "channel": Channel.VOICE,
            "purpose": "tell the outcome",
            "address": "+441632960001",
            "not_before": self.now,
            "not_after": self.now + 86_400,
        }
        return self.did(ev.FollowUpRequested(FollowUp(**values | more), "handler:anna"))

    def accept(self, reference: str) -> tuple[Command, ...]:
        offer = self.in_earnest(reference)
        return self.did(ev.OfferAccepted(offer.id, reference, offer.handler))

    def decline(self, reference: str) -> tuple[Command, ...]:
        offer = self.in_earnest(reference)
        return self.did(ev.OfferDeclined(offer.id, reference, offer.handler))

    def complete(self, reference: str, handler: str, **more: Any) -> tuple[Command, ...]:
        return self.did(ev.WrapUpCompleted(reference, handler, "resolved", **more))

    def emergency(self, reference: str, by: str = "caller", how: str = "pressed 55") -> tuple[Command, ...]:
        return self.did(ev.EmergencyRaised(reference, by, how))

    # --- what there is now ---------------------------------------------------------------------------

    def contact(self, reference: str) -> Contact:
        return self.board.contacts[reference]

    def stage(self, reference: str) -> Stage:
        """Closed contacts are off the board."""
        contact = self.board.open_contact(reference)
        return contact.stage if contact else Stage.CLOSED

    def offer(self, reference: str) -> Offer:
        (offer,) = self.contact(reference).offers
        return offer

    def in_earnest(self, reference: str) -> Offer:
        (offer,) = (o for o in self.contact(reference).offers if not o.broadcast)
        return offer

    def offered_to(self, reference: str) -> str:
        """The handler who is shown the contact, '' for none."""
        return next((o.handler for o in self.contact(reference).offers), "")

    def with_handler(self, reference: str) -> str:
        assignment = self.contact(reference).assignment
        return assignment.handler if assignment else ""


def of_kind(kind: type[C], commands: Iterable[Command]) -> list[C]:
    return [c for c in commands if isinstance(c, kind)]


def offers(commands: Iterable[Command]) -> list[tuple[str, str]]:
    """Who was offered what: (contact, handler)."""
    return [(c.offer.reference, c.offer.handler) for c in of_kind(MakeOffer, commands)]


def ends(commands: Iterable[Command]) -> list[tuple[str, str]]:
    """Whose offer ended how: (handler, how)."""
    return [(c.handler, c.how) for c in of_kind(EndOffer, commands)]
