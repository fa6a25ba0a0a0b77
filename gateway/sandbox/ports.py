"""The ports of a sandbox: the same ones every time for a person, free ones for a test."""

from __future__ import annotations

import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from gateway.sandbox.holders import holder

LOOPBACK = "127.0.0.1"
ENCRYPTED = "127.0.0.2"  # the trunk with SRTP is known by its address
RTP_PORTS_OF_A_SLOT = 16
RELAY_PORTS = 40
PHONES = 10
SINGLES = 12  # those of Ports that are one port each
BLOCK = 200  # what one person's sandbox takes at most, so that none overlaps another
BLOCKS = range(18000, 30000, BLOCK)
# Below the ports that the system gives to clients, so that none of those is in the way by chance.
LOWEST, HIGHEST = 12000, 30000


class NoFreePorts(Exception):
    """Something else listens where the sandbox wants to; the text names the ports, and who holds them."""


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
    def block(cls, first: int, *, slots: int, phones: int = PHONES) -> Self:
        """Neighbouring ports, from ``first`` on, which is even; ``block_size`` of them."""
        gateway, page, sip, trunk, room, second_room, *rest = range(first, first + SINGLES)
        overflow, imap, smtp, carrier, second_carrier, relay_control = rest
        rtp = first + SINGLES  # even, as RTP wants it
        relay_rtp = rtp + RTP_PORTS_OF_A_SLOT * slots
        calls = relay_rtp + RELAY_PORTS
        return cls(
            *(gateway, page, sip, trunk, (room, second_room), overflow, imap, smtp, carrier, second_carrier),
            *(calls + slots, calls, rtp, relay_control, relay_rtp),
        )

    @classmethod
    def free(cls, *, slots: int, phones: int = PHONES) -> Self:
        """A block that is free now, for UDP and TCP. Raises NoFreePorts."""
        count = block_size(slots, phones)
        for _ in range(50):
            first = random.randrange(LOWEST, HIGHEST - count, 2)
            if all(_is_free(port) for port in range(first, first + count)):
                return cls.block(first, slots=slots, phones=phones)
        raise NoFreePorts(f"no {count} neighbouring ports are free between {LOWEST} and {HIGHEST}")

    def check(self) -> None:
        """Raises NoFreePorts when something listens where the sandbox wants to."""
        taken = [
            f"port {port}, for {what}: {holder(port)}" for port, what in self._uses().items() if not _is_free(port)
        ]
        if taken:
            raise NoFreePorts("this machine has not all the ports that are needed:\n  " + "\n  ".join(taken))

    def _uses(self) -> Mapping[int, str]:
        """What must be free for everything to start. Not those of calls: a killed sandbox may have left some to us."""
        rooms = dict.fromkeys(self.control_rooms, "the control room's telephones")
        phones = dict.fromkeys(range(self.phones, self.phones + PHONES), "handlers' telephones")
        return {
            self.gateway: "the gateway",
            self.page: "the page",
            self.sip: "the SIP edge",
            self.trunk: "the public's telephones",
            **rooms,
            self.overflow: "the overflow target",
            self.imap: "the mail server",
            self.smtp: "mail out",
            self.carrier: "the text carrier",
            self.second_carrier: "the second text carrier",
            self.relay_control: "the media relay",
            **phones,
        }


def first_free_block(slots: int) -> int:
    """Where ``Ports.block`` would find all its ports free. Raises NoFreePorts."""
    for first in BLOCKS:
        if all(_is_free(port) for port in range(first, first + block_size(slots))):
            return first
    raise NoFreePorts(f"no {BLOCK} neighbouring ports are free between {BLOCKS[0]} and {BLOCKS.stop}")


def block_size(slots: int, phones: int = PHONES) -> int:
    """How many ports ``Ports.block`` takes."""
    return SINGLES + RTP_PORTS_OF_A_SLOT * slots + RELAY_PORTS + slots + phones


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
