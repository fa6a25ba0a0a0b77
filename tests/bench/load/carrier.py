"""A carrier that brings texts at a steady rate, whether or not the earlier ones were answered; a process of its own.

Run with the address of the webhook, the gateway's port, how many texts, and how many a second. Everything is signed
before it begins, and goes over connections that are kept, so that the load itself costs little. At the end it says on
its standard output, as JSON, for each text: who sent it, when it was due (``time.monotonic()``), how many milliseconds
later it was answered, and how.
"""

from __future__ import annotations

import json
import re
import secrets
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from selectors import EVENT_READ, DefaultSelector
from urllib.parse import urlencode, urlsplit

from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

ACCOUNT, TOKEN, OURS = "AC" + "0" * 32, "bench-token", "61016"
WORDS = "A car is parked across my drive again, please ask its owner to move it."
MOST_CONNECTIONS = 200
STILL_SECONDS = 30.0
ENDS = re.compile(rb"HTTP/1\.1 (\d+) .*?\r\nContent-Length: (\d+)\r\n.*?\r\n\r\n", re.DOTALL | re.IGNORECASE)


@dataclass(slots=True)
class Connection:
    """One that is kept; ``text`` is the number of the text whose answer it waits for."""

    socket: socket.socket
    text: int = -1
    came: bytes = b""


@dataclass(slots=True)
class Tally:
    answered: dict[int, float] = field(default_factory=dict)
    statuses: dict[int, int] = field(default_factory=dict)


def sender(number: int) -> str:
    return f"+447700{900000 + number}"


def request(url: str, number: int, signer: RequestValidator) -> bytes:
    """A signed webhook, as it goes over the line."""
    form = {
        "MessageSid": f"SM{secrets.token_hex(16)}",
        "AccountSid": ACCOUNT,
        "From": sender(number),
        "To": OURS,
        "Body": WORDS,
        "NumMedia": "0",
    }
    body, parts = urlencode(form).encode(), urlsplit(url)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"X-Twilio-Signature: {signer.compute_signature(url, form)}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def post_all(port: int, requests: list[bytes], rate: float) -> tuple[float, Tally]:
    """When it began, and how each was answered."""
    tally, waiting = Tally(), DefaultSelector()
    free: list[Connection] = []
    began, sent = time.monotonic(), 0
    until = began + len(requests) / rate + STILL_SECONDS
    while len(tally.answered) < len(requests) and time.monotonic() < until:
        while sent < len(requests) and began + sent / rate <= time.monotonic():
            if not free and len(waiting.get_map()) >= MOST_CONNECTIONS:
                break
            connection = free.pop() if free else _opened(port, waiting)
            connection.text = sent
            connection.socket.sendall(requests[sent])
            sent += 1
        next_due = began + sent / rate - time.monotonic() if sent < len(requests) else 0.1
        for key, _ in waiting.select(max(0.0005, next_due)):
            free += _answered(key.data, tally)
    return began, tally


def _opened(port: int, waiting: DefaultSelector) -> Connection:
    connection = Connection(socket.create_connection(("127.0.0.1", port)))
    connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    waiting.register(connection.socket, EVENT_READ, connection)
    return connection


def _answered(connection: Connection, tally: Tally) -> Iterator[Connection]:
    """The connection, when its answer has come to the end."""
    came = connection.socket.recv(65_536)
    if not came:
        raise SystemExit("the gateway has closed a connection")
    connection.came += came
    head = ENDS.match(connection.came)
    if head and len(connection.came) >= head.end() + int(head[2]):
        tally.answered[connection.text] = time.monotonic()
        tally.statuses[connection.text] = int(head[1])
        connection.came = b""
        yield connection


def main(url: str, port: int, count: int, rate: float) -> None:
    signer = RequestValidator(TOKEN)
    requests = [request(url, number, signer) for number in range(count)]
    began, tally = post_all(port, requests, rate)
    due = {sender(n): began + n / rate for n in range(count)}
    waits = [1000 * (at - began - n / rate) for n, at in tally.answered.items()]
    refused = count - sum(status == 200 for status in tally.statuses.values())
    took = max(tally.answered.values(), default=began) - began
    json.dump({"due": due, "waits": waits, "refused": refused, "seconds": took}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
