"""Opens winmail.dat (TNEF), in which Outlook may wrap a mail's text and files.

The library counts to whatever number a hostile file names, so it works in a process of its own that has little time and
memory: ``python -m channels.email.winmail`` reads the file and writes JSON.
"""

from __future__ import annotations

import base64
import json
import resource
import subprocess
import sys
from dataclasses import dataclass

from striprtf.striprtf import rtf_to_text
from tnefparse import TNEF

SECONDS = 10
MEMORY_BYTES = 1_000_000_000
FILES_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """What was inside; ``html`` is as it came, not safe to show."""

    text: str
    html: str
    files: tuple[tuple[str, bytes], ...]


def unwrap(data: bytes) -> Unwrapped:
    """Raises OSError, ValueError or subprocess.SubprocessError when it cannot be opened, in ten seconds at most."""
    command = [sys.executable, "-m", "channels.email.winmail"]
    done = subprocess.run(command, input=data, capture_output=True, check=True, timeout=SECONDS)
    found = json.loads(done.stdout)
    files = tuple((name, base64.b64decode(content)) for name, content in found["files"])
    return Unwrapped(found["text"], found["html"], files)


def _opened(data: bytes) -> dict[str, object]:
    tnef = TNEF(data, do_checksum=False)
    files = [(_text(a.long_filename()), base64.b64encode(bytes(a.data)).decode()) for a in tnef.attachments]
    html = _text(tnef.htmlbody)
    text = _text(tnef.body) or ("" if html else _rich_text(tnef))
    return {"text": text, "html": html, "files": files[:FILES_LIMIT]}


def _rich_text(tnef: TNEF) -> str:
    """The words of what is there only as compressed RTF (MS-OXRTFCP), as Outlook sends it to those who use it too."""
    if not tnef.rtfbody:
        return ""
    return str(rtf_to_text(_text(tnef.rtfbody), errors="replace")).strip()  # type: ignore[no-untyped-call]


def _text(value: str | bytes | None) -> str:
    """One without a code page comes as bytes, or as a list of one."""
    first = value[0] if isinstance(value, list) and value else value
    text = first.decode("cp1252", "replace") if isinstance(first, bytes) else str(first or "")
    return text.strip("\0")


def _main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    json.dump(_opened(sys.stdin.buffer.read()), sys.stdout)


if __name__ == "__main__":
    _main()
