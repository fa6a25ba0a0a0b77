"""How long one decision takes on a busy day: run with ``python tests/bench/decide.py``.

A thousand handlers of fifty skills in twenty-four combinations, and 100 to 100,000 contacts waiting.
Each event is timed on its own, with everything that follows from it (offers made, alarms, contacts closed). Time is
CPU: a decision waits for nothing, and what else the machine does is not its doing.
``--plot FOLDER`` writes ``decide.svg`` there, as in docs/plots; ``--waiting N`` measures that size alone.
"""

from __future__ import annotations

import argparse
import gc
import math
import os
import platform
import random
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from config.settings import Queue
from gateway.simulate.plots import line_chart
from routing import events as ev
from routing.engine import decide
from routing.model import Channel, Contact, Handler, Party, Presence, PresenceState
from tests.support.world import World, rules

HANDLERS, SKILLS, SKILL_SETS = 1_000, 50, 24
WAITING = (100, 1_000, 10_000, 100_000)
EVENTS = 20_000
AT = 10_000  # so many wait where the targets hold
MEDIAN_MICROSECONDS, P99_MICROSECONDS = 100.0, 1_000.0


class BusyDay:
    """Everybody is busy and the queue stays as long as it is: an arrival for every contact that is taken."""

    def __init__(self, waiting: int) -> None:
        self.chance = random.Random(7)
        self.waiting = waiting
        self.names = [f"skill{n}" for n in range(SKILLS)]
        self.sets = [
            tuple(sorted(self.chance.sample(self.names, self.chance.randint(4, 12)))) for _ in range(SKILL_SETS)
        ]
        self.world = World(rules(self._queues()))
        self.timings: list[float] = []
        self.kinds: dict[str, list[float]] = {}
        self.arrived = 0
        self.on_contact: list[str] = []
        self.ringing: list[str] = []
        self._fill(waiting)

    def _queues(self) -> list[Queue]:
        """A queue for each combination, wanting one or two of its skills."""
        return [
            Queue(
                id=f"q{n}", name=f"Queue {n}", target_seconds=30 + 10 * n, skills=self.chance.sample(skills, 1 + n % 2)
            )
            for n, skills in enumerate(self.sets)
        ]

    def _fill(self, waiting: int) -> None:
        for n in range(HANDLERS):
            skills = frozenset(self.sets[n % SKILL_SETS])
            self._do(
                ev.HandlerSaved(Handler(f"h{n}", f"H {n}", "fcc", skills, extension=f"{2000 + n}"), "program:bench")
            )
            self._do(ev.PresenceChanged(f"h{n}", Presence(PresenceState.AVAILABLE), f"handler:h{n}"))
        while len(self.world.board.lines) < waiting:
            for _ in range(max(10, waiting // 10)):
                self._arrive()
            self._answer_all()
        self.timings.clear()
        self.kinds.clear()

    # --- one thing that happens ----------------------------------------------------------------------

    def run(self, events: int) -> None:
        while len(self.timings) < events:
            roll = self.chance.random()
            if len(self.timings) % 100 == 0:
                self._keep_waiting()
            if roll < 0.50:
                self._finish()
            elif roll < 0.95:
                self._answer()
            else:
                self._do(ev.TimePassed())

    def _keep_waiting(self) -> None:
        for _ in range(self.waiting - len(self.world.board.lines)):
            self._arrive()

    def _arrive(self) -> None:
        self.arrived += 1
        reference, queue = f"C{self.arrived}", f"q{self.chance.randrange(SKILL_SETS)}"
        party = Party(f"+44770{self.arrived:07}")
        if self.chance.random() < 0.6:
            self._do(ev.CallArrived(reference, f"id-{reference}", queue, party, "101"))
            self._do(ev.CallQueued(reference))
        else:
            thread = f"text:{party.address}"
            self._do(ev.MessageArrived(reference, f"m{reference}", Channel.TEXT, queue, party, "61016", thread))
        if self.chance.random() < 0.05:
            self._do(ev.EmergencyRaised(reference, "caller", "pressed 55"))

    def _answer_all(self) -> None:
        while self.ringing:
            self._answer()

    def _answer(self) -> None:
        contact = self._one(self.ringing)
        if contact is None or not contact.offers:
            return
        offer = contact.offers[0]
        if self.chance.random() < 0.15:
            self._do(ev.OfferDeclined(offer.id, offer.reference, offer.handler))
        elif self.chance.random() < 0.03 and contact.live:
            self._do(ev.CallerLeft(offer.reference))
        else:
            self._do(ev.OfferAccepted(offer.id, offer.reference, offer.handler))
            self.on_contact.append(offer.reference)
            self._arrive()

    def _finish(self) -> None:
        contact = self._one(self.on_contact)
        if contact is None or contact.assignment is None:
            return
        handler = contact.assignment.handler
        if contact.calling:
            self._do(ev.FollowUpAnswered(contact.reference, contact.follow_up))
        if contact.live or contact.calling:
            self._do(ev.CallEnded(contact.reference, f"handler:{handler}"))
        self._do(ev.WrapUpCompleted(contact.reference, handler, "resolved"))

    def _one(self, references: list[str]) -> Contact | None:
        """One of these at random, taken out; None when it is closed by now."""
        if not references:
            return None
        n = self.chance.randrange(len(references))
        references[n], references[-1] = references[-1], references[n]
        return self.world.board.open_contact(references.pop())

    def _do(self, event: ev.Event) -> None:
        self.world.now += 0.001
        begin = time.thread_time()
        decision = decide(self.world.board, event, self.world.now)
        took = (time.thread_time() - begin) * 1e6
        assert not decision.refused, decision.refused
        self.timings.append(took)
        self.kinds.setdefault(type(event).__name__, []).append(took)
        self.ringing += [c.offer.reference for c in decision.commands if type(c).__name__ == "MakeOffer"]  # type: ignore[union-attr]
        self.world.board.take_touched()


def main() -> int:
    parser = argparse.ArgumentParser(description="how long one decision takes")
    parser.add_argument("--plot", type=Path, metavar="FOLDER", help="write decide.svg there")
    parser.add_argument("--waiting", type=int, metavar="N", help="only with so many waiting")
    given = parser.parse_args()
    print(f"{cpu_model()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")
    print(f"{HANDLERS} handlers, {SKILLS} skills in {SKILL_SETS} sets; {EVENTS} events each; microseconds per event")
    found = {waiting: measured(waiting) for waiting in ([given.waiting] if given.waiting else WAITING)}
    if given.plot:
        write_plot(found, given.plot)
    return judged(found)


def measured(waiting: int) -> tuple[float, float, float]:
    """Median, 95th and 99th percentile of all events, in microseconds."""
    day = BusyDay(waiting)
    gc.collect()
    gc.freeze()
    day.run(EVENTS)
    gc.unfreeze()
    left = len(day.world.board.lines)
    median, p95, p99 = percentiles(day.timings)
    print(f"{waiting:>7} waiting (at the end {left}): median {median:.1f}  p95 {p95:.1f}  p99 {p99:.1f}", flush=True)
    if waiting == AT:
        for kind, timings in sorted(day.kinds.items()):
            print(f"        {kind:<16} {len(timings):>6} times, median {percentiles(timings)[0]:.1f}")
    return median, p95, p99


def judged(found: dict[int, tuple[float, float, float]]) -> int:
    """The exit code: 0 when every target that was measured is reached."""
    targets = []
    if AT in found:
        median, _, p99 = found[AT]
        targets.append((f"median at {AT:,} below {MEDIAN_MICROSECONDS:.0f}", median < MEDIAN_MICROSECONDS))
        targets.append((f"p99 at {AT:,} below {P99_MICROSECONDS:.0f}", p99 < P99_MICROSECONDS))
    if len(found) > 1:
        fewest, most = min(found), max(found)
        allowed = math.log(most) / math.log(fewest)
        for n, name in ((0, "median"), (2, "p99")):
            grown = found[most][n] / found[fewest][n]
            what = f"{name} from {fewest:,} to {most:,} grows {grown:.2f} times, the logarithm {allowed:.1f} times"
            targets.append((what, grown <= allowed))
    for what, reached in targets:
        print(f"target: {what}: {'reached' if reached else 'MISSED'}")
    return 0 if all(reached for _, reached in targets) else 1


def write_plot(found: dict[int, tuple[float, float, float]], folder: Path) -> None:
    title = f"One decision: {HANDLERS:,} handlers, {SKILLS} skills"
    chart = line_chart(title, "contacts waiting", "microseconds", [f"{waiting:,}" for waiting in found])
    for n, name in enumerate(("median", "p95", "p99")):
        chart.add(name, [round(values[n], 1) for values in found.values()])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "decide.svg").write_bytes(chart.render())


def percentiles(timings: list[float]) -> tuple[float, float, float]:
    """Median, 95th and 99th percentile."""
    if len(timings) < 2:
        return (timings[0],) * 3
    cuts = statistics.quantiles(timings, n=100)
    return cuts[49], cuts[94], cuts[98]


def cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown CPU"


if __name__ == "__main__":
    raise SystemExit(main())
