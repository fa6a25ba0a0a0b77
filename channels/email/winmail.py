"""Opens winmail.dat (TNEF), in which Outlook may wrap a mail's text and files.

The library counts to whatever number a hostile file names, so it works in a process of its own that has little time and
memory: ``python -m channels.email.winmail`` reads the file and writes JSON. Of one that lies on disk the files inside
go to disk too, beside it: it costs the gateway no memory, however large it is.
"""

from __future__ import annotations

import base64
import json
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from striprtf.striprtf import rtf_to_text
from tnefparse import TNEF

from channels.email.large import Diverted, divert

SECONDS = 10
MEMORY_BYTES = 1_000_000_000
FILES_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """What was inside; ``html`` is as it came, not safe to show. ``files``: names, with what they hold or where it
    lies."""

    text: str
    html: str
    files: tuple[tuple[str, bytes | Diverted], ...]


def unwrap(wrapped: bytes | Path) -> Unwrapped:
    """``wrapped``: a file below ``folder/xx/``, or its bytes. Raises OSError, ValueError or subprocess.SubprocessError
    when it cannot be opened, in ten seconds at most."""
    command = [sys.executable, "-m", "channels.email.winmail"]
    if isinstance(wrapped, Path):
        folder = wrapped.absolute().parents[1]
        with wrapped.open("rb") as file:
            done = subprocess.run([*command, folder], stdin=file, capture_output=True, check=True, timeout=SECONDS)
    else:
        done = subprocess.run(command, input=wrapped, capture_output=True, check=True, timeout=SECONDS)
    found = json.loads(done.stdout)
    return Unwrapped(found["text"], found["html"], tuple((name, _content(content)) for name, content in found["files"]))


def _content(told: str | dict[str, Any]) -> bytes | Diverted:
    if isinstance(told, str):
        return base64.b64decode(told)
    return Diverted(Path(told["path"]), told["sha256"], told["size"])


def _opened(data: bytes, folder: Path | None) -> dict[str, object]:
    tnef = TNEF(data, do_checksum=False)
    files = [(_text(a.long_filename()), _told(bytes(a.data), folder)) for a in tnef.attachments[:FILES_LIMIT]]
    html = _text(tnef.htmlbody)
    text = _text(tnef.body) or ("" if html else _rich_text(tnef))
    return {"text": text, "html": html, "files": files}


def _told(data: bytes, folder: Path | None) -> object:
    if folder is None:
        return base64.b64encode(data).decode()
    kept = divert(data, folder)
    return {"path": str(kept.path), "sha256": kept.sha256, "size": kept.size}


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
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    json.dump(_opened(sys.stdin.buffer.read(), folder), sys.stdout)


if __name__ == "__main__":
    _main()
