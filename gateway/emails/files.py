"""Where mail lies on disk: every message as it came, and what came with it, each under the hash of its bytes."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from channels.email import mime
from channels.email.large import take_apart
from channels.email.mime import Mail
from channels.email.receiver import FetchedMail
from gateway.store.records import Attachment


class MailFiles:
    def __init__(self, raw_dir: Path, media_dir: Path) -> None:
        self._raw_dir, self._media_dir = raw_dir, media_dir

    def read(self, fetched: FetchedMail, trusted: Collection[str]) -> tuple[Mail, str]:
        """The mail, and where it lies as it came; a large one never stands in memory whole."""
        if fetched.file is None:
            mail = mime.read(fetched.raw, trusted)
            return mail, keep(self._raw_dir, mail.sha256, ".eml", fetched.raw)
        large = take_apart(fetched.file, self._media_dir)
        path = self._raw_dir / large.sha256[:2] / f"{large.sha256}.eml"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.hardlink_to(fetched.file)  # until it is committed, it may be read again
        return mime.read_large(large, trusted), str(path)

    def keep_attachments(self, message_id: str, mail: Mail) -> list[Attachment]:
        return [
            Attachment(
                id=f"{message_id}-{number}",
                message=message_id,
                filename=part.filename,
                content_type=part.content_type,
                size=part.size,
                sha256=part.sha256,
                path=str(part.path or keep(self._media_dir, part.sha256, "", part.data)),
            )
            for number, part in enumerate(mail.attachments)
        ]


def keep(folder: Path, sha256: str, suffix: str, data: bytes) -> str:
    """Written under its hash and synced to disk before anybody is told that we have it."""
    path = folder / sha256[:2] / f"{sha256}{suffix}"
    if path.exists():
        return str(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    return str(path)
