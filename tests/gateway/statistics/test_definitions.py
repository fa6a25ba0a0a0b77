"""The definitions of docs/statistics.md, one by one: given a world, when people do something, then it counts so."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from config.settings import Queue
from gateway.statistics.facts import Outcome
from gateway.statistics.figures import By, Count, Figures, Targets
from gateway.statistics.intervals import Intervals
from gateway.statistics.level import kept
from routing import events as ev
from routing.model import Channel, Party, PresenceState
from tests.support.journalled import JournalledWorld
from tests.support.world import START, rules

LONDON = ZoneInfo("Europe/London")
TARGETS = Targets({"general": 30, "crime": 60, "texts": 300}, {"general": 20, "crime": 20, "texts": 20})
LED_ON = Queue.model_validate(
    {
        "id": "busy",
        "name": "Busy",
        "target_seconds": 30,
        "longest_wait_seconds": 40,
        "overflow": {"longest_wait": [{"queue": "general"}]},
    }
)


@pytest.fixture
def world() -> JournalledWorld:
    return JournalledWorld(rules([LED_ON]))


def figures(world: JournalledWorld, by: By = "queue", targets: Targets = TARGETS) -> dict[str, Figures]:
    """Of everything so far, by group."""
    count = Count(by, Intervals(START, START + 86_400, "all", LONDON), targets, (10, 30, 60), world.now)
    for wait in world.journal.waits:
        count.wait(wait)
    for handling in world.journal.handlings:
        count.handling(handling)
    for spell in world.journal.spells:
        count.spell(spell)
    return {row.group: row for row in count.figures()}


def waits(
    world: JournalledWorld, reference: str, seconds: float, queue: str = "general", handler: str = "anna"
) -> None:
    """A call that waits so long, until somebody signs in and answers it at once."""
    world.call(reference, queue)
    world.after(seconds - 1)
    if handler in world.board.handlers:
        world.presence(handler, PresenceState.AVAILABLE)
        world.now += 1
    else:
        world.handler(handler)
    world.accept(reference)


def talks(world: JournalledWorld, reference: str, seconds: float, wrap_up: float = 0.0, handler: str = "anna") -> None:
    world.after(seconds)
    world.did(ev.CallEnded(reference, f"handler:{handler}"))
    world.after(wrap_up)
    world.complete(reference, handler)


# --- offered, answered, abandoned --------------------------------------------------------------------


def test_a_call_is_offered_when_it_comes_to_the_queue_and_waits_from_there(world: JournalledWorld) -> None:
    world.arriving("C1")
    world.after(8)  # the greeting
    assert figures(world)["general"].offered == 0
    world.did(ev.CallQueued("C1"))
    assert (figures(world)["general"].offered, figures(world)["general"].waiting) == (1, 1)
    world.after(11)
    world.handler("anna")
    world.accept("C1")
    row = figures(world)["general"]
    assert (row.offered, row.answered, row.waiting, row.wait.mean) == (1, 1, 0, 12)
    assert (row.service_level, row.answered_in_target) == (1, 1)


@pytest.mark.parametrize(("seconds", "in_target"), [(30, True), (31, False)])
def test_a_call_is_overdue_on_the_board_exactly_when_it_is_outside_the_service_level(
    world: JournalledWorld, seconds: int, in_target: bool
) -> None:
    """The order of service, what people read and the figures have one beginning: after the greeting and the menu."""
    world.arriving("C1")
    world.after(45)
    world.did(ev.CallQueued("C1"))
    world.after(seconds - 1)
    world.handler("anna")
    contact = world.contact("C1")
    assert contact.queued_at == world.wait("C1").began_at == world.now - seconds
    assert (contact.due >= world.now) == in_target
    world.accept("C1")
    assert figures(world)["general"].answered_in_target == in_target


def test_an_answer_after_the_target_is_outside_the_service_level(world: JournalledWorld) -> None:
    waits(world, "C1", 30)
    talks(world, "C1", 60)
    world.presence("anna", PresenceState.OFFLINE)
    waits(world, "C2", 31)
    row = figures(world)["general"]
    assert (row.answered, row.answered_in_target, row.service_level) == (2, 1, 0.5)


def test_a_caller_who_hangs_up_in_the_queue_is_abandoned_with_the_wait_kept(world: JournalledWorld) -> None:
    world.call("C1")
    world.after(25)
    world.did(ev.CallerLeft("C1"))
    row = figures(world)["general"]
    assert (row.offered, row.abandoned, row.abandoned_early) == (1, 1, 0)
    assert (row.wait_at_hang_up.mean, row.service_level, row.wait.count) == (25, 0, 0)


def test_who_hangs_up_sooner_than_the_threshold_counts_neither_for_nor_against(world: JournalledWorld) -> None:
    world.call("C1")
    world.after(19)
    world.did(ev.CallerLeft("C1"))
    row = figures(world)["general"]
    assert (row.offered, row.abandoned, row.abandoned_early, row.service_level) == (1, 0, 1, None)
    assert row.wait_at_hang_up.mean == 19


def test_who_hangs_up_before_any_queue_was_not_offered(world: JournalledWorld) -> None:
    world.arriving("C1")
    world.after(5)
    world.did(ev.CallerLeft("C1"))
    row = figures(world)["general"]
    assert (row.offered, row.before_queue, row.abandoned) == (0, 1, 0)


def test_bands_median_and_ninetieth_percentile(world: JournalledWorld) -> None:
    for number, seconds in enumerate((5, 9, 10, 29, 60)):
        waits(world, f"C{number}", seconds)
        talks(world, f"C{number}", 60)
        world.presence("anna", PresenceState.OFFLINE)
    row = figures(world)["general"]
    assert [(b.from_seconds, b.to_seconds, b.answered) for b in row.bands] == [
        (0, 10, 2), (10, 30, 2), (30, 60, 0), (60, None, 1),
    ]  # fmt: skip
    assert (row.wait.median, row.wait.p90, row.wait.longest) == (10, 60, 60)


# --- the service level -------------------------------------------------------------------------------


def test_who_still_waits_counts_as_missed_from_the_moment_the_target_is_over(world: JournalledWorld) -> None:
    world.call("C1")
    world.after(30)
    row = figures(world)["general"]
    assert (row.waiting, row.waiting_past_target, row.service_level_offered, row.service_level) == (1, 0, 0, None)
    world.after(1)
    row = figures(world)["general"]
    assert (row.waiting, row.waiting_past_target, row.service_level_offered, row.service_level) == (1, 1, 1, 0)


@pytest.mark.parametrize("threshold", [20, 60])
def test_no_hang_up_after_the_target_makes_the_service_level_better(world: JournalledWorld, threshold: int) -> None:
    targets = Targets({"general": 30}, {"general": threshold})
    waits(world, "C1", 10)
    world.call("C2")
    world.after(45)
    before = figures(world, targets=targets)["general"]
    world.did(ev.CallerLeft("C2"))
    after = figures(world, targets=targets)["general"]
    assert (before.service_level, after.service_level, after.service_level_offered) == (0.5, 0.5, 2)
    assert after.abandoned_early == (threshold == 60)


def test_an_emergency_that_the_control_room_answers_in_time_has_kept_the_target(world: JournalledWorld) -> None:
    world.call("C1")
    world.emergency("C1")
    world.after(8)
    world.did(ev.ControlRoomJoined("C1", "control room"))
    row = figures(world)["general"]
    assert (row.control_room, row.control_room_in_target, row.answered_in_target) == (1, 1, 0)
    assert (row.service_level_offered, row.service_level) == (1, 1)


def test_the_control_room_too_can_be_late(world: JournalledWorld) -> None:
    world.call("C1")
    world.emergency("C1")
    world.after(31)
    world.did(ev.ControlRoomJoined("C1", "control room"))
    row = figures(world)["general"]
    assert (row.control_room, row.control_room_in_target, row.service_level) == (1, 0, 0)


@pytest.mark.parametrize(
    ("outcome", "seconds", "expected"),
    [
        ("answered", 30, True),
        ("answered", 31, False),
        ("control_room", 30, True),
        ("control_room", 31, False),
        ("waiting", 30, None),
        ("waiting", 31, False),
        ("abandoned", 9, None),
        ("abandoned", 10, False),
        ("abandoned", 31, False),
        ("callback", 5, False),
        ("voicemail", 5, False),
        ("passed", 5, False),
        ("cut_off", 5, False),
        ("ended", 5, False),
    ],
)
def test_what_keeps_the_target_what_misses_it_and_what_counts_neither_way(
    outcome: Outcome, seconds: float, expected: bool | None
) -> None:
    assert kept(outcome, seconds, target=30, threshold=10) is expected


# --- once, and in the right queue --------------------------------------------------------------------


def test_an_overflow_is_counted_once_in_the_queue_that_ended_the_wait_with_the_whole_wait(
    world: JournalledWorld,
) -> None:
    world.handler("ben")
    world.call("C0", "crime")  # which ben cannot take
    world.call("C1", "busy")
    world.decline("C1")
    world.presence("ben", PresenceState.AWAY, "lunch")  # on duty, so that others are led to general after 40 s
    world.after(50)
    world.handler("anna")
    world.accept("C1")
    rows = figures(world)
    assert (rows["general"].offered, rows["general"].answered, rows["general"].wait.mean) == (1, 1, 51)
    assert (rows["busy"].offered, rows["busy"].led_on) == (0, 1)
    assert figures(world, "channel")["voice"].led_on == 1


def test_a_transfer_to_another_queue_is_answered_once_and_put_back_once(world: JournalledWorld) -> None:
    waits(world, "C1", 10)
    world.after(60)
    world.did(ev.Requeued("C1", "anna", "crime"))
    world.after(20)
    world.handler("cara", "crime")
    world.accept("C1")
    rows = figures(world)
    assert (rows["general"].offered, rows["general"].answered, rows["general"].wait.mean) == (1, 1, 10)
    assert (rows["crime"].offered, rows["crime"].put_back, rows["crime"].put_back_answered) == (0, 1, 1)
    assert rows["crime"].wait_after_put_back.mean == 21
    assert (rows["general"].handled + rows["crime"].handled, rows["crime"].wait.count) == (0, 0)  # both still open


def test_a_transfer_to_a_colleague_is_two_handlings_and_one_answer(world: JournalledWorld) -> None:
    waits(world, "C1", 10)
    world.handler("ben")
    world.after(59)
    world.did(ev.PartyRung("C1", "handler:anna", "transfer", "ben", "ben"))
    world.did(ev.PartyAnswered("C1", "ben", "ben"))
    world.after(30)
    world.did(ev.CallPassed("C1", "anna", "ben", "ben"))
    world.after(10)
    world.complete("C1", "anna")
    talks(world, "C1", 50, 5, "ben")
    row, by = figures(world)["general"], figures(world, "handler")
    assert (row.offered, row.answered, row.handled) == (1, 1, 2)
    assert (by["anna"].talk_seconds, by["anna"].wrap_up_seconds) == (90, 10)
    assert (by["ben"].talk_seconds, by["ben"].wrap_up_seconds, by["ben"].answered) == (60, 5, 0)
    assert by["ben"].busy_seconds == 30 + 60 + 5  # the consultation too


def test_who_asks_to_be_called_back_is_offered_once_and_not_abandoned(world: JournalledWorld) -> None:
    world.call("C1")
    world.after(25)
    world.did(ev.CallbackAsked("C1", "+441632960001"))
    world.did(ev.CallEnded("C1", "system"))
    world.handler("anna")
    world.accept("C1")
    world.did(ev.FollowUpAnswered("C1", world.contact("C1").follow_up))
    talks(world, "C1", 60)
    row = figures(world)["general"]
    assert (row.offered, row.callback, row.answered, row.abandoned) == (1, 1, 0, 0)
    assert (row.follow_ups, row.follow_ups_reached, row.handled) == (1, 1, 0)


def test_who_is_cut_off_and_calls_again_is_counted_once_with_the_wait_from_the_beginning(
    world: JournalledWorld,
) -> None:
    world.call("C1")
    world.after(25)
    world.did(ev.CallerLeft("C1", cut_off=True))
    world.after(30)
    world.did(ev.CallArrived("C9", "call-C9", "general", Party("+441632960001"), "101"))
    world.did(ev.CallQueued("C1"))
    row = figures(world)["general"]
    assert (row.waiting, row.waiting_past_target, row.abandoned) == (1, 1, 0), "they wait since 55 s"
    world.after(9)
    world.handler("anna")
    world.accept("C1")
    row = figures(world)["general"]
    assert (row.offered, row.answered, row.abandoned, row.wait.mean) == (1, 1, 0, 65)


def test_who_is_cut_off_from_a_handler_and_calls_again_was_answered_and_is_put_back(world: JournalledWorld) -> None:
    waits(world, "C1", 10)
    world.after(60)
    world.did(ev.CallerLeft("C1", cut_off=True))
    world.after(30)
    world.did(ev.CallArrived("C9", "call-C9", "general", Party("+441632960001"), "101"))
    world.did(ev.CallQueued("C1"))
    row = figures(world)["general"]
    assert (row.offered, row.answered, row.wait.mean, row.put_back) == (1, 1, 10, 1)


def test_a_handler_whose_phone_is_lost_puts_the_caller_back(world: JournalledWorld) -> None:
    waits(world, "C1", 10)
    world.after(60)
    world.did(ev.HandlerLost("C1", "anna", "gone"))
    world.after(30)
    world.did(ev.CallerLeft("C1"))
    row = figures(world)["general"]
    assert (row.offered, row.answered, row.abandoned) == (1, 1, 0)
    assert (row.put_back, row.put_back_abandoned) == (1, 1)


def test_a_text_is_offered_when_it_comes_and_the_next_one_while_it_waits_is_the_same(world: JournalledWorld) -> None:
    world.text("T1")
    world.after(5)
    world.text("T2", message="m2")  # of the same person, joins T1
    world.after(5)
    world.handler("anna")
    world.accept("T1")
    row = figures(world)["texts"]
    assert (row.offered, row.answered, row.wait.mean) == (1, 1, 11)


def test_a_text_that_opens_its_contact_again_is_offered_anew_and_takes_nothing_from_the_first(
    world: JournalledWorld,
) -> None:
    world.handler("anna")
    world.text("T1")
    world.after(5)
    world.accept("T1")
    world.after(20)
    world.did(ev.WrapUpCompleted("T1", "anna", "resolved"))
    world.after(60)
    world.text("T2", message="m2")  # of the same person: opens T1 again
    world.after(9)
    world.accept("T1")
    world.after(40)
    world.did(ev.WrapUpCompleted("T1", "anna", "resolved"))
    row = figures(world)["texts"]
    assert (row.offered, row.answered, row.wait.mean, row.wait.longest) == (2, 2, 7, 9)
    assert (row.handled, row.handling_seconds) == (2, 30)


def test_a_contact_that_is_opened_again_waits_in_the_queue_it_was_in_and_as_the_emergency_it_was(
    world: JournalledWorld,
) -> None:
    world.handler("anna")
    world.text("T1", queue="general")
    world.emergency("T1")
    world.accept("T1")
    world.did(ev.WrapUpCompleted("T1", "anna", "resolved"))
    world.text("T2", queue="texts", message="m2")  # of the same person, to another of our numbers
    assert (world.wait("T1").queue, world.wait("T1").emergency) == ("general", True)


def test_a_caller_whom_the_control_room_answers_did_not_abandon(world: JournalledWorld) -> None:
    world.call("C1")
    world.after(2)
    world.emergency("C1")
    world.after(6)
    world.did(ev.ControlRoomJoined("C1", "control room"))
    world.after(60)
    world.did(ev.CallerLeft("C1"))
    row = figures(world)["general"]
    assert (row.offered, row.control_room, row.abandoned, row.emergencies) == (1, 1, 0, 1)


def test_who_wants_to_be_called_back_and_then_presses_55_goes_on_with_the_same_wait(world: JournalledWorld) -> None:
    world.call("C1")
    world.after(25)
    world.did(ev.CallbackAsked("C1", "+441632960001"))
    world.after(5)
    world.emergency("C1")
    world.after(4)
    world.did(ev.ControlRoomJoined("C1", "control room"))
    (wait,) = world.waits("C1")
    assert (wait.outcome, wait.seconds) == ("control_room", 34)


def test_by_centre_and_handler_who_nobody_answered_belongs_to_none_and_the_rows_add_up(world: JournalledWorld) -> None:
    waits(world, "C1", 10)
    talks(world, "C1", 60)
    world.presence("anna", PresenceState.OFFLINE)
    world.call("C2")
    world.after(40)
    world.did(ev.CallerLeft("C2"))
    for by in ("centre", "handler"):
        rows = figures(world, by)
        assert sum(row.offered for row in rows.values()) == 2
        assert (rows[""].offered, rows[""].abandoned) == (1, 1)


# --- handlers ----------------------------------------------------------------------------------------


def test_handling_time_is_talk_hold_and_wrap_up(world: JournalledWorld) -> None:
    waits(world, "C1", 10)
    world.after(20)
    world.did(ev.HeldChanged("C1", "handler:anna", held=True))
    world.did(ev.HeldChanged("C1", "handler:anna", held=True, where="phone"))
    world.after(15)
    world.did(ev.HeldChanged("C1", "handler:anna", held=False))
    world.after(5)
    world.did(ev.HeldChanged("C1", "handler:anna", held=False, where="phone"))
    talks(world, "C1", 40, 30)
    row = figures(world)["general"]
    assert (row.talk_seconds, row.hold_seconds, row.wrap_up_seconds, row.handling_seconds) == (60, 20, 30, 110)


def test_a_call_that_ends_while_it_is_held_was_held_until_then(world: JournalledWorld) -> None:
    waits(world, "C1", 10)
    world.after(20)
    world.did(ev.HeldChanged("C1", "handler:anna", held=True))
    talks(world, "C1", 40, 30)
    row = figures(world)["general"]
    assert (row.talk_seconds, row.hold_seconds, row.wrap_up_seconds) == (20, 40, 30)


def test_occupancy_is_busy_out_of_ready_or_busy_and_a_break_is_neither(world: JournalledWorld) -> None:
    world.handler("anna")  # 1 s
    world.call("C1")
    world.accept("C1")
    talks(world, "C1", 60, 39)
    world.after(100)
    world.presence("anna", PresenceState.AWAY, "break")
    world.after(600)
    world.presence("anna", PresenceState.OFFLINE)
    row = figures(world, "handler")["anna"]
    assert (row.busy_seconds, row.staffed_seconds, row.away_seconds) == (99, 200, 600)
    assert row.occupancy == 99 / 200
    queue = figures(world)["general"]
    assert (queue.staffed_seconds, queue.away_seconds, queue.occupancy) == (0, 0, None), "nobody is there for one alone"


@pytest.mark.parametrize("leaves", [ev.PartyLeft("C1", "ben", "hung up", "ben"), ev.CallEnded("C1", "handler:anna")])
def test_a_colleague_who_helps_is_busy_until_they_or_the_caller_leave(world: JournalledWorld, leaves: ev.Event) -> None:
    for name in ("anna", "ben"):
        world.handler(name)
    world.call("C1")
    world.accept("C1")
    world.did(ev.PartyRung("C1", "handler:anna", "consult", "ben", "ben"))
    world.did(ev.PartyAnswered("C1", "ben", "ben"))
    world.after(30)
    world.did(leaves)
    world.after(100)
    assert figures(world, "handler")["ben"].busy_seconds == 30


def test_a_wrap_up_that_is_left_open_by_signing_out_is_no_work_until_they_are_back(world: JournalledWorld) -> None:
    world.handler("anna")  # 1 s
    world.call("C1")
    world.accept("C1")
    world.after(60)
    world.did(ev.CallEnded("C1", "handler:anna"))
    world.after(39)
    world.presence("anna", PresenceState.OFFLINE)
    world.after(8 * 3600)
    row = figures(world, "handler")["anna"]
    assert (row.busy_seconds, row.staffed_seconds) == (99, 100)

    world.presence("anna", PresenceState.AWAY, "writing up")
    world.after(20)
    world.did(ev.WrapUpCompleted("C1", "anna", "resolved"))

    rows = figures(world, "handler"), figures(world, "queue")
    assert [rows[0]["anna"].busy_seconds, rows[1]["general"].busy_seconds] == [99 + 20, 99 + 20]


def test_who_moves_to_another_centre_is_staffed_there_from_then_on(world: JournalledWorld) -> None:
    world.handler("anna")  # 1 s in fcc
    world.after(99)
    world.handler("anna", centre="crc")  # and 1 s there
    world.after(199)
    rows = figures(world, "centre")
    assert {name: row.staffed_seconds for name, row in rows.items()} == {"fcc": 100, "crc": 200}


def test_several_texts_at_once_make_a_handler_busy_once(world: JournalledWorld) -> None:
    world.handler("anna")
    for n in (1, 2):
        world.text(f"T{n}", f"+44770090000{n}")
        world.accept(f"T{n}")
    world.after(50)
    for n in (1, 2):
        world.complete(f"T{n}", "anna")
    row = figures(world, "handler")["anna"]
    assert (row.busy_seconds, row.handled) == (50, 2)
    assert figures(world, "handler")["anna"].handling_seconds == 50


def test_a_message_that_goes_back_when_its_handler_signs_out_is_put_back(world: JournalledWorld) -> None:
    world.handler("anna")
    world.text("T1")
    world.accept("T1")
    world.after(30)
    world.presence("anna", PresenceState.OFFLINE)
    row = figures(world)["texts"]
    assert (row.offered, row.answered, row.put_back) == (1, 1, 1)
    assert world.journal.waits[-1].channel is Channel.TEXT


def test_whoever_waits_again_and_leaves_a_voicemail_waits_no_more(world: JournalledWorld) -> None:
    waits(world, "C1", 10)
    world.did(ev.HandlerLost("C1", "anna", "gone"))
    assert world.wait("C1").outcome == "waiting" and world.wait("C1").again
    world.did(ev.VoicemailLeft("C1", "general", "", "v.wav", 9.0))
    assert [wait.outcome for wait in world.waits("C1")] == ["answered", "voicemail"]


def test_a_handler_who_is_removed_is_staffed_until_then(world: JournalledWorld) -> None:
    world.handler("anna")  # 1 s
    world.after(99)
    world.did(ev.HandlerRemoved("anna", "program:test"))
    world.after(50)
    assert figures(world, "handler")["anna"].staffed_seconds == 100
