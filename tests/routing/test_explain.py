"""Why this handler and not that one, why still waiting: each reason once, then the whole answer in sentences."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from config.ordering import Bump, Bumps, LanguageSkill, Wanted
from config.overflow import Overflow, Step
from config.settings import Queue
from routing import events as ev
from routing.apply import apply
from routing.board import Board
from routing.commands import MakeOffer
from routing.engine import Decision
from routing.explain.explain import explained, why_chosen
from routing.explain.facts import Chosen, Explanation, Waiting, When
from routing.explain.waiting import why_waited
from routing.model import PresenceState, Stage, Time
from routing.words import duration
from tests.support.world import START, World, rules

OFFLINE, AWAY = PresenceState.OFFLINE, PresenceState.AWAY


WALES = Queue(id="wales", name="Wales", target_seconds=30, prefers=("welsh",))


def when(at: Time) -> str:
    """Seconds since the world began."""
    return f"{at - START:g}s"


@dataclass(slots=True)
class Told(World):
    """A world that keeps what happened, as the journal does, and is asked why."""

    changes: list[tuple[Any, Time]] = field(default_factory=list)

    def attempt(self, event: ev.Event) -> Decision:
        # Named, because super() without names does not find a dataclass with slots.
        decision = World.attempt(self, event)
        if not decision.refused:
            self.changes += [(change, self.now) for change in (event, *decision.commands)]
        return decision

    def asked(self, reference: str, chosen: Chosen | None = None) -> Explanation:
        contact = self.board.open_contact(reference) or self.board.touched.contacts[reference]
        return explained(self.board, contact, self.now, when, chosen, rules_then="same")

    def waiting(self, reference: str) -> Waiting:
        told = self.asked(reference).waiting
        assert told is not None
        return told

    def reasons(self, reference: str) -> dict[str, str]:
        """Why each handler does not take the contact that waits."""
        return {one.handler: one.reason.said for one in self.waiting(reference).handlers}

    def chosen(self, reference: str, when: When = when) -> Chosen:
        """Why its last offer in earnest was made, by the board of the moment before."""
        offers = [(n, c) for n, (c, _) in enumerate(self.changes) if isinstance(c, MakeOffer)]
        last, offer = [(n, c) for n, c in offers if c.offer.reference == reference and not c.offer.broadcast][-1]
        board = Board(self.rules)
        for change, at in self.changes[:last]:
            apply(change, board, at)
        shown = [c.offer.handler for n, c in offers if n > last and c.offer.broadcast]
        return why_chosen(board, offer, shown, when)

    def others(self, reference: str, when: When = when) -> dict[str, str]:
        """Why each of the others was not chosen for its last offer."""
        return {one.handler: one.reason.said for one in self.chosen(reference, when).others}


@pytest.fixture
def world() -> Told:
    return Told()


# --- why not that one --------------------------------------------------------------------------------


def test_who_is_not_signed_in_or_away_is_said_to_be_with_the_reason_they_gave(world: Told) -> None:
    world.handler("anna", state=OFFLINE)
    world.handler("ben")
    world.presence("ben", AWAY, "break")
    world.call("C1")
    assert world.reasons("C1") == {"anna": "is not signed in", "ben": "is away (break)"}


def test_who_has_no_telephone_takes_no_calls_and_who_takes_no_texts_no_texts(world: Told) -> None:
    world.handler("anna", extension="", text_capacity=0)
    world.call("C1")
    world.text("T1")
    assert world.reasons("C1") == {"anna": "has no telephone"}
    assert world.reasons("T1") == {"anna": "takes no texts"}


def test_who_lacks_a_skill_that_is_always_needed(world: Told) -> None:
    world.handler("anna")
    world.call("C1", queue="crime")
    assert world.reasons("C1") == {"anna": "lacks crime, which it always needs"}


def test_who_lacks_a_skill_that_is_insisted_on_for_a_while_and_until_when() -> None:
    french = Queue(id="french", name="French", target_seconds=30, wanted=(Wanted(skill="french:2", for_seconds=20),))
    world = Told(rules([french]))
    world.handler("anna", "french:1")
    world.call("C1", queue="french")
    (anna,) = world.waiting("C1").handlers
    assert anna.reason.said == "lacks french at level 2 or above, which is insisted on until 21s"
    assert (anna.reason.code, anna.reason.until) == ("lacks_skill", world.now + 20)


def test_a_skill_that_is_always_lacked_is_the_reason_rather_than_one_that_passes() -> None:
    spoken = (LanguageSkill(language="pl", skill="polish", for_seconds=20),)
    world = Told(rules(languages=spoken))
    world.handler("anna")
    world.arriving("C1", "crime")
    world.did(ev.CallQueued("C1", language="pl"))
    assert world.reasons("C1") == {"anna": "lacks crime, which it always needs"}
    assert [n.said for n in world.waiting("C1").needs] == ["crime (always)", "polish (until 21s; there is none)"]


def test_who_works_in_the_other_centre_is_not_asked_yet() -> None:
    local = Queue(id="local", name="Local", target_seconds=30, centre="crc", other_centre_after_seconds=15)
    world = Told(rules([local]))
    world.handler("anna")
    world.call("C1", queue="local")
    assert world.reasons("C1") == {"anna": "works in fcc; only crc is asked until 16s"}


def test_who_declined_is_not_asked_again_for_a_while(world: Told) -> None:
    world.handler("anna")
    world.call("C1")
    world.decline("C1")
    world.after(5)
    assert world.reasons("C1") == {"anna": "declined it and is not asked again before 16s"}


def gave_back(world: Told, how: str) -> None:
    """Anna has or is offered C1, and it comes back from her so."""
    (offer,) = world.contact("C1").offers
    match how:
        case "did not answer when their phone rang":
            world.did(ev.OfferMissed(offer.id, "C1", "anna"))
        case "could not be rung":
            world.did(ev.OfferFailed(offer.id, "C1", "anna", "not registered"))
        case "did not accept it in time":
            world.after(offer.expires_at - world.now)
        case "lost the call":
            world.accept("C1")
            world.did(ev.HandlerLost("C1", "anna", "the network"))
        case "gave it back to a queue":
            world.accept("C1")
            world.did(ev.Requeued("C1", "anna", "general"))


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("did not answer when their phone rang", False),
        ("could not be rung", False),
        ("did not accept it in time", True),
        ("lost the call", False),
        ("gave it back to a queue", False),
    ],
)
def test_how_it_came_back_from_a_handler_is_said(world: Told, how: str, text: bool) -> None:
    world.handler("anna")
    (world.text if text else world.call)("C1")
    gave_back(world, how)
    assert world.reasons("C1")["anna"].startswith(f"{how} and is not asked again before ")


def test_how_often_it_came_back_is_said_as_well(world: Told) -> None:
    world.handler("anna")
    world.call("C1")
    world.decline("C1")
    world.after(15)
    world.did(ev.OfferMissed(world.contact("C1").offers[0].id, "C1", "anna"))
    assert world.reasons("C1") == {
        "anna": "did not answer when their phone rang and is not asked again before 46s; it has come back from them "
        "2 times"
    }


@pytest.mark.parametrize("state", [AWAY, OFFLINE, PresenceState.AVAILABLE])
def test_who_is_away_or_signed_out_is_not_said_to_be_asked_again(world: Told, state: PresenceState) -> None:
    world.handler("anna")
    world.call("C1")
    world.decline("C1")
    world.presence("anna", state)
    again = [later.said for later in world.waiting("C1").later if "asked again" in later.said]
    assert again == (["anna may be asked again"] if state is PresenceState.AVAILABLE else [])


def test_of_those_who_are_not_signed_in_only_who_could_take_it_would_help(world: Told) -> None:
    world.handler("anna", "crime", state=OFFLINE)
    world.handler("ben", state=OFFLINE)
    world.handler("sue", extension="", state=OFFLINE)
    world.call("C1", queue="crime")
    assert world.reasons("C1") == {
        "anna": "is not signed in",
        "ben": "is not signed in, and lacks crime, which it always needs",
        "sue": "is not signed in, and has no telephone",
    }
    assert [line for line in world.asked("C1").sentences if "signed in" in line] == [
        "Nobody who is signed in could take it.",
        "  1 handler who could take it is not signed in.",
        "  2 handlers who could not take it are not signed in.",
    ]


def test_who_is_kept_for_emergencies(world: Told) -> None:
    world.handler("anna", reserved=True)
    world.call("C1")
    assert world.reasons("C1") == {"anna": "is kept for emergencies"}


def test_who_is_rung_on_a_call_or_in_a_wrap_up_and_since_when(world: Told) -> None:
    world.handler("anna")
    world.call("C1")
    world.after(2)
    world.call("C2", number="+441632960002")
    assert world.reasons("C2") == {"anna": "their phone rings for C1 since 1s"}
    world.accept("C1")
    assert world.reasons("C2") == {"anna": "has the call of C1 since 3s"}
    world.after(60)
    world.did(ev.CallEnded("C1", "handler:anna"))
    assert world.reasons("C2") == {"anna": "is in the wrap-up of C1 since 63s"}


def test_who_is_in_a_colleagues_call(world: Told) -> None:
    world.handler("anna")
    world.call("C1")
    world.accept("C1")
    world.handler("ben")
    world.did(ev.PartyRung("C1", "handler:anna", "consult", "ext 2", "ben"))
    world.call("C2", number="+441632960002")
    assert world.reasons("C2")["ben"] == "is being rung for a colleague's call since 2s"
    world.did(ev.PartyAnswered("C1", "ext 2", "ben"))
    assert world.reasons("C2")["ben"] == "is in a colleague's call since 2s"


def test_who_has_as_many_texts_as_they_take(world: Told) -> None:
    world.handler("anna", text_capacity=2)
    for n in range(3):
        world.text(f"T{n}", f"+44770090000{n}")
    assert world.reasons("T2") == {"anna": "is busy with 2 of 2 texts"}


def test_who_has_texts_gets_no_call_where_calls_do_not_interrupt() -> None:
    world = Told(rules(calls_interrupt_messages=False))
    world.handler("anna")
    world.text("T1")
    world.call("C1")
    assert world.reasons("C1") == {"anna": "has 1 text(s) and 0 email(s), which calls do not interrupt here"}


def test_who_is_kept_free_for_a_call_gets_no_further_text() -> None:
    world = Told(rules(calls_interrupt_messages=False))
    world.handler("anna")
    world.text("T1", "+447700900001")
    world.call("C1")
    world.text("T2", "+447700900002")
    assert world.reasons("T2") == {"anna": "is kept free for a call that waits and comes first"}


# --- why this one ------------------------------------------------------------------------------------


def test_of_those_who_suit_the_longest_idle_was_chosen_and_the_others_had_not_their_turn(world: Told) -> None:
    world.handler("anna")
    world.handler("ben")
    world.handler("cara", state=OFFLINE)
    world.after(60)
    world.call("C1")
    told = world.chosen("C1")
    assert (told.handler, told.rule, told.said) == ("anna", "longest_idle", "longest idle of those who suit")
    assert told.agrees
    assert world.others("C1") == {
        "ben": "could take it, but it was not their turn: idle since 1s, anna since 0s",
        "cara": "is not signed in",
    }


def test_who_was_idle_as_long_to_the_second_is_told_apart_all_the_same(world: Told) -> None:
    world.handler("cara")
    world.now = START
    world.handler("ben")
    world.now = START + 0.4
    world.handler("anna")
    world.after(60)
    world.call("C1")
    assert world.others("C1", lambda at: f"{int(at - START)}s") == {
        "anna": "could take it, but it was not their turn: idle since 0s, ben for 0.400 s longer",
        "cara": "could take it, but it was not their turn: idle since 0s, ben as long, and comes first by name",
    }


def test_who_had_something_on_offer_came_after_who_had_nothing(world: Told) -> None:
    for name in ("anna", "ben"):
        world.handler(name, text_capacity=3)
    for reference, sender in (("T1", "+447700900001"), ("T2", "+447700900002"), ("T3", "+447700900003")):
        world.text(reference, sender)

    assert (world.offered_to("T1"), world.offered_to("T2"), world.offered_to("T3")) == ("anna", "ben", "anna")
    assert world.others("T2")["anna"].endswith("it was not their turn: has 1 on offer already, ben nothing")
    assert "on offer already" not in world.others("T3")["ben"], "as much as anna, who has been idle for longer"


def test_round_robin_says_who_was_offered_something_last() -> None:
    world = Told(rules(choose_by="round_robin"))
    world.handler("anna")
    world.call("C1")
    world.did(ev.CallerLeft("C1"))
    world.handler("ben")
    world.call("C2")
    told = world.chosen("C2")
    assert (told.handler, told.rule) == ("ben", "round_robin")
    assert world.others("C2")["anna"].endswith("not their turn: last offered something at 1s, ben never")


def test_least_occupied_says_how_much_each_was_busy() -> None:
    world = Told(rules(choose_by="least_occupied"))
    world.handler("anna")
    world.call("C1")
    world.accept("C1")
    world.handler("ben")
    world.after(97)
    world.did(ev.CallEnded("C1", "handler:anna"))
    world.complete("C1", "anna")
    world.call("C2", number="+441632960002")
    assert world.chosen("C2").handler == "ben"
    assert world.others("C2")["anna"].endswith("busy 99% of the time since they signed in, ben 0%")


def test_who_has_more_of_what_is_preferred_was_chosen() -> None:
    world = Told(rules([WALES]))
    world.handler("anna")
    world.handler("ben", "welsh")
    world.call("C1", queue="wales")
    told = world.chosen("C1")
    assert (told.handler, told.rule) == ("ben", "preferred_skills")
    assert told.said == "has most of the preferred skills of those who suit"
    assert world.others("C1") == {"anna": "could take it, but ben has more of what is preferred: welsh"}


@pytest.mark.parametrize("anna", ["has the skill too", "is away"])
def test_preferred_skills_that_passed_over_nobody_are_not_the_reason(anna: str) -> None:
    world = Told(rules([WALES]))
    world.handler("ben", "welsh")
    world.handler("anna", "welsh", state=AWAY if anna == "is away" else PresenceState.AVAILABLE)
    world.call("C1", queue="wales")
    told = world.chosen("C1")
    assert (told.handler, told.rule) == ("ben", "only_one" if anna == "is away" else "longest_idle")


def test_preferred_skills_passed_over_nobody_who_had_declined_it() -> None:
    world = Told(rules([WALES]))
    world.handler("anna")
    world.handler("ben", "welsh:2")
    world.call("C1", queue="wales")
    world.decline("C1")
    assert (world.chosen("C1").handler, world.chosen("C1").rule) == ("anna", "only_one")


def test_whose_turn_it_was_in_its_own_centre_is_said_so_while_that_is_insisted_on() -> None:
    own = Queue(id="q", name="Q", target_seconds=30, centre="fcc", other_centre_after_seconds=25)
    world = Told(rules([own], choose_by="round_robin"))
    world.handler("cara", centre="crc")
    world.handler("anna")
    world.handler("ben")
    world.call("C1", queue="q")
    told = world.chosen("C1")
    assert (told.handler, told.rule) == ("anna", "round_robin")
    assert told.said == "next in turn of those who suit in its own centre"
    world.accept("C1")
    world.presence("ben", AWAY)
    world.call("C2", queue="q")
    world.presence("ben", PresenceState.AVAILABLE)
    told = world.chosen("C2")
    assert (told.handler, told.said) == ("ben", "the only one who could take it in its own centre")


def test_the_owner_was_asked_alone_and_until_when(world: Told) -> None:
    world.handler("anna")
    world.text("T1")
    world.accept("T1")
    world.handler("ben")
    world.presence("anna", AWAY, "break")
    world.presence("anna", PresenceState.AVAILABLE)
    world.follow_up("T1", owner="anna")
    world.complete("T1", "anna")
    world.after(1)
    told = world.chosen("T1")
    assert (told.handler, told.rule, told.said) == ("anna", "owner", "owner of the contact")
    assert world.others("T1")["ben"].startswith("is not asked: anna, who owns it, is asked alone until")


def test_who_dealt_with_this_person_last_was_asked_first() -> None:
    world = Told(rules(last_handler_first_seconds=10))
    world.handler("anna")
    world.call("C1")
    world.accept("C1")
    world.did(ev.CallEnded("C1", "handler:anna"))
    world.handler("ben")
    world.complete("C1", "anna")
    world.after(60)
    world.call("C2")
    told = world.chosen("C2")
    assert (told.handler, told.rule) == ("anna", "last_handler")
    assert world.others("C2") == {
        "ben": "is not asked: anna, who dealt with this person last, is asked alone until 72s"
    }


def test_an_emergency_was_shown_to_all_who_were_free(world: Told) -> None:
    world.handler("anna")
    world.handler("ben")
    world.handler("cara", state=AWAY)
    world.arriving("C1")
    world.emergency("C1")
    world.did(ev.CallQueued("C1"))
    assert world.chosen("C1").handler == "anna"
    assert world.others("C1") == {
        "ben": "is shown it as well: an emergency is shown to all who are free",
        "cara": "is away (no reason given)",
    }


def test_who_asked_for_an_emergency_had_it(world: Told) -> None:
    world.handler("anna")
    world.handler("ben")
    world.arriving("C1")
    world.emergency("C1")
    world.did(ev.CallQueued("C1"))
    shown = next(o for o in world.contact("C1").offers if o.handler == "ben")
    world.did(ev.OfferClaimed(shown.id, "C1", "ben"))
    told = world.chosen("C1")
    assert (told.handler, told.rule, told.agrees) == ("ben", "claimed", True)
    assert world.others("C1") == {"anna": "ben asked for it first"}


def test_an_offer_that_the_rules_of_now_would_not_make_is_said_to_be_one() -> None:
    world = Told()
    world.handler("anna")
    world.handler("ben", "crime")
    world.call("C1")
    needing = rules([Queue(id="general", name="General", target_seconds=30, skills=("crime",))])
    later = Told(needing, changes=world.changes)
    told = later.chosen("C1")
    assert (told.handler, told.agrees) == ("anna", False)
    sentences = explained(world.board, world.contact("C1"), world.now, when, told, rules_then="other").sentences
    assert (
        "  By the configuration used here it would not have been offered to them: the rules were others then."
        in sentences
    )


# --- why still waiting -------------------------------------------------------------------------------


def test_the_place_and_who_is_before_it_and_why() -> None:
    world = Told(rules(bumps=Bumps(vulnerable=Bump(ahead_seconds=600))))
    world.handler("anna")
    world.presence("anna", AWAY, "break")
    world.call("C1")
    world.after(5)
    world.call("C2", number="+441632960002")
    world.call("C3", number="+441632960003")
    world.did(ev.VulnerableMarked("C3", "program:desk"))
    world.call("C4", number="+441632960004")
    world.emergency("C4")
    told = world.waiting("C2")
    assert (told.place, told.of) == (4, 4)
    assert {b.reference: b.reason.said for b in told.before} == {
        "C4": "is an emergency",
        "C3": "was due earlier, at -564s; they are marked vulnerable",
        "C1": "was due earlier, at 31s",
    }
    assert [b.reference for b in told.before] == ["C4", "C3", "C1"]
    assert [s.said for s in world.waiting("C3").sooner] == ["served sooner: they are marked vulnerable"]


def test_of_two_emergencies_the_one_that_has_waited_longer_is_before_the_other() -> None:
    world = Told(rules(bumps=Bumps(vulnerable=Bump(ahead_seconds=600))))
    world.handler("anna", state=AWAY)
    world.email("E1")
    world.emergency("E1")
    world.after(5)
    world.call("C1")
    world.did(ev.VulnerableMarked("C1", "program:desk"))
    world.emergency("C1")
    told = world.waiting("C1")
    assert [(b.reference, b.reason.said) for b in told.before] == [
        ("E1", "is an emergency that has waited for longer, since 1s")
    ]
    assert (told.due_at, told.sooner) == (world.now, ()), "it is due at once, and nothing moves it up further"


def test_who_came_first_of_those_who_are_due_at_the_same_time(world: Told) -> None:
    world.email("E1")
    world.call("C1", queue="crime")
    world.after(30)
    world.call("C2", queue="general", number="+441632960002")
    world.handler("anna", "crime", state=AWAY)
    (before,) = world.waiting("C2").before
    assert (before.reference, before.reason.code) == ("C1", "older")


def test_who_waits_in_another_queue_is_before_it_only_where_the_same_handlers_are_asked(world: Told) -> None:
    world.call("C1", queue="crime")
    world.after(60)
    world.call("C2", queue="general", number="+441632960002")
    world.handler("anna", state=AWAY)
    assert world.waiting("C2").before == (), "nobody who can take crime is there"
    world.handler("ben", "crime", state=AWAY)
    assert [b.reference for b in world.waiting("C2").before] == ["C1"]


def test_when_it_is_looked_at_again_in_the_order_of_time() -> None:
    queue = Queue(
        id="crime2",
        name="Crime",
        target_seconds=30,
        wanted=(Wanted(skill="crime", for_seconds=40),),
        longest_wait_seconds=100,
        overflow=Overflow(longest_wait=(Step(queue="general"), Step(callback=True))),
    )
    world = Told(rules([queue]))
    world.handler("anna", "crime")
    world.call("C1", queue="crime2")
    world.decline("C1")
    assert [(when(later.at), later.said) for later in world.waiting("C1").later] == [
        ("16s", "anna may be asked again"),
        ("41s", "insisted on no more: crime"),
        (
            "101s",
            "the longest wait of crime2 is over: moved to queue general, or else asked whether they want to be called "
            "back, or else waits on",
        ),
    ]


def test_everything_that_is_insisted_on_for_a_while_is_named_with_its_end() -> None:
    wanted = (Wanted(skill="polish", for_seconds=12), Wanted(skill="senior", for_seconds=25))
    world = Told(rules([Queue(id="crime2", name="Crime", target_seconds=30, wanted=wanted)]))
    world.call("C1", queue="crime2")
    assert [(when(later.at), later.said) for later in world.waiting("C1").later] == [
        ("12s", "insisted on no more: polish"),
        ("25s", "insisted on no more: senior"),
    ]


def test_who_has_asked_to_be_called_back_is_led_nowhere_else() -> None:
    steps = (Step(callback=True), Step(voicemail="shut"))
    queue = Queue(
        id="shut",
        name="Shut",
        target_seconds=30,
        most_waiting=1,
        longest_wait_seconds=50,
        overflow=Overflow(full=steps),
    )
    world = Told(rules([queue]))
    world.call("C1", queue="shut")
    world.call("C2", queue="shut", number="+441632960002")
    assert [later.said for later in world.waiting("C2").later] == [
        "unless they ask to be called back: led to the voicemail of shut"
    ]
    world.did(ev.CallbackAsked("C2", "+441632960002"))
    world.did(ev.CallEnded("C2", "system"))
    assert world.waiting("C2").later == ()


def test_an_owner_who_is_asked_alone_and_when_it_is_opened(world: Told) -> None:
    world.handler("anna")
    world.text("T1")
    world.accept("T1")
    world.follow_up("T1", owner="anna", not_before=world.now + 60)
    world.complete("T1", "anna")
    world.call("C1")
    world.accept("C1")
    world.after(60)
    assert world.reasons("T1") == {"anna": "has the call of C1 since 1s"}
    assert [(when(at.at), at.said) for at in world.waiting("T1").later] == [
        ("81s", "it is opened to everybody who suits")
    ]


def test_an_emergency_says_when_the_alarm_is_raised(world: Told) -> None:
    world.call("C1")
    world.emergency("C1")
    assert [(when(later.at), later.said) for later in world.waiting("C1").later] == [
        ("10s", "offered to whoever is in wrap-up, too"),
        ("10s", "the supervisors are alarmed again"),
    ]


def test_the_last_moment_of_a_wait_is_told_as_it_was_before_it_ended(world: Told) -> None:
    """The pause after a decline is over in the moment in which the contact is offered again."""
    world.handler("anna")
    world.call("C1")
    world.decline("C1")
    over = world.contact("C1").declined[0].until
    waited = why_waited(world.board, world.contact("C1"), world.now, over + 0.002, when)
    assert [one.reason.said for one in waited.waiting.handlers] == ["declined it and is not asked again before 16s"]
    assert (when(waited.since), waited.until, waited.waiting.later) == ("1s", over + 0.002, ())


# --- where it is -------------------------------------------------------------------------------------


def test_each_stage_is_told_with_whom_and_since_when(world: Told) -> None:
    world.handler("anna")

    def said() -> str:
        return world.asked("C1").state.said

    world.arriving("C1")
    assert said() == "the caller is on the line since 1s and not in a queue yet"
    world.did(ev.CallQueued("C1"))
    assert said() == "offered to anna: their phone rings since 1s, until 21s"
    world.decline("C1")
    assert said() == "waits in general since 1s: a handler is wanted to talk with the caller"
    world.after(15)
    world.accept("C1")
    assert said() == "anna talks with the caller since 16s"
    world.did(ev.EmergencyRaised("C1", "handler:anna", "a knife"))
    assert said() == "an emergency; anna talks with the caller since 16s; the control room is being called since 16s"
    world.did(ev.ControlRoomJoined("C1", "Control room"))
    assert said().endswith("; Control room is in the call since 16s")
    world.did(ev.HandlerLeft("C1", "anna"))
    assert said().startswith("an emergency; the caller is on the line, and no handler is wanted; Control room")
    world.after(4)
    world.did(ev.CallerLeft("C1"))
    assert said() == "an emergency; in the wrap-up of anna since 16s"
    world.complete("C1", "anna")
    assert said() == "an emergency; closed at 20s with disposition 'resolved'"
    assert world.asked("C1").state.stage is Stage.CLOSED


def test_who_is_with_an_outside_party_cut_off_or_to_be_called(world: Told) -> None:
    world.handler("anna")
    world.call("C1")
    world.accept("C1")
    world.did(ev.PartyRung("C1", "handler:anna", "transfer", "the council"))
    world.did(ev.PartyAnswered("C1", "the council"))
    world.did(ev.CallPassed("C1", "anna", "the council"))
    assert world.asked("C1").state.said == "the caller talks with the council, outside"
    world.did(ev.CallerLeft("C1", cut_off=True))
    world.complete("C1", "anna")
    world.call("C2", number="+441632960002")
    world.did(ev.CallerLeft("C2", cut_off=True))
    assert world.asked("C2").state.said == "was cut off at 1s; keeps the place until 601s"


def test_a_follow_up_that_is_planned_says_what_and_when(world: Told) -> None:
    world.handler("anna")
    world.text("T1")
    world.accept("T1")
    world.follow_up("T1", not_before=world.now + 3_600)
    world.complete("T1", "anna")
    said = world.asked("T1").state.said
    assert said == "nobody is on the line; planned: a call at 3601s (tell the outcome)"


# --- in sentences ------------------------------------------------------------------------------------


def test_a_contact_that_waits_is_told_whole(world: Told) -> None:
    world.handler("anna")
    world.handler("ben", "crime", state=OFFLINE)
    world.call("C1", queue="crime")
    world.after(90)
    assert world.asked("C1").sentences == (
        "C1 at 92s: waits in crime since 2s: a handler is wanted to talk with the caller.",
        "It is number 1 of 1 in its queue.",
        "It is due at 62s, 30 s ago.",
        "It needs crime (always).",
        "Nobody who is signed in could take it.",
        "  anna lacks crime, which it always needs.",
        "  1 handler who could take it is not signed in.",
        "It is looked at whenever a handler becomes free.",
        "The routing rules in force then are those of the configuration used here.",
    )


def test_what_no_handler_at_all_has_is_told_apart_from_who_is_not_there(world: Told) -> None:
    world.handler("anna")
    world.handler("ben", "crime", state=OFFLINE)
    world.call("C1", queue="crime")
    assert world.waiting("C1").nobody == ""

    world.did(ev.HandlerRemoved("ben", "program:test"))

    assert world.waiting("C1").nobody == "No handler at all has crime"
    said = world.asked("C1").sentences
    assert "No handler at all has crime: nobody could take it, whoever signs in." in said
    assert "Nobody who is signed in could take it." not in said
    world.emergency("C1")
    assert world.contact("C1").offers or world.waiting("C1").nobody == "", "anybody can fetch help"


def test_what_is_wanted_for_a_while_and_nobody_at_all_has_is_said() -> None:
    wanted = (Wanted(skill="french:2", for_seconds=60),)
    world = Told(rules([Queue(id="port", name="Port", target_seconds=30, wanted=wanted)]))
    world.handler("anna", "french", state=AWAY)
    world.call("C1", queue="port")
    assert [n.said for n in world.waiting("C1").needs] == ["french at level 2 or above (until 61s; there is none)"]
    assert world.waiting("C1").nobody == ""


def test_an_offer_is_told_whole(world: Told) -> None:
    world.handler("anna")
    world.call("C1")
    assert world.asked("C1", world.chosen("C1")).sentences == (
        "C1 at 1s: offered to anna: their phone rings since 1s, until 21s.",
        "It was offered to anna at 1s: the only one who could take it.",
        "There was nobody else.",
        "The routing rules in force then are those of the configuration used here.",
    )


def test_of_a_long_line_ten_are_named_and_the_others_counted(world: Told) -> None:
    for n in range(13):
        world.call(f"C{n:02}", number=f"+4416329600{n:02}")
        world.after(1)
    sentences = world.asked("C12").sentences
    assert "  C09 (general) was due earlier, at 39s." in sentences
    assert "  and 2 more." in sentences


def test_durations_are_in_the_units_people_use() -> None:
    assert [duration(s) for s in (45.9, 200, 7_500)] == ["45 s", "3 min 20 s", "2 h 5 min"]
