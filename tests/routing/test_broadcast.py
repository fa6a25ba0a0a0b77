"""An emergency is shown to all who are free; whoever takes it first has it."""

from __future__ import annotations

from routing import events as ev
from routing.model import Doing, PresenceState, Stage
from tests.support.world import World, ends, offers, rules


def three() -> World:
    world = World()
    for name in ("anna", "ben", "cara"):
        world.handler(name)
    return world


def offer_to(world: World, reference: str, handler: str) -> str:
    return next(o.id for o in world.contact(reference).offers if o.handler == handler)


def test_it_is_offered_in_earnest_to_one_and_shown_to_the_others() -> None:
    world = three()
    world.presence("cara", PresenceState.AWAY)
    world.arriving("C1")
    assert offers(world.emergency("C1")) == [("C1", "anna"), ("C1", "ben")]
    first, second = world.contact("C1").offers
    assert (first.id, second.id) == ("C1-1", "C1-2")
    assert (first.by_phone, first.broadcast) == (True, False), "one phone rings"
    assert (second.by_phone, second.broadcast) == (False, True)
    assert world.board.doing("ben") is Doing.NOTHING


def test_who_was_only_shown_it_can_still_be_rung_for_another_caller() -> None:
    world = three()
    world.arriving("C1")
    world.emergency("C1")
    assert offers(world.call("C2")) == [("C2", "ben")]
    world.arriving("C3")
    assert offers(world.emergency("C3"))[0] == ("C3", "cara"), "a second emergency rings a phone at once"


def test_the_first_to_take_it_has_it_and_the_others_lose_it_at_once() -> None:
    world = three()
    world.arriving("C1")
    world.emergency("C1")
    commands = world.did(ev.OfferAccepted(offer_to(world, "C1", "anna"), "C1", "anna"))
    assert ends(commands) == [("ben", "withdrawn"), ("cara", "withdrawn")]
    assert world.stage("C1") is Stage.ASSIGNED


def test_who_asks_for_the_call_has_their_phone_rung_and_no_other() -> None:
    world = three()
    world.arriving("C1")
    world.emergency("C1")
    commands = world.did(ev.OfferClaimed(offer_to(world, "C1", "cara"), "C1", "cara"))
    assert {h for h, _ in ends(commands)} == {"anna", "ben", "cara"}
    assert offers(commands) == [("C1", "cara")] and world.offer("C1").by_phone
    world.accept("C1")
    assert world.contact("C1").owner == "cara"


def test_who_asks_a_second_too_late_or_is_busy_is_told_so() -> None:
    world = three()
    world.arriving("C1")
    world.emergency("C1")
    late = ev.OfferClaimed(offer_to(world, "C1", "cara"), "C1", "cara")
    busy = ev.OfferClaimed(offer_to(world, "C1", "ben"), "C1", "ben")
    world.call("C2")  # rings ben
    assert world.refused(busy) == "You have no room for it now: finish what you have first."
    world.accept("C1")
    assert "another handler took it" in world.refused(late)


def test_nobody_need_ask_for_what_rings_at_them_or_for_a_text() -> None:
    world = three()
    world.arriving("C1")
    world.emergency("C1")
    assert "Accept this offer" in world.refused(ev.OfferClaimed(offer_to(world, "C1", "anna"), "C1", "anna"))
    assert "Ask for this call first" in world.refused(ev.OfferAccepted(offer_to(world, "C1", "ben"), "C1", "ben"))
    world.text("T1")
    world.emergency("T1")
    shown = next(o for o in world.contact("T1").offers if o.broadcast)
    assert "Accept this offer" in world.refused(ev.OfferClaimed(shown.id, "T1", shown.handler))


def test_a_text_that_was_shown_is_taken_by_accepting_it() -> None:
    world = three()
    world.text("T1", message="m1")
    world.accept("T1")
    world.complete("T1", "anna", seen="m1")
    world.presence("anna", PresenceState.AWAY)
    world.text("T2", sender="+447700900002")  # shown to ben
    world.emergency("T2")
    world.decline("T2")
    assert {o.handler for o in world.contact("T2").offers} == {"cara"}
    world.decline("T2")
    world.after(15)
    shown = offer_to(world, "T2", "cara")
    world.did(ev.OfferAccepted(shown, "T2", "cara"))
    assert world.contact("T2").owner == "cara" and not world.contact("T2").offers


def test_when_the_one_in_earnest_rings_out_it_is_offered_anew_to_the_next() -> None:
    world = three()
    world.arriving("C1")
    world.emergency("C1")
    commands = world.did(ev.OfferMissed(offer_to(world, "C1", "anna"), "C1", "anna"))
    assert ends(commands) == [("anna", "missed"), ("ben", "withdrawn"), ("cara", "withdrawn")]
    assert offers(commands) == [("C1", "ben"), ("C1", "cara")]
    assert world.board.handlers["ben"].misses == 0, "who was only shown it has missed nothing"


