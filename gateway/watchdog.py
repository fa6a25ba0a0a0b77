"""Tells systemd that we are ready and still alive (sd_notify(3)); does nothing where systemd did not start us.

A gateway that hangs is killed and started again by systemd; its calls go on meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import socket


async def report_alive() -> None:
    """Runs until cancelled: ready now, and alive twice in each watchdog interval."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    interval = int(os.environ.get("WATCHDOG_USEC", "0")) / 2_000_000
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.setblocking(False)
        notify.connect("\0" + address[1:] if address.startswith("@") else address)
        notify.send(b"READY=1")
        while interval:
            notify.send(b"WATCHDOG=1")
            await asyncio.sleep(interval)
