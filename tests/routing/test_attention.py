"""A queue that nobody serves needs a supervisor: who is there, who could come, and what no handler at all has."""

from __future__ import annotations

from typing import Any

import pytest

from config.alarms import QueueAlarms
from config.calendars import Calendar
from config.ordering import Bump, Bumps
from config.settings import Queue
from routing import events as ev
from routing.attention import Trouble, lines, nobody_said, over_said, said, troubles
from routing.board import Board
from routing.coverage import without_handlers
from routing.model import Channel, PresenceState, Work
from routing.rules import Rules
from tests.support.world import World, rules

HERE, AWAY, GONE = PresenceState.AVAILABLE, PresenceState.AWAY, PresenceState.OFFLINE
LIMITS = QueueAlarms(
    caller_seconds=0, message_share=0.25, open_minutes=2, overdue_times=3, again_minutes=30, settled_seconds=30
)


def found(world: World, told: Trouble | None = None, **limits: Any) -> list[Trouble]:
    known = {told.queue: told} if told else {}
    return troubles(world.board, world.now, LIMITS.model_copy(update=limits), known)


def trouble(world: World, told: Trouble | None = None, **limits: Any) -> Trouble:
    (one,) = found(world, told, **limits)
    return one


def why(world: World) -> str:
    return said(world.board, trouble(world))


def waiting(trouble: Trouble) -> int:
    return trouble.line.waiting if trouble.line else 0


@pytest.fixture
def witness() -> World:
    """A queue that always needs French of level 2, which ben and cara have; anna, who is there, has level 1."""
    line = Queue(id="witness", name="Witness line", target_seconds=30, skills=("french:2",))
    world = World(rules([line]))
    world.handler("anna", "french:1")
    world.handler("cara", "french:2", state=GONE)
    world.handler("ben", "french:3")
    return world


# --- nobody who is there -------------------------------------------------------------------------------


def test_who_is_there_and_busy_is_there(witness: World) -> None:
    witness.call("C1", "witness")
    witness.accept("C1")
    witness.call("C2", "witness")

    assert found(witness) == []


def test_when_the_last_who_could_goes_away_it_is_said_how_many_wait_and_whom_to_ask(witness: World) -> None:
    witness.presence("ben", AWAY, "lunch")
    for reference in ("C1", "C2", "C3"):
        witness.call(reference, "witness")
    witness.after(250)

    one = trouble(witness)

    assert (one.queue, one.cause, waiting(one), one.after) == ("witness", "queue_unattended", 3, 0)
    assert said(witness.board, one) == (
        "Nobody who is there can take calls of 'Witness line'. 3 calls wait, the longest for 4 min 10 s. "
        "Ask ben (away: lunch) or cara (not signed in)."
    )


def test_nobody_is_available_at_all() -> None:
    world = World()
    world.handler("anna", state=GONE)
    world.call("C1")

    assert why(world) == (
        "Nobody who is there can take calls of 'General'. 1 call waits, for 0 s. Ask anna (not signed in)."
    )


def test_when_one_of_two_who_can_do_the_same_goes_the_other_is_still_there() -> None:
    world = World()
    for name in ("anna", "ben"):
        world.handler(name)
    world.call("C1")
    assert found(world) == []

    world.presence("anna", AWAY)

    assert found(world) == []


def test_while_nobody_waits_and_the_queue_names_no_hours_nothing_is_wrong(witness: World) -> None:
    witness.presence("ben", GONE)

    assert found(witness) == []


def test_a_text_may_wait_for_a_part_of_its_target_and_a_caller_on_the_line_may_not() -> None:
    world = World()
    world.handler("anna", state=GONE)
    world.text("T1")
    world.after(74)
    assert found(world) == []

    world.after(1)

    assert why(world).startswith("Nobody who is there can take texts of 'Texts'. 1 text waits, for 1 min 15 s.")


def test_who_has_no_telephone_answers_no_calls(witness: World) -> None:
    witness.presence("ben", GONE)
    witness.handler("dan", "french:2", extension="")
    witness.call("C1", "witness")

    assert trouble(witness).cause == "queue_unattended"


@pytest.mark.parametrize(("room", "lonely"), [((1, 0), "emails"), ((0, 1), "texts")])
def test_who_takes_one_message_at_a_time_takes_messages(room: tuple[int, int], lonely: str) -> None:
    world = World()
    world.handler("anna", text_capacity=room[0], email_capacity=room[1])
    world.text("T1")
    world.email("E1")

    assert [one.queue for one in found(world, message_share=0)] == [lonely]


def test_who_left_a_voicemail_waits_and_a_call_that_is_only_to_be_looked_at_does_not(witness: World) -> None:
    witness.presence("ben", GONE)
    witness.call("C1", "witness")
    witness.did(ev.VoicemailLeft("C1", "witness", "", "v.wav", 9))
    witness.did(ev.CallerLeft("C1"))
    witness.call("C2", "witness")
    witness.did(ev.ControlRoomJoined("C2", "Control room"))
    witness.did(ev.CallerLeft("C2"))
    assert witness.contact("C2").work is Work.REVIEW and witness.contact("C2").wanted
    witness.after(8)

    assert why(witness).startswith(
        "Nobody who is there can take voicemails of 'Witness line'. 1 voicemail waits, for 8 s."
    )


