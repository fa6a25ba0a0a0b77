"""A gateway's email side that is to be killed between the commit of a mail and its move: it says "moving" and waits.

Run as ``python -m tests.support.mail_victim DIRECTORY MAILBOX``; the mailbox is its table in JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from channels.email.imap import Imap
from tests.support.mail_site import MailServers, MailSite, mail_settings


async def wait_for_death(imap: Imap, uids: Sequence[int], folder: str) -> None:
    print("moving", flush=True)
    await asyncio.Event().wait()


async def main(directory: Path, mailbox: str) -> None:
    Imap.move = wait_for_death  # type: ignore[method-assign, assignment]
    async with MailSite(MailServers(directory), mail_settings(directory, [json.loads(mailbox)])):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
