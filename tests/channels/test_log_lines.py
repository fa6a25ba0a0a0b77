"""A log that cannot be written costs its lines, and nothing else."""

from __future__ import annotations

import errno
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from channels.log_lines import LogLines


class Disk(io.StringIO):
    """``full``: nothing more goes onto it."""

    full = False

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


def test_lines_that_cannot_be_written_are_lost_and_counted() -> None:
    disk = Disk()
    log = structlog.wrap_logger(LogLines(disk), processors=[structlog.processors.JSONRenderer()])
    log.info("before")
    disk.full = True
    log.error("while full")
    log.warning("while full")
    disk.full = False
    log.info("after")
    log.info("later")

    lines = [json.loads(line) for line in disk.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["before", "log_lines_lost", "after", "later"]
    assert lines[1]["lines"] == 2


@pytest.mark.parametrize(
    "configured",
    [
        "from gateway.telemetry import configure_logs; configure_logs('info')",
        "from channels.voice.process import configure_log; configure_log()",
        "from gateway.sandbox.up import _log_to; _log_to(pathlib.Path('/dev/full'))",
    ],
)
def test_the_gateway_a_call_and_the_sandbox_go_on_when_the_disk_of_their_log_is_full(configured: str) -> None:
    program = f"import structlog, pathlib; {configured}; structlog.get_logger().error('a line'); print('goes on')"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=full, text=True, timeout=60, check=False
        )

    assert done.stdout == "goes on\n"
