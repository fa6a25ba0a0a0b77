"""What a simulation found: as data, and as the tables that people read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.simulate.measures import CentreWork, Measures, Waits, mean, percentile, share
from gateway.simulate.roster import unserved
from gateway.simulate.scenario import Scenario

SHORT, LONG = 10.0, 60.0
Figures = dict[str, Any]


def figures(scenario: Scenario, measures: Measures) -> Figures:
    """Waits in seconds, shares from 0 to 1; the same scenario and seed give the same figures."""
    return {
        "scenario": scenario.name,
        "seed": scenario.seed,
        "days": scenario.days,
        "contacts": measures.contacts,
        "decisions": measures.decisions,
        "left_open": measures.left_open,
        "warnings": unserved(scenario),
        "queues": [
            {"queue": queue, "channel": str(channel), **_waits(waits)}
            for (queue, channel), waits in measures.waits.items()
        ],
        "emergencies": [
            {"channel": str(channel), "answered": len(waits), **_spread(waits)}
            for channel, waits in measures.emergencies.items()
        ],
        "centres": [{"centre": name, **_centre(work)} for name, work in measures.centres.items()],
    }


def _waits(waits: Waits) -> Figures:
    answered = len(waits.answered)
    return {
        "target_seconds": waits.target,
        "offered": waits.offered,
        "answered": answered,
        "abandoned": len(waits.abandoned),
        "abandoned_share": share(len(waits.abandoned), waits.offered),
        "abandoned_late": waits.abandoned_late,
        "service_level": waits.within_target,
        **_spread(waits.answered),
        "under_10": share(sum(wait < SHORT for wait in waits.answered), answered),
        "over_60": share(sum(wait > LONG for wait in waits.answered), answered),
    }


def _spread(values: Iterable[float]) -> Figures:
    ordered = sorted(values)
    return {
        "mean_wait": mean(ordered),
        "median_wait": percentile(ordered, 50),
        "p90_wait": percentile(ordered, 90),
        "longest_wait": ordered[-1] if ordered else 0.0,
    }


def _centre(work: CentreWork) -> Figures:
    return {
        "posts": work.posts,
        "contacts": work.handled,
        "hours_signed_in": work.signed_in / 3600,
        "occupancy": share(work.busy, work.signed_in),
    }


QUEUE_HEADINGS = (
    "QUEUE", "CHANNEL", "OFFERED", "ANSWERED", "GAVE UP", "IN TARGET", "TARGET", "MEAN", "MEDIAN", "P90", "LONGEST",
    "< 10 s", "> 60 s",
)  # fmt: skip
CENTRE_HEADINGS = ("CENTRE", "POSTS", "CONTACTS", "HOURS", "BUSY")
EMERGENCY_HEADINGS = ("EMERGENCIES", "ANSWERED", "MEAN", "MEDIAN", "P90", "LONGEST")


def queue_rows(found: Figures) -> list[list[str]]:
    return [
        [
            q["queue"],
            q["channel"],
            f"{q['offered']:,}",
            f"{q['answered']:,}",
            _percent(q["abandoned_share"]),
            _percent(q["service_level"]),
            _time(q["target_seconds"]),
            *_times(q),
            _percent(q["under_10"]),
            _percent(q["over_60"]),
        ]
        for q in found["queues"]
    ]


def emergency_rows(found: Figures) -> list[list[str]]:
    return [[e["channel"], f"{e['answered']:,}", *_times(e)] for e in found["emergencies"]]


def centre_rows(found: Figures) -> list[list[str]]:
    return [
        [c["centre"], str(c["posts"]), f"{c['contacts']:,}", f"{c['hours_signed_in']:,.0f}", _percent(c["occupancy"])]
        for c in found["centres"]
    ]


def _times(values: Figures) -> list[str]:
    return [_time(values[name]) for name in ("mean_wait", "median_wait", "p90_wait", "longest_wait")]


def _percent(part: float) -> str:
    return f"{part:.1%}"


def _time(seconds: float) -> str:
    if seconds >= 7200:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 120 else f"{seconds:.1f} s"
