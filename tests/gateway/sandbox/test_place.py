"""Two sandboxes on one machine: each has its directory and its ports, and whatever is in the way is named."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import astuple
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner

from gateway.sandbox.cli import sandbox
from gateway.sandbox.place import DIRECTORY, PlaceError, chosen_ports, empty, note_page, page_port, taken
from gateway.sandbox.ports import LOOPBACK, NoFreePorts, Ports, block_size, first_free_block
from gateway.sandbox.world import SLOTS


def test_without_a_number_the_ports_are_the_usual_ones() -> None:
    assert chosen_ports(None) == Ports()


def test_a_block_holds_every_port_of_its_sandbox_and_none_twice() -> None:
    ports = chosen_ports(18000)
    rooms = [port for value in astuple(ports) for port in (value if isinstance(value, tuple) else (value,))]

    assert (ports.gateway, ports.page) == (18000, 18001)
    assert len(set(rooms)) == len(rooms)
    assert all(18000 <= port < 18200 for port in rooms)
    assert block_size(SLOTS) <= 200
    assert ports.rtp % 2 == 0


@pytest.mark.parametrize("first", [8080, 18001, 18100, 60000, 0, -200])
def test_a_block_that_could_overlap_another_or_the_systems_own_is_refused(first: int) -> None:
    with pytest.raises(PlaceError, match=r"18000, 18200 and so on, up to 29800"):
        chosen_ports(first)


def test_a_port_that_is_held_is_named_with_what_it_is_for_and_who_holds_it() -> None:
    ports = chosen_ports(first_free_block(SLOTS))
    with socket.socket() as other:
        other.bind((LOOPBACK, ports.imap))
        other.listen()
        with pytest.raises(NoFreePorts, match=rf"port {ports.imap}, for the mail server: .*\(process {os.getpid()}\)"):
            ports.check()
    ports.check()


def test_up_says_what_is_in_the_way_and_how_to_start_beside_it(tmp_path: Path) -> None:
    first = first_free_block(SLOTS)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((LOOPBACK, chosen_ports(first).sip))
        said = run("up", "--directory", str(tmp_path), "--ports-from", str(first))

    assert f"port {first + 2}, for the SIP edge: held by" in said
    assert "contact-gateway sandbox up --ports-from" in said
    assert f"--ports-from {first} " not in said


def test_a_command_that_it_shows_can_be_copied_where_ours_is_on_no_path(tmp_path: Path) -> None:
    command = str(Path(sys.executable).with_name("contact-gateway"))
    with taken(tmp_path):
        arguments = ["sandbox", "up", "--directory", str(tmp_path), "--ports-from", str(first_free_block(SLOTS))]
        refused = subprocess.run([command, *arguments], check=False, capture_output=True, text=True, timeout=60)

    assert f"to run one beside it: {command} sandbox up --ports-from" in refused.stderr


def test_a_directory_is_one_sandboxs_until_it_ends(tmp_path: Path) -> None:
    with taken(tmp_path):
        said = run("up", "--fresh", "--directory", str(tmp_path), "--ports-from", str(first_free_block(SLOTS)))

    assert f"a sandbox runs in {tmp_path} already" in said
    with taken(tmp_path):
        pass


def test_a_directory_that_is_no_sandboxs_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(PlaceError, match="no sandbox"), taken(tmp_path):
        pytest.fail("it must not be taken")

    (tmp_path / "sandbox.toml").touch()
    (tmp_path / "run").mkdir()
    with taken(tmp_path):
        empty(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_other_commands_find_the_sandbox_by_its_directory(tmp_path: Path, answering: int) -> None:
    note_page(tmp_path, Ports(page=answering))

    assert page_port(tmp_path) == answering
    assert "The gateway has the text" in run("text", "+447700900123", "hello", "--directory", str(tmp_path))
    assert "The gateway has the text" in run("text", "+447700900123", "hello", SANDBOX_DIRECTORY=str(tmp_path))


def test_a_directory_in_which_none_has_run_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"no sandbox has run in {tmp_path}" in run("status", "--directory", str(tmp_path))

    monkeypatch.chdir(tmp_path)  # away from it, the usual one is still found
    assert page_port(DIRECTORY) == Ports().page


# --- steps ---------------------------------------------------------------------------------------------------


class Page(BaseHTTPRequestHandler):
    """Takes every text."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"detail": "The gateway has the text."}')


@pytest.fixture
def answering() -> Iterator[int]:
    """The port of a page."""
    with HTTPServer((LOOPBACK, 0), Page) as server:
        Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server.server_port
        server.shutdown()


def run(*arguments: str, **environment: str) -> str:
    result = CliRunner().invoke(sandbox, arguments, env=environment)
    return result.output + str(result.exception or "")
