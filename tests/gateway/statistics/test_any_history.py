"""Whatever happens, in whatever order: the facts drawn from the journal agree with what the board knew at every step,
which was thought out without them, and every person's wait is counted once.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant

from gateway.statistics.entries import enter
from gateway.statistics.facts import OPEN, Fact
from gateway.statistics.figures import Count, Targets
from gateway.statistics.intervals import Intervals
from gateway.statistics.ledger import Ledger
from routing import events as ev
from routing.engine import decide
from routing.model import Channel, PresenceState, Stage, Work
from tests.support.journalled import Journal
from tests.support.people import People
from tests.support.world import START


class Journalled(People):
    """The same people as the board's own test; what is decided goes into a journal."""

    def __init__(self) -> None:
        super().__init__()
        self.journal = Journal()
        self.arrived: set[str] = set()

    def did(self, event: ev.Event) -> None:
        before = self.board.open_contact(getattr(event, "reference", ""))
        decision = decide(self.board, event, self.now)
        self.known |= self.board.touched.contacts
        self.story.append((event, self.now, decision))
        self.journal.record(self.board, event, decision, self.now)
        if isinstance(event, ev.CallArrived) and not decision.refused:
            taken = self.board.of_call(event.call_id)
            if taken is not None and taken.reference == event.reference and before is None:
                self.arrived.add(event.reference)

    @invariant()
    def who_talks_wraps_up_or_helps_is_as_the_board_has_it(self) -> None:
        expected, drawn = set(), set()
        for contact in self.board.contacts.values():
            if contact.assignment:
                expected.add((contact.reference, "talks", contact.assignment.handler, contact.assignment.since))
            expected |= {(contact.reference, "wraps up", w.handler, w.since) for w in contact.wrap_ups}
            expected |= {
                (contact.reference, "helps", g.handler, g.answered_at)
                for g in contact.guests
                if g.handler and g.answered_at is not None
            }
        for h in self.journal.handlings:
            if h.ended_at is not None:
                continue
            if h.talked_until is not None:
                drawn.add((h.reference, "wraps up", h.handler, h.talked_until))
            else:
                drawn.add((h.reference, "helps" if h.activity == "assist" else "talks", h.handler, h.began_at))
        # The board ends a wrap-up at once when its caller is back for the same handler; the journal says so by the
        # offer, which may come later or to somebody else.
        late = {entry for entry in drawn - expected if entry[1] == "wraps up"}
        assert drawn - late == expected, (drawn - late) ^ expected

    @invariant()
    def who_waits_is_as_the_board_has_it(self) -> None:
        for contact in self.board.contacts.values():
            matter = self.journal.ledger.matters[contact.reference]
            person_waits = contact.wanted and (contact.live or contact.work is Work.MESSAGE)
            heard_by_control_room = matter.control_room
            waiting = matter.wait is not None and matter.wait.outcome == "waiting"
            if person_waits and not heard_by_control_room:
                assert waiting, (contact, matter)
            # Who was cut off and is back waits on, but wants a handler again only after the greeting.
            if waiting and contact.live and contact.overflow is None and contact.stage is not Stage.ARRIVING:
                assert contact.wanted, (contact, matter)
            assert matter.live == contact.live
            assert matter.emergency == contact.emergency
            assert not waiting or (matter.wait and matter.wait.queue == contact.queue), (contact, matter)

    @invariant()
    def every_call_is_counted_once(self) -> None:
        calls = [w for w in self.journal.waits if w.channel is Channel.VOICE and not w.again]
        assert sorted(w.reference for w in calls) == sorted(self.arrived)

    @invariant()
    def the_service_level_is_of_all_but_those_whom_it_may_still_be_kept_for_or_who_left_before_it(self) -> None:
        day = Intervals(START, START + 86_400, "all", ZoneInfo("Europe/London"))
        count = Count("queue", day, Targets({}, {}, default_target=30, default_threshold=20), (), self.now)
        for wait in self.journal.waits:
            count.wait(wait)
        for row in count.figures():
            in_time = row.answered_in_target + row.control_room_in_target
            left_out = row.offered - row.service_level_offered
            assert left_out == row.abandoned_early + row.waiting - row.waiting_past_target
            assert row.service_level == (in_time / row.service_level_offered if row.service_level_offered else None)
            assert in_time <= min(row.answered + row.control_room, row.service_level_offered)

    @invariant()
    def what_is_closed_has_nothing_open(self) -> None:
        known = set(self.board.contacts)
        assert set(self.journal.ledger.matters) == known
        for wait in self.journal.waits:
            assert wait.reference in known or wait.outcome not in OPEN
            assert wait.seconds is None or wait.seconds >= 0
            assert (wait.ended_at is None) == (wait.outcome in OPEN)
        for handling in self.journal.handlings:
            assert handling.reference in known or handling.ended_at is not None

    @invariant()
    def the_first_answer_is_the_boards(self) -> None:
        for contact in self.known.values():
            waited = contact.waited_seconds
            firsts = [w for w in self.journal.waits if w.reference == contact.reference and not w.again]
            # Whoever was taken over in the greeting has never waited.
            answered = [w for w in firsts if w.outcome == "answered" and w.channel is Channel.VOICE and w.began_at]
            if waited is not None and answered and contact.answered_at == contact.wait_over_at:
                assert answered[0].seconds == waited, (contact, answered)

    @invariant()
    def presence_is_as_the_board_has_it(self) -> None:
        expected = {
            (h.id, h.presence.state)
            for h in self.board.handlers.values()
            if h.presence.state is not PresenceState.OFFLINE
        }
        assert {(s.handler, s.state) for s in self.journal.spells if s.ended_at is None} == expected

    def teardown(self) -> None:
        """The same journal gives the same facts."""
        again, facts = Ledger(), dict[str, Fact]()
        for row in self.journal.rows:
            enter(again, row)
            facts |= again.take_changes().facts
        assert facts == self.journal.facts


Journalled.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestJournalled = Journalled.TestCase
