"""A simulation's plots, as small SVG files that hold neither scripts nor anything fetched from elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pygal
from pygal.style import Style

from gateway.simulate.measures import Measures, mean
from gateway.simulate.scenario import HOURS, Scenario

COLOURS = ("#00539f", "#c4161c", "#2e8540", "#b06a00", "#6a3d9a", "#444444")
LOOK = Style(background="white", plot_background="white", colors=COLOURS, font_family="sans-serif", title_font_size=18)
SHORT_DAYS = 14
EVERY = (1, 2, 3, 6, 12, 24, 48)  # so that labels stand at hours that people look for
MOST_LABELS = 13


def write_plots(scenario: Scenario, measures: Measures, folder: Path, name: str) -> list[Path]:
    """``NAME-waits.svg`` and ``NAME-handlers.svg`` in this folder, which is made if need be. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    charts = {"waits": _waits(scenario, measures), "handlers": _handlers(scenario, measures)}
    paths = [folder / f"{name}-{what}.svg" for what in charts]
    for path, chart in zip(paths, charts.values(), strict=True):
        path.write_bytes(chart.render())
    return paths


def line_chart(title: str, across: str, up: str, labels: Sequence[str], *, every: int = 1, **more: Any) -> Any:
    """An empty chart with these labels along its foot, of which each ``every``-th is shown."""
    chart = pygal.Line(
        title=title,
        x_title=across,
        y_title=up,
        style=LOOK,
        js=[],
        width=900,
        height=380,
        explicit_size=True,
        show_dots=False,
        legend_at_bottom=True,
        show_minor_x_labels=False,
        x_label_rotation=0,
        truncate_label=-1,  # there is room: most are not shown
        pretty_print=False,
        **more,
    )
    chart.uuid = "plot"  # not by chance: the same figures give the same file
    chart.add_xml_filter(_without_scripts)
    chart.x_labels = labels
    chart.x_labels_major = labels[::every]
    return chart


def _without_scripts(root: Any) -> Any:
    for parent in root.iter():
        for script in [node for node in parent if str(node.tag).endswith("script")]:
            parent.remove(script)
    return root


def _waits(scenario: Scenario, measures: Measures) -> Any:
    """The mean wait of those who came in each hour, in a long scenario each week."""
    short = scenario.days <= SHORT_DAYS
    step = 3600.0 if short else 7 * HOURS * 3600.0
    steps = int((scenario.ends - scenario.begins) // step)
    labels = [_label(scenario, n * step, short) for n in range(steps)]
    every = next((every for every in EVERY if steps <= every * MOST_LABELS), steps)
    chart = line_chart(f"{scenario.name}: mean wait", "hour" if short else "week", "seconds", labels, every=every)
    for (queue, channel), waits in measures.waits.items():
        binned: dict[int, list[float]] = defaultdict(list)
        for began, wait in zip(waits.began, waits.answered, strict=True):
            binned[int((began - scenario.begins) // step)].append(wait)
        chart.add(f"{queue} ({channel})", [round(mean(binned[n]), 1) if binned[n] else None for n in range(steps)])
    return chart


def _label(scenario: Scenario, seconds: float, short: bool) -> str:
    at = datetime.fromtimestamp(scenario.begins + seconds, scenario.zone)
    return f"{at:%a %H:%M}" if short else f"{at:%d %b}"


def _handlers(scenario: Scenario, measures: Measures) -> Any:
    """By the hour of the day: who is signed in, who is busy, how many contacts wait."""
    title = f"{scenario.name}: handlers and waiting contacts, mean by hour of the day"
    chart = line_chart(title, "hour", "number", [f"{hour:02}" for hour in range(HOURS)])

    def by_hour(read: Callable[[Any], int]) -> list[float]:
        binned: dict[int, list[float]] = defaultdict(list)
        for moment in measures.moments:
            binned[datetime.fromtimestamp(moment.at, scenario.zone).hour].append(read(moment))
        return [round(mean(binned[hour]), 2) for hour in range(HOURS)]

    chart.add("handlers signed in", by_hour(lambda moment: moment.signed_in))
    chart.add("handlers busy", by_hour(lambda moment: moment.busy))
    chart.add("contacts waiting", by_hour(lambda moment: moment.waiting))
    return chart
