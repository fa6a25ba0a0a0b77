"""SIP peers over TCP and TLS, and certificates for them."""

from __future__ import annotations

import asyncio
import re
import ssl
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from tests.channels.voice.edge_peers import HOST, Message, Peer, free_ports


class StreamPeer(Peer):
    """One connection that speaks SIP by hand; over TLS when it has a context."""

    @classmethod
    async def connect(cls, edge_port: int, port: int, tls: ssl.SSLContext | None = None) -> Self:
        """A connection to the edge's ``port``; ConnectionError or ssl.SSLError when it refuses."""
        reader, writer = await asyncio.open_connection(HOST, port, ssl=tls)
        peer = cls(edge_port)
        peer.attach(reader, writer)
        return peer

    def attach(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.over = "TLS" if writer.get_extra_info("ssl_object") else "TCP"
        self.port = writer.get_extra_info("sockname")[1]
        self._reading = asyncio.create_task(self._read(reader))

    def send(self, message: str | bytes) -> None:
        if not self._writer.is_closing():  # the edge ends a connection that it cannot read
            self._writer.write(message.encode() if isinstance(message, str) else message)

    def close(self) -> None:
        self._reading.cancel()
        self._writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).lstrip(b"\r\n")
                length = re.search(rb"^Content-Length:\s*(\d+)", head, re.MULTILINE | re.IGNORECASE)
                body = await reader.readexactly(int(length[1]) if length else 0)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            if head:
                self.received.append(Message(head + body, time.monotonic()))
                self._news.set()


@asynccontextmanager
async def listening(edge_port: int, port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[StreamPeer]:
    """A peer that waits for the edge to connect to it; it has ``received`` nothing until then."""
    peer = StreamPeer(edge_port)
    server = await asyncio.start_server(peer.attach, HOST, port, ssl=tls)
    try:
        yield peer
    finally:
        server.close()
        if hasattr(peer, "_writer"):
            peer.close()


def certificate(directory: Path, name: str) -> tuple[str, str]:
    """A self-signed certificate and its key, as PEM files."""
    cert, key = directory / f"{name}.pem", directory / f"{name}.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=IP:{HOST}"),
            *("-out", str(cert), "-keyout", str(key)),
        ],
        check=True,
        capture_output=True,
    )
    return str(cert), str(key)


def with_tls(directory: Path) -> dict[str, Any]:
    """The keys of the section ``edge`` that switch TLS on."""
    cert, key = certificate(directory, "edge")
    return {"tls_port": free_ports(), "tls_certificate": cert, "tls_key": key, "tls_ca": cert}


def client_tls(trusted: str, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(trusted)
    context.set_ciphers("ALL:@SECLEVEL=0")  # so that it is the edge which refuses what is old
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = newest
    return context


def server_tls(cert: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context
