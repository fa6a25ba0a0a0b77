"""Where log lines go: a full disk costs lines of the log, never a call or the gateway."""

from __future__ import annotations

from typing import Any, TextIO


class LogLines:
    """A logger for structlog that writes to ``stream``. What cannot be written is lost, and how many lines were is said
    as soon as one can be written again."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._lost = stream, 0

    def __call__(self, *names: Any) -> LogLines:
        """As structlog's ``logger_factory``."""
        return self

    def msg(self, line: str) -> None:
        gap = f'{{"event": "log_lines_lost", "level": "error", "lines": {self._lost}}}\n' if self._lost else ""
        try:
            self._stream.write(f"{gap}{line}\n")
            self._stream.flush()
        except OSError:
            self._lost += 1
        else:
            self._lost = 0

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg
