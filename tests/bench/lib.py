"""What every benchmark says in the same way: the machine, the figures against their targets, and the JSON file."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import math
import os
import platform
import signal
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog


@dataclass(frozen=True, slots=True)
class Options:
    """``quick``: small sizes, to see that it works. ``only``: the names to measure, all when empty.

    ``calls``, ``seconds`` and ``rate`` (a second) replace a measurement's own sizes where they are given.
    """

    quick: bool
    repeat: int
    only: tuple[str, ...]
    out: Path | None
    calls: int | None = None
    seconds: int | None = None
    rate: float | None = None

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full


def read_options(what: str, names: Sequence[str] = ()) -> Options:
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works; no figures to quote")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="do everything N times")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there too")
    parser.add_argument("--calls", type=int, metavar="N", help="so many calls instead of the measurement's own number")
    parser.add_argument("--seconds", type=int, metavar="N", help="so long instead of the measurement's own time")
    parser.add_argument("--rate", type=float, metavar="R", help="so many calls a second")
    parser.add_argument("only", nargs="*", choices=[*names, []], help="measure only these")
    given = parser.parse_args()
    return Options(given.quick, given.repeat, tuple(given.only), given.json, given.calls, given.seconds, given.rate)


def run(measurement: Coroutine[Any, Any, None]) -> None:
    """To its end, or until SIGTERM or Ctrl-C: then too, what it started is stopped."""

    async def stoppable() -> None:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await measurement

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        asyncio.run(stoppable())
    except asyncio.CancelledError:
        raise SystemExit("stopped before its end") from None


def percentile(values: Sequence[float], percent: float) -> float:
    """By nearest rank: a value that was really measured, never one in between. NaN for no values."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


@dataclass(slots=True)
class Report:
    """Prints each figure as it is known, and keeps them for the JSON file."""

    title: str
    quick: bool = False
    figures: list[dict[str, Any]] = field(default_factory=list)
    machine: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.machine = machine()
        print(f"{self.title}{' (quick: sizes too small to quote)' if self.quick else ''}", flush=True)
        print("; ".join(f"{name} {value}" for name, value in self.machine.items()), flush=True)

    def spread(
        self, what: str, values: Sequence[float], unit: str, *, target: float = math.inf, at: float = 95
    ) -> None:
        """Median, p95, p99 and maximum; the target is held against percentile ``at``."""
        shown = {f"p{p:g}": round(percentile(values, p), 3) for p in (50, 95, 99)} | {
            "max": round(max(values, default=math.nan), 3),
            "count": len(values),
        }
        self._add(what, shown, unit, target, percentile(values, at), f"p{at:g}")

    def value(self, what: str, value: float, unit: str, *, target: float = math.inf) -> None:
        """One number; reached when it is not above the target."""
        self._add(what, {"value": round(value, 4)}, unit, target, value, "value")

    def _add(self, what: str, shown: dict[str, float], unit: str, target: float, judged: float, judged_as: str) -> None:
        entry: dict[str, Any] = {"what": what, "unit": unit, **shown}
        words = "  ".join(f"{name} {number:g}" for name, number in shown.items() if name != "value")
        line = f"  {what}: {words or format(shown['value'], 'g')} {unit}"
        if target != math.inf:
            entry |= {"target": target, "judged": judged_as, "reached": judged <= target}
            line += f"   [target {judged_as} <= {target:g}: {'reached' if entry['reached'] else 'MISSED'}]"
        self.figures.append(entry)
        print(line, flush=True)

    def finish(self, out: Path | None) -> int:
        """The exit code: 0 when every target was reached."""
        missed = [figure["what"] for figure in self.figures if not figure.get("reached", True)]
        print(f"load at the end: {load_average()}; " + (f"MISSED: {', '.join(missed)}" if missed else "all reached"))
        if out:
            when = datetime.now(UTC).isoformat(timespec="seconds")
            body = {"title": self.title, "when": when, "machine": self.machine, "figures": self.figures}
            out.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
        return 1 if missed else 0


def machine() -> dict[str, str]:
    return {
        "CPU": _cpu_model(),
        "cores": str(os.cpu_count()),
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "load before": load_average(),
    }


def load_average() -> str:
    return Path("/proc/loadavg").read_text(encoding="ascii").split()[0]


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
