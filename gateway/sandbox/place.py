"""Where a sandbox is: its directory, and which ports it has. Two can run on one machine, each in its own."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.sandbox.ports import BLOCKS, Ports, first_free_block
from gateway.sandbox.site import SITE_FILE
from gateway.sandbox.world import SLOTS

DIRECTORY = Path("var/sandbox")
PAGE_FILE = "page-port"


class PlaceError(Exception):
    """The sandbox cannot be there; the text says what to do."""


def chosen_ports(first: int | None) -> Ports:
    """The usual ones, or the block that begins at ``first``. Raises PlaceError."""
    if first is None:
        return Ports()
    if first not in BLOCKS:
        raise PlaceError(f"--ports-from {first}: it must be {BLOCKS[0]}, {BLOCKS[1]} and so on, up to {BLOCKS[-1]}")
    return Ports.block(first, slots=SLOTS)


def program() -> str:
    """As it was called, so that a command can be copied from the terminal also where ours is on no PATH."""
    called = sys.argv[0]
    return called if Path(called).name == "contact-gateway" else "contact-gateway"


def beside() -> str:
    """How to start a sandbox that is in nobody's way."""
    free = first_free_block(SLOTS)
    return f"{program()} sandbox up --ports-from {free} --directory {DIRECTORY}-{free}"


@contextmanager
def taken(directory: Path) -> Iterator[None]:
    """The directory is there, and nobody else's until the end. Raises PlaceError."""
    if directory.exists() and not (directory / SITE_FILE).exists() and any(directory.iterdir()):
        raise PlaceError(f"{directory} holds something that is no sandbox; choose another --directory")
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    ours = os.open(directory, os.O_RDONLY)
    try:
        _lock(ours, directory)
        yield
    finally:
        os.close(ours)


def empty(directory: Path) -> None:
    """Of everything that a sandbox has left in it."""
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def note_page(directory: Path, ports: Ports) -> None:
    """For the other commands, which find the sandbox by this."""
    (directory / PAGE_FILE).write_text(f"{ports.page}\n", encoding="utf-8")


def page_port(directory: Path) -> int:
    """Of the sandbox that runs in ``directory``, or ran last; the usual one where none did."""
    try:
        return int((directory / PAGE_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        if directory != DIRECTORY:
            raise PlaceError(f"no sandbox has run in {directory}") from None
        return Ports().page


def _lock(opened: int, directory: Path) -> None:
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise PlaceError(f"a sandbox runs in {directory} already; to run one beside it: {beside()}") from None
