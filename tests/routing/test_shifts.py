"""Who ought to be there, who is, and who is missing."""

from __future__ import annotations

from routing.model import Handler, Presence, PresenceState
from routing.shifts import Muster, Shift, muster

NOW = 100_000.0
HOUR = 3600.0


def handler(name: str, state: PresenceState) -> Handler:
    return Handler(name, name, "fcc", presence=Presence(state))


def test_on_duty_and_signed_in_are_told_apart() -> None:
    handlers = {
        "amy": handler("amy", PresenceState.AVAILABLE),
        "ben": handler("ben", PresenceState.AWAY),
        "cat": handler("cat", PresenceState.OFFLINE),
        "dan": handler("dan", PresenceState.OFFLINE),
        "eve": handler("eve", PresenceState.AVAILABLE),
        "fay": handler("fay", PresenceState.OFFLINE),
    }
    shifts = [
        Shift(NOW - HOUR, NOW + HOUR, "amy"),
        Shift(NOW - HOUR, NOW + HOUR, "ben"),
        Shift(NOW - HOUR, NOW + HOUR, "cat"),
        Shift(NOW - 60, NOW + HOUR, "dan"),
        Shift(NOW - HOUR, NOW, "fay"),
        Shift(NOW - HOUR, NOW + HOUR, "gone"),
    ]

    found = muster(handlers, shifts, NOW, late=600)

    assert found == Muster(
        expected=("amy", "ben", "cat", "dan"),
        present=("amy", "ben", "eve"),
        missing=("cat",),
        without_shift=("eve",),
    )
