"""The whole product at the size that was promised, and how far it goes beyond."""

from __future__ import annotations

from tests.bench.lib import Options, Report
from tests.bench.load.crowd import EARS, TALKING, WAITING, Crowd, Watched, crowd, people
from tests.bench.load.site import site

SPARE_SLOTS = 5
MOST_LOST = 0.1
STEP_SECONDS = 15


async def full(options: Options, report: Report) -> None:
    """150 calls: two of three bridged and recorded, the others waiting with music; ten minutes."""
    count = options.calls or options.size(150, 15)
    seconds = options.seconds or options.size(600, 10)
    talking = 2 * count // 3
    async with site(slots=count + SPARE_SLOTS, handlers=people(talking)) as here, crowd(here) as load:
        await load.seat_handlers(talking)
        await load.call(talking, TALKING)
        await load.until_bridged(talking)
        await load.call(count - talking, WAITING)
        watched = await load.watch(seconds)
        await load.leave()
    what = f"{talking} bridged and {count - talking} waiting calls, {seconds} s"
    report.value(f"{what}: calls that were not there at the end", count - watched.calls, "calls", target=0)
    report.value("of them not bridged", talking - watched.bridged, "calls", target=0)
    _report_sound(report, watched)
    _report_machine(report, watched)


def _report_sound(report: Report, watched: Watched) -> None:
    for name, heard in zip(EARS, watched.heard, strict=True):
        report.value(f"RTP lost on the way to {heard.legs} {name}", heard.percent, "%", target=MOST_LOST)
        report.value("the worst of these legs", heard.worst, "%")
        report.value(
            f"RTP lost on the way from {name}, by {heard.reports} RTCP reports",
            heard.percent_there,
            "%",
            target=MOST_LOST,
        )
        report.value("packets fewer than fifty a second make", heard.late, f"of {heard.expected}")
    report.value("RTP thrown away at the call processes' sockets", watched.span.dropped, "packets")


def _report_machine(report: Report, watched: Watched) -> None:
    report.value("gateway's event loop late, p50", watched.lag["p50"], "ms")
    report.value("gateway's event loop late, p99", watched.lag["p99"], "ms", target=20)
    report.value("gateway's event loop late, max", watched.lag["max"], "ms")
    for name, share in watched.shares.items():
        report.value(f"CPU of {name}", share, "% of a core")
    report.value("CPU of one call process, mean", watched.shares["call processes"] / watched.calls, "% of a core")
    report.value("the whole machine busy", watched.span.machine, "% of a core")
    report.value("stolen by the host", watched.span.stolen, "% of a core")
    for name, megabytes in watched.memory.items():
        report.value(f"memory of {name} (PSS)", megabytes, "MB")


async def ceiling(options: Options, report: Report) -> None:
    """More and more bridged and recorded calls, until too much sound is lost."""
    most, first, step = options.calls or options.size(300, 20), options.size(80, 10), options.size(20, 5)
    seconds = options.seconds or options.size(STEP_SECONDS, 5)
    good = 0
    async with site(slots=most + SPARE_SLOTS, handlers=people(most)) as here, crowd(here) as load:
        for count in range(first, most + 1, step):
            watched = await _step(load, most, count, count - (good or 0), seconds)
            _report_step(report, count, watched)
            if watched.bridged < count or watched.loss > MOST_LOST:
                break
            good = count
        await load.leave()
    report.value(f"bridged and recorded calls with at most {MOST_LOST:g} % lost", good, "calls")


async def _step(load: Crowd, handlers: int, count: int, more: int, seconds: int) -> Watched:
    await load.seat_handlers(handlers)  # again at each step: registrations last a minute
    await load.call(more, TALKING)
    await load.until_bridged(count)
    return await load.watch(seconds)


def _report_step(report: Report, count: int, watched: Watched) -> None:
    talking, handlers, _ = watched.heard
    shares = watched.shares
    report.value(f"{count} calls: not bridged", count - watched.bridged, "calls")
    report.value(f"{count} calls: RTP lost to callers", talking.percent, "%")
    report.value(f"{count} calls: RTP lost to handlers", handlers.percent, "%")
    report.value(f"{count} calls: RTP lost on the way in, by RTCP", watched.loss_in, "%")
    report.value(f"{count} calls: packets late or never sent", talking.late + handlers.late, "packets")
    report.value(f"{count} calls: machine busy", watched.span.machine, "% of a core")
    report.value(f"{count} calls: of it the call processes", shares["call processes"], "% of a core")
    report.value(f"{count} calls: of it gateway and Kamailio", shares["gateway"] + shares["Kamailio"], "% of a core")
    report.value(f"{count} calls: of it this load itself", shares["this load itself"], "% of a core")
    report.value(f"{count} calls: stolen by the host", watched.span.stolen, "% of a core")
    report.value(f"{count} calls: gateway's event loop late, p99", watched.lag["p99"], "ms")
