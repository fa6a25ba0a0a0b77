"""Pictures that go with a text."""

from __future__ import annotations

import base64
import mimetypes
from pathlib import Path


def pictures(file: Path | None) -> list[dict[str, str]]:
    if file is None:
        return []
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return [{"filename": file.name, "content_type": kind, "content": base64.b64encode(file.read_bytes()).decode()}]
