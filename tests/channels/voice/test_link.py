"""The call process's end of its socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from channels.voice import framing
from channels.voice.link import Link


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(2)
        yield listener


def accepted(listener: socket.socket) -> socket.socket:
    connection, _ = listener.accept()
    connection.settimeout(2)
    return connection


def test_what_must_be_heard_is_not_lost_in_the_moment_the_gateway_dies(directory: Path) -> None:
    with listening(directory / "gateway") as listener:
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


def test_what_must_be_heard_is_kept_until_somebody_is_heard_who_may_hear_it(directory: Path) -> None:
    with listening(directory / "gateway") as listener:
        link = Link(directory / "gateway")

        # given a gateway that hangs: one can connect to it, and it dies without having read anything
        assert link.connect(b"hello")
        link.send(b"a key", keep=True)
        assert not link.heard
        link.drop("it hangs")

        # then the next one hears of the key, and when it has answered, nobody hears of it again
        assert link.connect(b"hello again")
        accepted(listener).close()
        with accepted(listener) as connection:
            assert framing.Unpacker().feed(connection.recv(4096)) == [b"hello again", b"a key"]
            connection.sendall(framing.pack(b"I am here"))
            assert link.receive() == [b"I am here"] and link.heard
        link.drop("it has gone")
        assert link.connect(b"hello for the third time")
        with accepted(listener) as connection:
            assert framing.Unpacker().feed(connection.recv(4096)) == [b"hello for the third time"]
