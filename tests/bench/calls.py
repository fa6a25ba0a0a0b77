"""How fast and how steadily calls go: run with ``python tests/bench/calls.py [--quick] [NAME ...]``.

Without a name everything is measured but the long ones, which take up to twenty minutes each.

A real SIP edge, real call processes, the real gateway with its database synced to disk; raw SIP and RTP peers on
loopback, and SIPp for the load. What each figure runs from and to stands in docs/performance.md.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.lib import Options, Report, read_options, run
from tests.bench.load.bridged import bridged
from tests.bench.load.failover import failover
from tests.bench.load.full import ceiling, full
from tests.bench.load.setup import control_room, offers, ringing
from tests.bench.load.soak import soak
from tests.bench.load.transfer import transfer
from tests.bench.load.turnover import turnover

Measurement = Callable[[Options, Report], Awaitable[None]]
MEASUREMENTS: dict[str, Measurement] = {
    "ringing": ringing,
    "offers": offers,
    "control-room": control_room,
    "bridged": bridged,
    "turnover": turnover,
    "transfer": transfer,
    "failover": failover,
}
LONG: dict[str, Measurement] = {"full": full, "ceiling": ceiling, "soak": soak}


async def measure(options: Options, report: Report) -> None:
    for _ in range(options.repeat):
        for name in options.only or MEASUREMENTS:
            await (MEASUREMENTS | LONG)[name](options, report)


def main() -> int:
    options = read_options("Measure the gateway's calls.", (*MEASUREMENTS, *LONG))
    report = Report("Calls", options.quick)
    run(measure(options, report))
    return report.finish(options.out)


if __name__ == "__main__":
    raise SystemExit(main())
