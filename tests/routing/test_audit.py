"""What the auditor finds when the board does not keep its promises, and that it is repaired."""

from __future__ import annotations

from config.settings import Queue
from routing import events as ev
from routing.audit import audit
from routing.commands import RaiseAlarm
from routing.free import FreeHandlers
from routing.model import REACHES, Assignment
from routing.replacing import replace
from tests.support.world import World, of_kind, offers, rules


def found(world: World) -> tuple[str, ...]:
    return audit(world.board, world.board.contacts.values(), world.board.handlers.values(), world.now)


def test_on_a_sound_board_nothing_is_found() -> None:
    world = World()
    world.handler("anna")
    world.call("C1")
    world.call("C2")
    world.text("T1")
    world.emergency("T1")
    assert found(world) == ()


def test_a_contact_that_fell_out_of_the_queue_is_found_and_put_back() -> None:
    world = World()
    world.call("C1")
    world.board.lines.with_need(world.board.need_of(world.contact("C1"))).clear()
    assert found(world) == ("C1: stands in 0 queues and should stand in 1.",)
    world.did(ev.BoardRepaired(found(world)))
    assert found(world) == ()
    assert offers(world.handler("anna")) == [("C1", "anna")]


def test_a_handler_who_fell_out_of_the_free_is_found_and_offered_who_waits() -> None:
    world = World()
    world.handler("anna")
    world.board._free = tuple(FreeHandlers() for _ in REACHES)
    world.call("C1")
    assert found(world) == ("anna: does not stand among the free as they should.",)
    commands = world.did(ev.BoardRepaired(found(world)))
    assert offers(commands) == [("C1", "anna")]
    assert [alarm.what for alarm in of_kind(RaiseAlarm, commands)] == ["board_repaired"]


def test_a_free_handler_who_was_overlooked_is_found() -> None:
    world = World()
    world.handler("anna")
    world.call("C1")
    contact = world.contact("C1")
    world.board.put_contact(replace(contact, offers=()))
    assert found(world) == ("C1: waits although anna is free and can take it.",)


def test_an_offer_past_its_deadline_is_found_and_ended() -> None:
    world = World()
    world.handler("anna")
    world.call("C1")
    world.board._wakes.clear()
    world.now += 60
    assert found(world) == ("C1: the offer to anna is past its deadline.",)
    world.did(ev.BoardRepaired(found(world)))
    assert not world.contact("C1").offers


def test_a_caller_whom_everybody_has_forgotten_is_found() -> None:
    world = World()
    world.call("C1")
    world.board.put_contact(replace(world.contact("C1"), wanted=False))
    assert found(world) == ("C1: the caller is on the line, with nobody, and no handler is wanted.",)


def test_a_caller_who_is_promised_a_call_or_leaves_a_message_is_not_forgotten_before_they_hang_up() -> None:
    world = World()
    world.call("C1")
    world.did(ev.CallbackAsked("C1", "+441632960001"))
    world.call("C2", number="+441632960002")
    world.did(ev.VoicemailLeft("C2", "", "", "v.wav", 9))
    world.call("C3", number="+441632960003")
    world.did(ev.LedOut("C3", "the council"))
    assert found(world) == ()


def test_a_caller_who_was_cut_off_and_is_greeted_again_is_not_forgotten() -> None:
    world = World()
    world.call("C1")
    world.did(ev.CallerLeft("C1", cut_off=True))
    world.arriving("C2")
    assert world.contact("C1").call_id == "call-C2" and not world.contact("C1").wanted
    assert found(world) == ()


def test_an_emergency_that_a_free_handler_does_not_see_is_found_and_shown() -> None:
    world = World()
    world.handler("anna")
    world.handler("ben")
    world.call("C1")
    world.emergency("C1")
    contact = world.contact("C1")
    world.board.put_contact(replace(contact, offers=contact.offers[:1]))
    assert found(world) == ("C1: is an emergency on offer that ben cannot see.",)
    assert offers(world.did(ev.BoardRepaired(found(world)))) == [("C1", "ben")]
    assert found(world) == ()


def test_a_caller_whom_the_overflow_has_led_on_is_not_forgotten() -> None:
    overflow = {"nobody_on_duty": [{"voicemail": "led"}]}
    led = Queue.model_validate({"id": "led", "name": "Led on", "target_seconds": 30, "overflow": overflow})
    world = World(rules([led]))
    world.call("C1", queue="led")
    assert not world.contact("C1").wanted
    assert found(world) == ()


def test_a_handler_who_talks_twice_is_found() -> None:
    world = World()
    world.handler("anna")
    for reference in ("C1", "C2"):
        world.call(reference)
        contact = replace(world.contact(reference), wanted=False, offers=(), assignment=Assignment("anna", world.now))
        world.board.put_contact(contact)
    assert found(world) == ("anna: is rung for 0 calls and talks in 2.",)