def test_four_who_could_come_are_named_and_of_more_three() -> None:
    world = World()
    for name in ("anna", "ben", "cara", "dan"):
        world.handler(name, state=GONE)
    world.call("C1")
    assert "cara (not signed in) or dan (not signed in)." in why(world)

    world.handler("eve", state=GONE)

    assert "cara (not signed in) or one of 2 more." in why(world)


def test_an_emergency_that_waits_has_its_own_alarm(witness: World) -> None:
    witness.presence("ben", GONE)
    witness.presence("anna", GONE)
    witness.arriving("C1", "witness")
    witness.emergency("C1")
    witness.after(600)

    assert found(witness) == []


def test_what_was_told_stays_true_until_somebody_is_there_also_while_nobody_waits(witness: World) -> None:
    witness.presence("ben", GONE)
    witness.call("C1", "witness")
    told = trouble(witness)
    witness.did(ev.CallerLeft("C1"))

    assert waiting(trouble(witness, told)) == 0
    witness.presence("ben", HERE)
    assert found(witness, told) == []
    assert over_said(witness.board, told, witness.now) == "Somebody is there for 'Witness line' again: ben."


# --- no handler at all ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("skills", "lacking"),
    [
        (("french:4",), "No handler at all has french at level 4 or above"),
        (("crime", "welsh"), "No handler at all has crime or welsh"),
        (("french:3", "welding"), "No handler at all has french at level 3 or above and welding together"),
        (("safe",), "Every handler with safe is kept for emergencies"),
        (("deaf",), "No handler with deaf has a telephone"),
        (("sign",), "No handler with sign who is not kept for emergencies has a telephone"),
    ],
)
def test_what_no_handler_at_all_has_is_told_apart(skills: tuple[str, ...], lacking: str) -> None:
    world = World(rules([Queue(id="rare", name="Rare", target_seconds=30, skills=skills)]))
    world.handler("ben", "french:3")
    world.handler("cara", "welding", "french:2", state=GONE)
    world.handler("dan", "safe", reserved=True)
    world.handler("eve", "deaf", extension="")
    world.handler("fay", "sign", extension="")
    world.handler("gil", "sign", reserved=True)
    world.call("C1", "rare")

    one = trouble(world)

    assert one.cause == "queue_without_handlers"
    assert said(world.board, one) == (
        f"{lacking}: nobody can take calls of 'Rare', whoever signs in. 1 call waits, for 0 s. "
        "Change the handlers, or the queue."
    )


def test_of_a_line_alone_it_is_said_whom_of_its_own_kind_to_ask() -> None:
    world = World()
    world.handler("anna", state=GONE, text_capacity=0)
    world.handler("ben", state=GONE)
    world.text("T1")

    (line,) = lines(world.board, world.now)["texts"]

    assert nobody_said(world.board, world.rules.queues["texts"], line).endswith("Ask ben (not signed in).")


def test_where_nobody_is_kept_for_emergencies_nobody_is_said_to_be() -> None:
    world = World()
    world.handler("anna", text_capacity=0)
    world.text("T1")
    world.after(75)

    assert why(world).startswith("No handler takes texts: nobody can take texts of 'Texts', whoever signs in.")


def test_before_anybody_calls_the_queues_that_no_handler_could_serve_are_known() -> None:
    world = World()
    assert without_handlers(world.board) == [], "a new site has no handlers yet"
    world.handler("anna", state=GONE)

    assert without_handlers(world.board) == ["No handler at all has crime: nobody can take anything of 'Crime'"]


def test_what_is_insisted_on_for_a_while_only_keeps_nobody_from_being_served() -> None:
    wanted: Any = ({"skill": "polish", "for_seconds": 60},)
    world = World(rules([Queue.model_validate({"id": "q", "name": "Q", "target_seconds": 30, "wanted": wanted})]))
    world.handler("anna")
    world.call("C1", "q")

    assert found(world) == []


# --- opening hours -------------------------------------------------------------------------------------


@pytest.fixture
def office() -> World:
    """``START`` is a Monday, 14:46 in London; the queue is open until 15:00. anna has gone."""
    queue: Any = {"id": "office", "name": "Office", "target_seconds": 30, "calendar": "hours"}
    standard = rules([Queue.model_validate(queue | {"overflow": {"closed": [{"stay": "overflow_stay"}]}})])
    calendar = Calendar(id="hours", monday=("08:00-15:00",))
    world = World(Rules(standard.queues, standard.routing, standard.follow_ups, {"hours": calendar}))
    world.board = Board(world.rules)
    world.handler("anna", state=GONE)
    return world


def test_an_open_queue_without_anybody_is_told_after_some_minutes_though_nobody_waits(office: World) -> None:
    one = trouble(office)

    assert (one.cause, waiting(one), one.after) == ("queue_unattended", 0, 120)
    assert said(office.board, one) == (
        "Nobody who is there can take anything of 'Office'. Nobody waits in it now. Ask anna (not signed in)."
    )
    assert found(office, open_minutes=0) == []


