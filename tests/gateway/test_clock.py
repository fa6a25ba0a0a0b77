"""The clock of the board: whatever is done to the machine's, what is due becomes due."""

from __future__ import annotations

from gateway.clock import Steady


class Machine:
    """A machine's two clocks: one is set by people, the other only runs."""

    def __init__(self) -> None:
        self.wall, self.passed = 1_000_000.0, 50.0

    def run(self, seconds: float) -> None:
        self.wall, self.passed = self.wall + seconds, self.passed + seconds

    def steady(self) -> Steady:
        return Steady(lambda: self.wall, lambda: self.passed)


def test_it_is_the_machines_clock() -> None:
    machine = Machine()
    clock = machine.steady()
    machine.run(60)
    assert clock() == machine.wall and clock.wrong() == ""


def test_when_the_machines_clock_is_set_back_it_goes_on_slower_and_says_so_until_it_is_true_again() -> None:
    machine = Machine()
    clock = machine.steady()
    due = clock() + 60

    # when
    machine.wall -= 3600
    assert clock() == due - 60
    assert "set back" in clock.wrong() and "3600 s" in clock.wrong()

    # then what is due in a minute is due soon
    machine.run(67)
    assert clock() >= due
    machine.run(10 * 3600)
    assert clock() == machine.wall and clock.wrong() == ""


def test_when_the_machines_clock_is_set_forward_it_follows() -> None:
    machine = Machine()
    clock = machine.steady()
    machine.wall += 3600
    assert clock() == machine.wall
