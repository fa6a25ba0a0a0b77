"""What is written as text comes back as it was, and always as the same text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.store.documents import CONTACT, FOLLOW_UP, HANDLER, KINDS, dump, load_change, storable
from routing.model import Contact, FollowUp, Handler

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@pytest.fixture(scope="module", autouse=True)
def plain_values() -> None:
    """No lone surrogates and no NaN: neither comes from a clock or out of a database."""
    st.register_type_strategy(str, TEXT)
    st.register_type_strategy(float, NUMBERS)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_event_and_command_comes_back_as_it_was(kind: str) -> None:
    @settings(max_examples=15, deadline=None, database=None, derandomize=True)
    @given(st.from_type(KINDS[kind]))
    def comes_back(change: Any) -> None:
        assert load_change(kind, dump(change)) == change

    comes_back()


@pytest.mark.parametrize(("kind", "adapter"), [(Contact, CONTACT), (Handler, HANDLER), (FollowUp, FOLLOW_UP)])
def test_what_the_board_is_built_of_comes_back_as_it_was(kind: Any, adapter: Any) -> None:
    @settings(max_examples=50, deadline=None, database=None, derandomize=True)
    @given(st.from_type(kind))
    def comes_back(value: Any) -> None:
        assert adapter.validate_json(dump(value)) == value

    comes_back()


def test_equal_values_give_the_same_text() -> None:
    one = Handler("a", "A", "fcc", frozenset(["x", "y", "z", "crime", "welsh"]))
    two = Handler("a", "A", "fcc", frozenset(["welsh", "crime", "z", "y", "x"]))
    assert dump(one) == dump(two)


def test_half_characters_are_replaced_and_all_else_is_kept() -> None:
    handler = Handler("a", "caf\udce9 \x00 👮", "fcc", frozenset(["welsh", "crime"]))
    assert HANDLER.validate_json(dump(handler)) == replace(handler, name="caf? \x00 👮")


def test_what_no_database_takes_is_replaced_and_nothing_else() -> None:
    assert storable("Zoë 👮 \n\t") == "Zoë 👮 \n\t"
    assert storable("a\x00b") == "a�b"
    assert storable(b"caf\xe9".decode("ascii", "surrogateescape")) == "caf?"


def test_a_contact_stored_before_calls_had_guests_still_loads() -> None:
    stored = (
        '{"reference":"C1","channel":"voice","queue":"general","party":{"address":"+441632960001"},'
        '"our_address":"101","received_at":1.0,"due_at":2.0,"wrap_ups":[{"handler":"anna","since":1.0}]}'
    )
    contact = CONTACT.validate_json(stored)
    assert contact.safety == "normal" and not contact.guests and contact.wrap_ups[0].until == 0.0
