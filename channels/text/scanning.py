"""Whether a file is safe to open, asked of a virus scanner before anybody can see the file."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator
from pathlib import Path

from channels.base import Refused, Unreachable
from config.text import Scanner

CHUNK_BYTES = 64 * 1024
# clamscan's own, and what others have taken over from it.
CLEAN, INFECTED = 0, 1


async def scan(scanner: Scanner, file: Path) -> None:
    """Nothing when it is clean. Raises Refused when it is not, Unreachable when the scanner cannot say."""
    if not scanner.on:
        return
    try:
        async with asyncio.timeout(scanner.seconds):
            found = await (
                _by_clamd(scanner.clamd_socket, file) if scanner.clamd_socket else _by_command(scanner, file)
            )
    except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
        raise Unreachable(f"the virus scanner did not answer ({type(error).__name__})") from error
    if found:
        raise Refused(f"the virus scanner found {found}: the file was not kept")


async def _by_command(scanner: Scanner, file: Path) -> str:
    """The command gets the file's path; it ends with 0 for a clean file and 1 for one that is not."""
    process = await asyncio.create_subprocess_exec(
        *scanner.command, str(file), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode not in (CLEAN, INFECTED):
        raise Unreachable(f"the virus scanner ended with status {process.returncode}")
    return _name(said.decode(errors="replace")) if process.returncode == INFECTED else ""


async def _by_clamd(socket: str, file: Path) -> str:
    """clamd's INSTREAM: chunks with their length before them, a length of 0 ends (``man clamd``)."""
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        writer.write(b"zINSTREAM\0")
        content = await asyncio.to_thread(file.read_bytes)
        for chunk in _chunks(content):
            writer.write(struct.pack("!L", len(chunk)) + chunk)
            await writer.drain()
        writer.write(struct.pack("!L", 0))
        await writer.drain()
        answer = (await reader.readuntil(b"\0")).rstrip(b"\0").decode(errors="replace")
    finally:
        writer.close()
    if answer.endswith("OK"):
        return ""
    if answer.endswith("FOUND"):
        return _name(answer)
    raise Unreachable("the virus scanner could not look at the file")


def _chunks(content: bytes) -> Iterator[bytes]:
    return (content[start : start + CHUNK_BYTES] for start in range(0, len(content), CHUNK_BYTES))


def _name(said: str) -> str:
    """What was found, out of ``path: Name FOUND``."""
    line = next((line for line in said.splitlines() if line.strip().endswith("FOUND")), "")
    return line.strip().removesuffix("FOUND").rpartition(": ")[2].strip()[:100] or "something harmful"
