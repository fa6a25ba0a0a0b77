"""How long one look at the queues takes, every three seconds: ``python tests/bench/queues.py [--quick]``.

The crowd of ``decide.py``: a thousand handlers, twenty-four queues, and so many who wait. First everybody is there and
busy; then all have signed out, which every queue is alarmed for. Time is CPU of the thread that decides.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from config.alarms import QueueAlarms
from routing import events as ev
from routing.attention import troubles
from routing.model import Presence, PresenceState
from tests.bench.decide import BusyDay
from tests.bench.lib import Options, Report, read_options

WAITING = (100, 1_000, 10_000, 100_000)
LIMITS = QueueAlarms(
    caller_seconds=0, message_share=0.25, open_minutes=2, overdue_times=3, again_minutes=30, settled_seconds=30
)
TARGET = 5.0  # milliseconds: as much as a call may wait for without anybody noticing


def measure(options: Options, report: Report) -> None:
    for waiting in WAITING[: options.size(len(WAITING), 2)]:
        day = BusyDay(waiting)
        _looks(day, f"{waiting:,} waiting, everybody there", options, report)
        for name in list(day.world.board.handlers):
            day.world.did(ev.PresenceChanged(name, Presence(PresenceState.OFFLINE), f"handler:{name}"))
        _looks(day, f"{waiting:,} waiting, nobody there", options, report)


def _looks(day: BusyDay, what: str, options: Options, report: Report) -> None:
    timings = []
    for _ in range(options.size(200, 20)):
        day.world.now += 3.0
        began = time.thread_time()
        found = troubles(day.world.board, day.world.now, LIMITS, {})
        timings.append(1000 * (time.thread_time() - began))
    report.spread(f"{what}: one look, which finds {len(found)}", timings, "ms", target=TARGET)


def main() -> int:
    options = read_options("Measure how long one look at the queues takes.")
    report = Report("Queues", options.quick)
    for _ in range(options.repeat):
        measure(options, report)
    return report.finish(options.out)


if __name__ == "__main__":
    raise SystemExit(main())
