"""Starting call processes from a forkserver that has the media stack preloaded."""

from __future__ import annotations

import asyncio
import multiprocessing
import multiprocessing.process
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager

from channels.voice import process
from channels.voice.slot import Slot


class Spawner:
    """Starts one process at a time; a process that was started belongs to nobody but itself."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["channels.voice.preload"])
        self._one_at_a_time = asyncio.Lock()

    async def start(self, slot: Slot) -> int:
        """The process number of a new call process for ``slot``; raises OSError or EOFError.

        In a thread, because the forkserver's own start takes a good part of a second.
        """
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._start, slot)

    def _start(self, slot: Slot) -> int:
        child = self._context.Process(target=process.main, args=(slot,), name=f"call-{slot.number}")
        with _main_module_hidden():
            child.start()
        # multiprocessing would wait at our exit for every child; a talking process must outlive us.
        multiprocessing.process._children.discard(child)  # type: ignore[attr-defined]
        assert child.pid is not None
        return child.pid


@contextmanager
def _main_module_hidden() -> Iterator[None]:
    """Lets a child start without running the gateway's main module again: 0.5 s and 60 MB for each process."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
