"""What is due next, and in which order it leaves."""

from __future__ import annotations

import math
from dataclasses import replace

from gateway.outbox.queue import Queue
from gateway.store.records import OutboxItem


def item(message: str, reference: str = "T1", at: float = 0.0, channel: str = "text") -> OutboxItem:
    return OutboxItem(message, reference, channel, next_at=at)


def queue(*items: OutboxItem, emergencies: frozenset[str] = frozenset()) -> Queue:
    filled = Queue(emergencies.__contains__)
    for one in items:
        filled.put(one)
    return filled


def taken(full: Queue, now: float = 0.0) -> list[str]:
    """Everything that is due, each line with its turn over at once."""
    names = list[str]()
    while row := full.take(now):
        names += [one.message for one in row]
        for one in row:
            full.done(one)
        full.turn_over(row[0])
    return names


def test_what_waits_for_a_contact_goes_together_in_the_order_in_which_it_was_written() -> None:
    full = queue(item("a", at=5), item("b", at=1), item("x", "T2", at=2))
    assert taken(full, now=0.9) == []
    assert full.next_at() == 1
    assert taken(full, now=1) == ["a", "b"]
    assert taken(full, now=2) == ["x"]
    assert len(full) == 0


def test_of_what_is_due_at_one_moment_emergencies_go_first() -> None:
    full = queue(item("a"), item("b", "T2"), item("c", "T3"), emergencies=frozenset({"T3"}))
    assert taken(full) == ["c", "a", "b"]


def test_a_contact_whose_turn_is_not_over_waits_and_one_way_does_not_wait_for_another() -> None:
    full = queue(item("a"))
    (out,) = full.take(0)
    full.put(item("b"))
    full.put(item("m", channel="email"))
    assert [one.message for one in full.take(0)] == ["m"]
    assert full.take(0) == []
    full.done(out)
    full.turn_over(out)
    assert [one.message for one in full.take(0)] == ["b"]


def test_what_is_out_is_not_put_beside_itself() -> None:
    full = queue(item("a"))
    (out,) = full.take(0)
    full.put(out)
    full.done(out)
    full.turn_over(out)
    assert taken(full) == [] and len(full) == 0


def test_what_comes_back_goes_before_what_was_written_after_it() -> None:
    full = queue(item("a"), item("b"))
    first, second = full.take(0)
    full.put_back(replace(first, next_at=9.0))
    full.put_back(replace(second, next_at=full.first(second).next_at))
    full.turn_over(first)
    assert taken(full, now=8) == []
    assert taken(full, now=9) == ["a", "b"]


def test_what_waits_for_its_way_out_is_due_with_all_behind_it_when_that_is_back() -> None:
    full = queue(item("a", at=math.inf), item("b", at=math.inf), item("x", "T2", at=math.inf))
    assert full.next_at() is None
    full.due_now(["a", "gone"], now=3)
    assert taken(full, now=3) == ["a", "b"]


def test_a_rest_holds_all_of_its_carrier_until_it_is_over() -> None:
    full = queue(item("a"), item("m", "T2", channel="email"))
    full.rest("text", 7)
    full.rest("text", 5)
    assert taken(full, now=6.9) == ["m"]
    assert full.next_at() == 7
    assert taken(full, now=7) == ["a"]


def test_what_was_taken_when_the_rest_began_is_due_when_it_is_over() -> None:
    full = queue(item("a"))
    (out,) = full.take(0)
    full.rest("text", 7)
    assert full.rests(out, now=6) and not full.rests(out, now=7)
    full.put_back(out)
    full.turn_over(out)
    assert taken(full, now=6) == []
    assert full.next_at() == 7
    assert taken(full, now=7) == ["a"]


def test_what_was_left_goes_before_what_came_meanwhile() -> None:
    full = queue(item("b"), item("c"))
    full.put_first([item("a"), item("b")])
    assert taken(full) == ["a", "b", "c"]
