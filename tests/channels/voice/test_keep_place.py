"""When the emergency digits count while a caller keys a number."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from channels.voice.keep_place import ASKED, OFFERED, KeepPlace


@pytest.mark.parametrize(
    ("part", "typed", "keying"),
    [
        (OFFERED, "", False),
        (ASKED, "", False),
        (ASKED, "5", False),
        (ASKED, "077009", True),
        (ASKED, "0770095", True),
        ("", "077009", False),
    ],
)
def test_two_fives_are_part_of_a_number_only_in_its_middle(part: str, typed: str, keying: bool) -> None:
    scene = SimpleNamespace(settings=SimpleNamespace(voice=SimpleNamespace(emergency_digits="55")))
    keep_place = KeepPlace(cast(Any, scene))
    keep_place.part, keep_place._typed = part, typed
    assert keep_place.keying is keying