def test_who_becomes_free_while_it_rings_sees_it_too_for_as_long() -> None:
    world = three()
    world.presence("cara", PresenceState.AWAY)
    world.call("C0")  # rings anna
    world.accept("C0")
    world.did(ev.CallEnded("C0", "handler:anna"))
    world.arriving("C1")
    assert offers(world.emergency("C1")) == [("C1", "ben")]
    world.now += 5
    assert offers(world.complete("C0", "anna")) == [("C1", "anna")]
    assert offers(world.presence("cara", PresenceState.AVAILABLE)) == [("C1", "cara")]
    earnest, *shown = world.contact("C1").offers
    assert [(o.handler, o.broadcast, o.expires_at) for o in shown] == [
        ("anna", True, earnest.expires_at),
        ("cara", True, earnest.expires_at),
    ]


def test_who_declined_what_they_were_shown_sees_it_again_after_the_pause() -> None:
    world = three()
    world.arriving("C1")
    world.emergency("C1")
    world.did(ev.OfferDeclined(offer_to(world, "C1", "ben"), "C1", "ben"))
    assert offers(world.after(15)) == [("C1", "ben")]


def test_a_call_that_turns_out_an_emergency_while_it_rings_is_shown_to_all() -> None:
    world = three()
    world.call("C1")
    assert offers(world.emergency("C1")) == [("C1", "ben"), ("C1", "cara")]


def test_when_skills_are_insisted_on_no_more_all_see_it() -> None:
    """The one with the skill is rung first; five seconds later the skill matters no more."""
    world = World(rules(emergency_skills_seconds=5))
    world.handler("anna", "crime")
    world.handler("ben")
    world.arriving("C1", queue="crime")
    assert offers(world.emergency("C1")) == [("C1", "anna")]
    assert offers(world.after(5)) == [("C1", "ben")]


def test_once_somebody_has_asked_for_it_nobody_else_is_shown_it() -> None:
    world = three()
    world.presence("cara", PresenceState.AWAY)
    world.arriving("C1")
    world.emergency("C1")
    world.did(ev.OfferClaimed(offer_to(world, "C1", "ben"), "C1", "ben"))
    assert not offers(world.presence("cara", PresenceState.AVAILABLE))
    commands = world.did(ev.OfferMissed(world.offer("C1").id, "C1", "ben"))
    assert offers(commands) == [("C1", "anna"), ("C1", "cara")], "they did not answer: it is shown to all again"


def test_who_declines_what_they_were_shown_is_left_out_and_the_phone_rings_on() -> None:
    world = three()
    world.arriving("C1")
    world.emergency("C1")
    world.did(ev.OfferDeclined(offer_to(world, "C1", "ben"), "C1", "ben"))
    assert [o.handler for o in world.contact("C1").offers] == ["anna", "cara"]
    assert world.contact("C1").offers[0].by_phone


def test_who_goes_away_is_shown_it_no_more() -> None:
    world = three()
    world.arriving("C1")
    world.emergency("C1")
    world.presence("ben", PresenceState.AWAY)
    assert [o.handler for o in world.contact("C1").offers] == ["anna", "cara"]
    commands = world.presence("anna", PresenceState.AWAY)
    assert offers(commands) == [("C1", "cara")], "the one in earnest is gone: the next is rung"


def test_who_becomes_free_is_shown_several_in_the_order_of_service_whatever_happened_before() -> None:
    """A gateway that was started again must decide as the one before: the order is not that of going on offer."""
    world = three()
    world.presence("cara", PresenceState.AWAY)
    for reference in ("C1", "C2"):
        world.arriving(reference)
        world.emergency(reference)
        world.now += 1
    world.decline("C1")
    world.after(16)
    assert [world.in_earnest(r).handler for r in ("C2", "C1")] == ["ben", "anna"], "C1 is on offer once more, after C2"
    assert offers(world.presence("cara", PresenceState.AVAILABLE)) == [("C1", "cara"), ("C2", "cara")]


def test_a_phone_that_fails_for_who_is_only_shown_it_changes_nothing() -> None:
    world = three()
    world.arriving("C1")
    world.emergency("C1")
    offer = offer_to(world, "C1", "cara")
    assert world.did(ev.OfferFailed(offer, "C1", "cara", "not registered")) == ()
    assert offer_to(world, "C1", "cara") == offer, "she goes on seeing it"


def test_who_takes_no_texts_is_not_shown_one_when_they_come_free_for_calls() -> None:
    world = World()
    world.handler("anna")
    world.text("T1")
    world.emergency("T1")
    world.handler("ben", text_capacity=0)
    assert [offer.handler for offer in world.contact("T1").offers] == ["anna"]
