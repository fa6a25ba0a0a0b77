"""Where log lines go."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TextIO, cast


def log_stream() -> TextIO:
    """Standard error, but a line that cannot be written (a full disk, a reader that is gone) is lost and no error:
    there is no place left to say so, and whoever logs may be saving a caller from the very same disk."""
    return cast("TextIO", _Forgiving(sys.stderr))


class _Forgiving:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()
