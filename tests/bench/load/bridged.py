"""Many calls at once, each a caller and a handler who hear each other and are recorded."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from statistics import mean

from routing.model import Handler
from tests.bench.lib import Options, Report
from tests.bench.load import proc
from tests.bench.load.meters import Reading, Span
from tests.bench.load.peers import Dialled, Rtp, speak
from tests.bench.load.sipp import sipp, write_scenarios
from tests.bench.load.site import Site, bridged_calls, site
from tests.channels.voice.edge_peers import HOST, free_ports

FIRST_EXTENSION = 2001
CALLS_A_SECOND = 8
PROBES = 8
SPARE_SLOTS = 4
CONNECT_SECONDS = 40.0
SETTLE_SECONDS = 6.0  # the first RTCP report comes within 5 s (RFC 3550 section 6.2)


async def bridged(options: Options, report: Report) -> None:
    """80 bridged and recorded PCMA calls: lost RTP, CPU and memory of each, and the gateway meanwhile."""
    count, seconds = options.size(80, 12), options.size(30, 6)
    handlers = [(Handler(f"h{n}", f"H {n}", "fcc", extension=str(FIRST_EXTENSION + n)), None) for n in range(count)]
    async with site(slots=count + SPARE_SLOTS, handlers=handlers) as here, AsyncExitStack() as stack:
        write_scenarios(here.directory)
        idle = [proc.pss_megabytes(o.pid) for o in here.processes.call_processes().values()]
        await _seat_handlers(here, stack, count)
        load = await _start_callers(here, stack, count - PROBES, seconds)
        probes = await _start_probes(here, stack)
        talking = await _until_bridged(here, count)
        span, status = await _watch(here, probes, talking, seconds)
        memory = [proc.pss_megabytes(pid) for pid in talking]
        still = len(bridged_calls(here))
        await _hang_up(probes, load)
    report.value(
        f"calls not bridged of {count}, at the start or the end", count - min(len(talking), still), "calls", target=0
    )
    _report_sound(report, probes, span.dropped)
    _report_cost(report, here.gateway.pid, talking, span, memory)
    report.spread("memory of an idle call process (PSS)", idle, "MB")
    report.value("gateway's event loop late, p99", status["lag"]["p99"], "ms")
    report.value("gateway's event loop late, max", status["lag"]["max"], "ms")


async def _seat_handlers(here: Site, stack: AsyncExitStack, count: int) -> None:
    """All phones register from the one port at which SIPp then answers for all of them."""
    port, media = free_ports(2), free_ports(4)
    registrar = await here.peer(port)
    for n in range(count):
        await here.register(registrar, str(FIRST_EXTENSION + n))
    registrar.close()
    await asyncio.sleep(0)  # the socket is closed by the loop's next turn
    scenario = str(here.directory / "handlers.xml")
    await stack.enter_async_context(
        sipp(here.directory, "-sf", scenario, "-p", str(port), "-mp", str(media), "-rtp_echo")
    )


async def _start_callers(here: Site, stack: AsyncExitStack, count: int, seconds: int) -> asyncio.subprocess.Process:
    hold = CONNECT_SECONDS + SETTLE_SECONDS + seconds + 30
    return await stack.enter_async_context(
        sipp(
            here.directory,
            *("-sf", str(here.directory / "callers.xml"), "-p", str(free_ports()), "-mp", "45000"),
            *("-m", str(count), "-r", str(CALLS_A_SECOND), "-d", str(int(1000 * hold))),
            f"{HOST}:{here.settings.edge.port}",
        )
    )


async def _start_probes(here: Site, stack: AsyncExitStack) -> list[tuple[Dialled, Rtp]]:
    """Callers of ours, each counting every packet that comes; what they say comes back from the handler's echo."""
    probes = []
    for _ in range(PROBES):
        rtp = await Rtp.open()
        stack.callback(rtp.close)
        call = await Dialled.start(here, await here.peer(), rtp.port)
        stack.callback(call.peer.close)
        assert call.answer is not None
        rtp.talk_to(call.answer)
        probes.append((call, rtp))
        await asyncio.sleep(1 / CALLS_A_SECOND)
    talking = await stack.enter_async_context(asyncio.TaskGroup())
    stack.callback(talking.create_task(speak([rtp for _, rtp in probes])).cancel)
    return probes


async def _until_bridged(here: Site, count: int) -> list[int]:
    """As many as there are by the deadline: what is missing is a figure."""
    with suppress(TimeoutError):
        async with asyncio.timeout(CONNECT_SECONDS):
            while len(bridged_calls(here)) < count:
                await asyncio.sleep(0.2)
    return bridged_calls(here)


async def _watch(
    here: Site, probes: list[tuple[Dialled, Rtp]], pids: list[int], seconds: float
) -> tuple[Span, dict[str, dict[str, float]]]:
    await asyncio.sleep(SETTLE_SECONDS)
    await here.gateway.status("reset")
    # In a thread: our own reading of hundreds of files must not make the probes late.
    counted = [*pids, here.gateway.pid]
    before = await asyncio.to_thread(Reading.take, counted, here.rtp_ports)
    for _, rtp in probes:
        rtp.count_from_now()
    await asyncio.sleep(seconds)
    for _, rtp in probes:
        rtp.counting = False
    after = await asyncio.to_thread(Reading.take, counted, here.rtp_ports)
    return Span(before, after), await here.gateway.status()


async def _hang_up(probes: list[tuple[Dialled, Rtp]], load: asyncio.subprocess.Process) -> None:
    for call, _ in probes:
        await call.hang_up()
    if load.returncode is not None:
        raise RuntimeError(f"SIPp's callers ended before their time, with {load.returncode}")
    load.kill()


def _report_sound(report: Report, probes: list[tuple[Dialled, Rtp]], dropped: int) -> None:
    ears = [rtp for _, rtp in probes]
    expected = max(1, sum(rtp.expected for rtp in ears))
    told = [rtp.lost_there for rtp in ears if rtp.lost_there is not None]
    report.value("RTP lost on the way to the probes", 100 * sum(r.missing for r in ears) / expected, "%", target=0.1)
    report.value(f"RTP lost on the way from the probes, by {len(told)} RTCP reports", sum(told), "packets")
    report.value("RTP thrown away at all call processes' sockets", dropped, "packets")
    report.value("silent frames where the echo of a tone should be", 100 * sum(r.silent for r in ears) / expected, "%")
    report.spread("longest gap between two packets, each probe", [1000 * r.longest_gap for r in ears], "ms")


def _report_cost(report: Report, gateway: int, calls: list[int], span: Span, memory: list[float]) -> None:
    each = [span.cpu(pid) for pid in calls]
    report.value("CPU of a bridged and recorded call, mean", mean(each), "% of a core", target=0.5)
    report.spread("CPU of a bridged and recorded call", each, "% of a core")
    report.spread("memory of a call process (PSS)", memory, "MB", target=12, at=100)
    report.value("CPU of the gateway", span.cpu(gateway), "% of a core")
    report.value("the whole machine busy", span.machine, "% of a core")
    report.value("stolen by the host", span.stolen, "% of a core")
