"""The call process's end of its socket."""

from __future__ import annotations

import socket
from pathlib import Path

from channels.voice import framing
from channels.voice.link import Link


def accepted(listener: socket.socket) -> socket.socket:
    connection, _ = listener.accept()
    connection.settimeout(2)
    return connection


def test_what_must_be_heard_is_not_lost_in_the_moment_the_gateway_dies(directory: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(directory / "gateway"))
        listener.listen()
        listener.settimeout(2)
        link = Link(directory / "gateway")
        assert link.connect(b"hello")
        accepted(listener).close()

        # when it is told something before it could see that nobody is there
        assert link.connected
        link.send(b"a key", keep=True)
        link.send(b"a state")

        # then the next gateway hears of the key; the state is in the greeting
        assert not link.connected
        assert link.connect(b"hello again")
        with accepted(listener) as connection:
            assert framing.Unpacker().feed(connection.recv(4096)) == [b"hello again", b"a key"]
