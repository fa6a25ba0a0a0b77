"""No file is kept before the virus scanner has said that it is clean."""

from __future__ import annotations

import asyncio
import struct
import sys
from pathlib import Path

import pytest

from channels.base import Refused, Unreachable
from channels.text.scanning import scan
from config.text import Scanner

EICAR_LIKE = b"harmful"
SCRIPT = (
    "import sys; bad = b'harmful' in open(sys.argv[1], 'rb').read(); "
    "print(sys.argv[1] + ': ' + ('Test.Thing FOUND' if bad else 'OK')); sys.exit(bad)"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "picture"


async def clamd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speaks INSTREAM as clamd does."""
    assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
    content = b""
    while size := struct.unpack("!L", await reader.readexactly(4))[0]:
        content += await reader.readexactly(size)
    answer = b"stream: Test.Thing FOUND" if EICAR_LIKE in content else b"stream: OK"
    writer.write(answer + b"\0")
    await writer.drain()
    writer.close()


@pytest.mark.parametrize("by", ["command", "clamd"])
async def test_what_is_harmful_is_refused_by_its_name_and_what_is_clean_passes(by: str, file: Path) -> None:
    socket = str(file.parent / "clamd.sock")
    async with await asyncio.start_unix_server(clamd, socket):
        command = (sys.executable, "-c", SCRIPT)
        scanner = Scanner(command=command) if by == "command" else Scanner(clamd_socket=socket)
        file.write_bytes(b"x" * 200_000)
        await scan(scanner, file)
        file.write_bytes(b"x" * 200_000 + EICAR_LIKE)
        with pytest.raises(Refused, match=r"the virus scanner found Test\.Thing"):
            await scan(scanner, file)


@pytest.mark.parametrize(
    "scanner",
    [
        Scanner(command=("/nonexistent/scanner",)),
        Scanner(command=(sys.executable, "-c", "import sys; sys.exit(2)")),
        Scanner(command=(sys.executable, "-c", "import time; time.sleep(9)"), seconds=0.3),
        Scanner(clamd_socket="/nonexistent/clamd.sock"),
    ],
)
async def test_a_scanner_that_cannot_say_lets_nothing_through_and_is_asked_again(scanner: Scanner, file: Path) -> None:
    file.write_bytes(b"x")
    with pytest.raises(Unreachable):
        await scan(scanner, file)
