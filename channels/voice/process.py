"""Entry point of a call process: it belongs to itself, outlives the gateway, and ends with its one call."""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
from types import FrameType
from typing import NoReturn

import structlog

from channels.log_lines import LogLines
from channels.voice.slot import Slot


def main(slot: Slot) -> NoReturn:
    """Serves one call in ``slot``. Never returns, and never runs an interpreter's normal exit."""
    code = 1
    try:
        _stand_alone(slot)
        code = _serve(slot)
    except BaseException:  # noqa: BLE001 -- the exit below would hide it
        traceback.print_exc()
    finally:
        slot.file.unlink(missing_ok=True)
        os._exit(code)


def _stand_alone(slot: Slot) -> None:
    """Own session, own log, no signal of the gateway's terminal, no collector in the media stack's threads.

    No share in the priority that the gateway may have, either: deciding comes before every single call."""
    gc.disable()
    os.setpriority(os.PRIO_PROCESS, 0, max(0, os.getpriority(os.PRIO_PROCESS, 0)))
    os.setsid()
    os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    # The media stack prints to stdout; stderr takes our log and its assertions, and must never block.
    quiet = os.open(os.devnull, os.O_WRONLY)
    own_log = os.open(slot.log_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    os.dup2(quiet, 1)
    os.dup2(own_log, 2)
    os.close(quiet)
    os.close(own_log)
    if not structlog.is_configured():  # the forkserver has done it for all
        configure_log()


def configure_log() -> None:
    """JSON lines to stderr, wherever that leads by then."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=LogLines(sys.stderr),
    )


def _serve(slot: Slot) -> int:
    # The gateway imports this module to name its entry point, and must not load the media stack for that.
    from channels.voice.agent import CallAgent

    agent = CallAgent(slot)

    def on_terminate(number: int, frame: FrameType | None) -> None:
        agent.terminated = True

    signal.signal(signal.SIGTERM, on_terminate)
    return agent.run()
