"""A changed copy of a frozen value, as ``dataclasses.replace`` makes it."""

from __future__ import annotations

import dataclasses

import pytest

from routing.model import Handler
from routing.replacing import replace

ANNA = Handler("anna", "Anna", "fcc", frozenset({"crime"}), "201")


def test_the_copy_has_the_changes_and_the_original_has_not() -> None:
    moved = replace(ANNA, centre="crc", misses=1)

    assert moved == dataclasses.replace(ANNA, centre="crc", misses=1)
    assert (ANNA.centre, ANNA.misses) == ("fcc", 0)


def test_a_field_that_there_is_not_is_refused() -> None:
    with pytest.raises(AttributeError, match="Handler has no center"):
        replace(ANNA, center="crc")  # type: ignore[call-arg]


def test_a_copy_is_frozen_too() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        replace(ANNA, centre="crc").centre = "fcc"  # type: ignore[misc]
