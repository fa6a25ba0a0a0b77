"""Starting call processes from a forkserver that has the media stack preloaded."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import ClassVar, Self

from channels.voice.slot import SLOT, Slot

LONGEST_ANSWER = 64


@dataclass(frozen=True, slots=True)
class _Forkserver:
    process: subprocess.Popen[bytes]
    link: socket.socket

    @classmethod
    def launch(cls) -> Self:
        """Packets keep requests and answers apart. It imports what is installed, whatever lies in our directory."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            command = [sys.executable, "-P", "-m", "channels.voice.forkserver", str(theirs.fileno())]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
        return cls(process, ours)

    @property
    def lives(self) -> bool:
        return self.process.poll() is None and self.link.fileno() >= 0


class Spawner:
    """Starts one process at a time; a process that was started belongs to nobody but itself.

    The forkserver is shared by all, and ends with the program.
    """

    _forkserver: ClassVar[_Forkserver | None] = None

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()

    async def start(self, slot: Slot) -> int:
        """The process number of a new call process for ``slot``; raises OSError or EOFError."""
        async with self._one_at_a_time:
            if self._forkserver is None or not self._forkserver.lives:
                Spawner._forkserver = await asyncio.to_thread(_Forkserver.launch)
            assert self._forkserver is not None
            return await _ask(self._forkserver, slot)


async def _ask(forkserver: _Forkserver, slot: Slot) -> int:
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_sendall(forkserver.link, SLOT.dump_json(slot))
        answer = await loop.sock_recv(forkserver.link, LONGEST_ANSWER)
        if not answer:
            raise EOFError("the forkserver has died")
    except BaseException:  # also when cancelled: the answer that is still to come would be taken for the next one's
        forkserver.link.close()
        raise
    return int(answer)
