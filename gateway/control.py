"""The control socket: the same API for the people on this machine, without a password.

Only the gateway's own user and root can open it; what they do is recorded as ``local:<user>``.
"""

from __future__ import annotations

import os
import pwd
import socket
import struct
from pathlib import Path

from aiohttp import web

LONGEST_PATH = 107  # sun_path of unix(7), without its closing zero
PEER = struct.Struct("3i")


class AlreadyRunning(Exception):
    """Another gateway runs here."""


def control_path(run_dir: Path) -> Path:
    return run_dir / "control.sock"


async def open_control(runner: web.AppRunner, path: Path) -> web.SockSite:
    """Serve ``runner``'s application at ``path`` too, mode 0600. Raises AlreadyRunning, OSError."""
    site = web.SockSite(runner, _listen(path))
    await site.start()
    return site


def local_user(request: web.Request) -> str | None:
    """The user at the other end of the control socket, as the kernel says; None on any other connection."""
    connection = request.transport.get_extra_info("socket") if request.transport else None
    if connection is None or connection.family != socket.AF_UNIX:
        return None
    _, user, _ = PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size))
    if user not in (0, os.getuid()):
        return None
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def is_served(path: Path) -> bool:
    """Whether somebody answers at the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True


def _listen(path: Path) -> socket.socket:
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise OSError(f"{path} is too long for a socket; set gateway.run_dir to a shorter path")
    path.parent.mkdir(parents=True, exist_ok=True)
    if is_served(path):
        raise AlreadyRunning(f"another gateway is running: it answers at {path}")
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Before bind, so that the file never exists with a wider mode.
        os.fchmod(listener.fileno(), 0o600)
        listener.bind(str(path))
    except OSError:
        listener.close()
        raise
    return listener
