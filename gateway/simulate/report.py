"""What a simulation found: as data, and as the tables that people read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from gateway.simulate.measures import CentreWork, Emergencies, Measures, Waits, mean, percentile, share
from gateway.simulate.roster import unserved
from gateway.simulate.scenario import Scenario

SHORT, LONG = 10.0, 60.0
Figures = dict[str, Any]


def figures(scenario: Scenario, measures: Measures) -> Figures:
    """Waits in seconds, shares from 0 to 1, None of nobody; the same scenario and seed give the same figures."""
    return {
        "scenario": scenario.name,
        "seed": scenario.seed,
        "days": scenario.days,
        "contacts": measures.contacts,
        "decisions": measures.decisions,
        "left_open": asdict(measures.left_open),
        "warnings": unserved(scenario),
        "queues": [
            {"queue": queue, "channel": str(channel), **_waits(waits)}
            for (queue, channel), waits in measures.waits.items()
        ],
        "emergencies": [
            {"channel": str(channel), **_emergencies(found)} for channel, found in measures.emergencies.items()
        ],
        "centres": [{"centre": name, **_centre(work)} for name, work in measures.centres.items()],
    }


def _waits(waits: Waits) -> Figures:
    answered = len(waits.answered)
    return {
        "target_seconds": waits.target,
        "offered": waits.offered,
        "led_on": waits.led_on,
        "answered": answered,
        "control_room": len(waits.control_room),
        "abandoned": len(waits.abandoned),
        "abandoned_early": waits.abandoned_early,
        "abandoned_share": share(len(waits.abandoned), waits.offered),
        "waiting": len(waits.waiting),
        "service_level": waits.service_level,
        **_spread(waits.answered),
        "under_10": share(sum(wait < SHORT for wait in waits.answered), answered),
        "over_60": share(sum(wait > LONG for wait in waits.answered), answered),
    }


def _emergencies(found: Emergencies) -> Figures:
    return {
        "offered": found.offered,
        "answered": found.answered,
        "control_room": found.control_room,
        "abandoned": found.abandoned,
        **_spread(found.waits),
    }


def _spread(values: Sequence[float]) -> Figures:
    """Of nobody there is no wait."""
    ordered = sorted(values)
    names = ("mean_wait", "median_wait", "p90_wait", "longest_wait")
    if not ordered:
        return dict.fromkeys(names)
    return dict(zip(names, (mean(ordered), percentile(ordered, 50), percentile(ordered, 90), ordered[-1]), strict=True))


def _centre(work: CentreWork) -> Figures:
    return {
        "posts": work.posts,
        "contacts": work.handled,
        "hours_signed_in": work.signed_in / 3600,
        "occupancy": share(work.busy, work.signed_in),
    }


QUEUE_HEADINGS = (
    "QUEUE", "CHANNEL", "OFFERED", "ANSWERED", "CONTROL ROOM", "GAVE UP", "IN TARGET", "TARGET", "MEAN", "MEDIAN",
    "P90", "LONGEST", "< 10 s", "> 60 s",
)  # fmt: skip
CENTRE_HEADINGS = ("CENTRE", "POSTS", "CONTACTS", "HOURS", "BUSY")
EMERGENCY_HEADINGS = (
    "EMERGENCIES", "OFFERED", "HANDLER FIRST", "CONTROL ROOM FIRST", "GAVE UP", "MEAN", "MEDIAN", "P90", "LONGEST",
)  # fmt: skip


def queue_rows(found: Figures) -> list[list[str]]:
    return [
        [
            q["queue"],
            q["channel"],
            f"{q['offered']:,}",
            f"{q['answered']:,}",
            f"{q['control_room']:,}",
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
    counted = ("offered", "answered", "control_room", "abandoned")
    return [[e["channel"], *(f"{e[name]:,}" for name in counted), *_times(e)] for e in found["emergencies"]]


def centre_rows(found: Figures) -> list[list[str]]:
    return [
        [c["centre"], str(c["posts"]), f"{c['contacts']:,}", f"{c['hours_signed_in']:,.0f}", _percent(c["occupancy"])]
        for c in found["centres"]
    ]


LEFT_OPEN = {
    "arriving": "not in a queue yet",
    "waiting": "waiting for an answer",
    "in_hand": "with a handler or the control room",
    "later": "to be called back or looked at again",
}


def title(found: Figures) -> str:
    days = "1 day" if found["days"] == 1 else f"{found['days']:g} days"
    return f"{found['scenario']}: {found['contacts']:,} contacts in {days} (seed {found['seed']})"


def led_on(found: Figures) -> str:
    """Whose wait another queue has, in one sentence; '' where nobody was led on."""
    parts = [f"{q['led_on']:,} from {q['queue']} ({q['channel']})" for q in found["queues"] if q["led_on"]]
    return f"Led on to another queue, which counts them with the whole wait: {', '.join(parts)}." if parts else ""


def left_open(found: Figures) -> str:
    """Who is not done with when the scenario ends, in one sentence."""
    counts = found["left_open"]
    parts = [f"{counts[name]:,} {what}" for name, what in LEFT_OPEN.items() if counts[name]]
    many = sum(counts.values())
    still = "1 contact is" if many == 1 else f"{many:,} contacts are"
    return f"At the end {still} not done with: {', '.join(parts)}." if parts else "At the end everything is done with."


def _times(values: Figures) -> list[str]:
    return [_time(values[name]) for name in ("mean_wait", "median_wait", "p90_wait", "longest_wait")]


def _percent(part: float | None) -> str:
    return "-" if part is None else f"{part:.1%}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds >= 7200:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 120 else f"{seconds:.1f} s"
