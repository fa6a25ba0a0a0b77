"""The ports of a sandbox: the same ones every time for a person, free ones for a test."""

from __future__ import annotations

import random
import socket
from dataclasses import dataclass
from typing import Self

LOOPBACK = "127.0.0.1"
ENCRYPTED = "127.0.0.2"  # the trunk with SRTP is known by its address
RTP_PORTS_OF_A_SLOT = 16
RELAY_PORTS = 40
# Below the ports that the system gives to clients, so that none of those is in the way by chance.
LOWEST, HIGHEST = 12000, 30000


class NoFreePorts(Exception):
    """Something else listens where the sandbox wants to; the text names the ports."""


@dataclass(frozen=True, slots=True)
class Ports:
    """All on loopback. ``phones``, ``calls``, ``rtp`` and ``relay_rtp`` are the first of several neighbours.

    ``trunk`` is where calls to the public arrive, ``calls`` where call processes speak SIP.
    """

    gateway: int = 8080
    page: int = 8090
    sip: int = 5060
    trunk: int = 5080
    control_rooms: tuple[int, int] = (5091, 5092)
    overflow: int = 5099
    imap: int = 8143
    smtp: int = 8025
    carrier: int = 8085
    second_carrier: int = 8086
    phones: int = 5110
    calls: int = 16000
    rtp: int = 20000
    relay_control: int = 2223
    relay_rtp: int = 40000

    @classmethod
    def free(cls, *, slots: int, phones: int = 10) -> Self:
        """Neighbouring ports that are free now, for UDP and TCP. Raises NoFreePorts."""
        rtp_count = RTP_PORTS_OF_A_SLOT * slots
        count = rtp_count + RELAY_PORTS + slots + phones + 12
        for _ in range(50):
            first = random.randrange(LOWEST, HIGHEST - count, 2)
            if all(_is_free(port) for port in range(first, first + count)):
                break
        else:
            raise NoFreePorts(f"no {count} neighbouring ports are free between {LOWEST} and {HIGHEST}")
        relay = first + rtp_count
        calls = relay + RELAY_PORTS
        handsets = calls + slots
        names = range(handsets + phones, first + count)
        gateway, page, sip, trunk, first_room, second_room, overflow, imap, smtp, carrier, second, control = names
        return cls(
            *(gateway, page, sip, trunk, (first_room, second_room), overflow, imap, smtp, carrier, second),
            *(handsets, calls, first, control, relay),
        )

    def check(self) -> None:
        """Raises NoFreePorts when something listens where the sandbox wants to."""
        single = (self.gateway, self.page, self.sip, self.trunk, *self.control_rooms, self.overflow)
        rest = (self.imap, self.smtp, self.carrier, self.second_carrier, self.relay_control)
        taken = [port for port in (*single, *rest) if not _is_free(port)]
        if taken:
            listed = ", ".join(map(str, taken))
            raise NoFreePorts(f"something uses port {listed} of this machine; is another sandbox running?")


def free_udp_port() -> int:
    """For a telephone that is there for one call."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _is_free(port: int) -> bool:
    """SO_REUSEADDR, as servers set it: a port that only waits out its last connection counts as free."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((LOOPBACK, port))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((LOOPBACK, port))
    except OSError:
        return False
    return True