def test_a_closed_queue_is_nobody_s_trouble_but_a_caller_on_the_line_is(office: World) -> None:
    told = trouble(office)
    office.text("T1", queue="office")
    office.after(15 * 60)
    assert found(office, told) == []
    assert over_said(office.board, told, office.now) == "'Office' is closed now, and no caller waits."

    office.call("C1", "office")

    assert waiting(trouble(office)) == 1


# --- far behind ----------------------------------------------------------------------------------------


def test_a_queue_far_behind_is_told_with_who_is_there_and_who_could_come(witness: World) -> None:
    for number in range(3):
        witness.call(f"C{number}", "witness")
    witness.accept("C0")
    witness.after(90)
    assert found(witness) == []

    witness.after(1)
    one = trouble(witness)

    assert (one.cause, waiting(one)) == ("queue_overdue", 2)
    assert said(witness.board, one) == (
        "'Witness line' is far behind, 3 times its target of 30 s: 2 calls wait, the longest for 1 min 31 s. "
        "1 handler who is there could take them, 0 of them free now. Ask cara (not signed in)."
    )
    assert found(witness, overdue_times=0) == []


def test_the_longest_wait_is_not_that_of_who_is_first_in_line() -> None:
    world = World(rules(bumps=Bumps(vulnerable=Bump(ahead_seconds=60))))
    world.handler("anna", state=GONE)
    world.call("C1")
    world.after(20)
    world.call("C2")
    world.did(ev.VulnerableMarked("C2", "handler:ben"))
    assert [rank.reference for rank in world.board.waiting()] == ["C2", "C1"]

    assert "2 calls wait, the longest for 20 s." in why(world)

    world.did(ev.CallerLeft("C1"))
    assert "1 call waits, for 0 s." in why(world)


def test_who_is_being_offered_waits_too_and_no_more_once_a_handler_has_taken_them() -> None:
    world = World()
    world.handler("anna")
    world.call("C1")
    world.call("C2")
    assert world.offered_to("C1") == "anna"
    world.after(12)

    assert [len(crowd.callers) for _, crowd in world.board.queued.crowds()] == [2]

    world.accept("C1")
    assert [len(crowd.callers) for _, crowd in world.board.queued.crowds()] == [1]


def test_a_voicemail_that_a_handler_has_taken_makes_no_text_of_the_queue_a_voicemail(witness: World) -> None:
    witness.call("C1", "witness")
    witness.decline("C1")
    witness.did(ev.VoicemailLeft("C1", "witness", "", "v.wav", 9))
    witness.did(ev.CallerLeft("C1"))
    assert [crowd.voicemails for _, crowd in witness.board.queued.crowds()] == [1]

    witness.after(20)
    witness.accept("C1")
    witness.text("T1", queue="witness")

    assert [crowd.voicemails for _, crowd in witness.board.queued.crowds()] == [0]


def test_it_stays_told_until_the_wait_is_half_as_long(witness: World) -> None:
    witness.call("C0", "witness")
    witness.accept("C0")
    witness.call("C1", "witness")
    witness.after(91)
    told = trouble(witness)
    witness.call("C2", "witness")
    witness.after(46)
    witness.did(ev.CallerLeft("C1"))

    assert trouble(witness, told).cause == "queue_overdue", "46 s of 30 s"
    assert found(witness) == []
    witness.did(ev.CallerLeft("C2"))
    assert over_said(witness.board, told, witness.now) == "'Witness line' is no longer far behind: nobody waits."


def test_when_nobody_is_left_for_it_that_is_said_and_not_that_it_is_late(witness: World) -> None:
    witness.call("C0", "witness")
    witness.accept("C0")
    witness.call("C1", "witness")
    witness.after(91)
    told = trouble(witness)
    witness.presence("ben", AWAY)

    assert trouble(witness, told).cause == "queue_unattended"


def test_of_what_nobody_takes_the_most_is_said_though_less_of_another_kind_was_late_before() -> None:
    world = World()
    world.handler("anna")
    world.text("T0", queue="general")
    world.accept("T0")
    world.presence("anna", AWAY)
    world.text("T1", "+447700900002", queue="general")
    late = Trouble("general", "queue_overdue", Channel.TEXT)
    for number in range(2):
        world.call(f"C{number}")
    world.after(91)

    assert trouble(world, late).channel is Channel.VOICE


def test_that_a_queue_is_not_there_any_more_ends_what_was_told_of_it(witness: World) -> None:
    told = Trouble("closed-line", "queue_unattended", Channel.VOICE)

    assert over_said(witness.board, told, witness.now) == "There is no queue closed-line any more."


def test_of_calls_and_texts_that_are_late_the_longest_wait_is_said() -> None:
    world = World()
    world.text("T1", queue="general")
    world.after(100)
    world.call("C1")
    world.after(95)
    world.handler("anna", text_capacity=1)
    world.accept("C1")
    world.decline("T1")
    world.call("C2")
    world.after(91)

    one = trouble(world)

    assert (one.cause, one.channel) == ("queue_overdue", Channel.TEXT)
