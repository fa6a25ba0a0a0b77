"""The forkserver's main program: a slot comes in as JSON, a call process is forked for it, its number goes out.

One request after the other on a socket that the gateway alone has; it ends when the gateway does. The slot is read
before the fork: what a process needs not do it needs not copy pages for.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from contextlib import suppress
from types import FrameType

from channels.voice import preload, process
from channels.voice.slot import SLOT

LONGEST_REQUEST = 64 * 1024


def serve(gateway: socket.socket) -> None:
    """Until the gateway has gone; a fork that fails ends the forkserver, and the gateway starts another."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, _reap)
    with suppress(ConnectionError):
        while request := gateway.recv(LONGEST_REQUEST):
            slot = SLOT.validate_json(request)
            pid = os.fork()
            if pid == 0:
                gateway.close()  # else the gateway could not see the forkserver end
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                process.main(slot)
            gateway.send(b"%d" % pid)


def _reap(number: int, frame: FrameType | None) -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass  # none is left


if __name__ == "__main__":
    preload.settle()
    serve(socket.socket(fileno=int(sys.argv[1])))
