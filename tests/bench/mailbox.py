"""A mailbox of 100,000 old messages on a real Dovecot: opened for the first time, and again after all its UIDs changed.

Run as ``python tests/bench/mailbox.py [--quick]``. Seconds until everything is caught up, with the ten new mails that
came meanwhile, and the most memory that it took beyond what there was."""

from __future__ import annotations

import asyncio
import imaplib
import logging
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import structlog

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.emails import peak_megabytes
from tests.support.mail_site import PASSWORD, MailServers, MailSite, letter

ADDRESS = "contact@police.example"
MESSAGES, QUICK_MESSAGES, NEW = 100_000, 5_000, 10
ALLOWED_SECONDS, ALLOWED_MEGABYTES = 60.0, 64.0
DAY = 86_400.0
BODY = "I saw a bicycle without its owner at the station this morning, and again this evening.\r\n" * 20


def fill(servers: MailServers, messages: int) -> None:
    """Old mail, written as Dovecot itself would have kept it."""
    maildir = servers.dovecot.mail_dir(ADDRESS)
    owner = maildir.stat() if maildir.exists() else servers.dovecot.home.stat()
    for folder in ("cur", "new", "tmp"):
        (maildir / folder).mkdir(parents=True, exist_ok=True)
        os.chown(maildir / folder, owner.st_uid, owner.st_gid)
    for path in (maildir.parent, maildir):
        os.chown(path, owner.st_uid, owner.st_gid)
    began = time.time() - 400 * DAY
    for n in range(messages):
        came = began + n * 390 * DAY / messages
        head = f"Message-ID: <old-{n}@public.example>\r\nFrom: p{n}@public.example\r\nSubject: Old {n}\r\n\r\n"
        raw = (head + BODY).encode()
        path = maildir / "cur" / f"{int(came)}.M{n}P1.bench,S={len(raw)},W={len(raw)}:2,S"
        path.write_bytes(raw)
        os.chown(path, owner.st_uid, owner.st_gid)
        os.utime(path, (came, came))


async def caught_up(servers: MailServers, directory: Path, taken: int, last_uid: int) -> tuple[float, ...]:
    """Seconds until ``taken`` mails in all are stored, and until every message is known; our own CPU's; megabytes."""
    site = MailSite(servers, servers.settings(directory, ADDRESS))
    async with site:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before, began, used = peak_megabytes(), time.perf_counter(), time.process_time()
        while len(await site.inbound()) < taken:
            await asyncio.sleep(0.02)
        stored = time.perf_counter() - began
        while (cursor := await site.store.cursor("box0")) is None or cursor.listed_to < last_uid:
            await asyncio.sleep(0.02)
        known, used = time.perf_counter() - began, time.process_time() - used
        if len(await site.inbound()) != taken:
            raise SystemExit("old mail was taken for new")
        return stored, known, used, peak_megabytes() - before


def looked_at(servers: MailServers) -> None:
    """As another mail program would have: Dovecot has given its UIDs."""
    client = imaplib.IMAP4("127.0.0.1", servers.dovecot.imap_port)
    client.login(ADDRESS, PASSWORD)
    client.select("INBOX")
    client.logout()


async def new_mail(servers: MailServers, first: int) -> None:
    for n in range(first, first + NEW):
        await servers.dovecot.deliver(letter(f"new{n}@public.example", f"New {n}"), ADDRESS)


async def measure(directory: Path, messages: int) -> bool:
    async with MailServers(directory, ADDRESS) as servers:
        await asyncio.to_thread(fill, servers, messages)
        await asyncio.to_thread(looked_at, servers)
        await new_mail(servers, 0)
        good = report("first opened", messages, *await caught_up(servers, directory / "site", NEW, messages + NEW))
        await servers.dovecot.stop()
        servers.dovecot.forget_uids(ADDRESS)
        await servers.dovecot.start()
        await new_mail(servers, NEW)
        figures = await caught_up(servers, directory / "site", 2 * NEW, messages + 2 * NEW)
        return report("UIDs changed", messages, *figures) and good


def report(what: str, messages: int, stored: float, known: float, used: float, megabytes: float) -> bool:
    print(
        f"{what}: {messages} messages; the {NEW} new ones were stored after {stored:.1f} s, "
        f"all were looked through after {known:.1f} s, {used:.1f} s of our CPU; {megabytes:.0f} MB of memory at most"
    )
    return known < ALLOWED_SECONDS and megabytes < ALLOWED_MEGABYTES


def main() -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    directory = Path(tempfile.mkdtemp(prefix="mailbox-"))
    try:
        good = asyncio.run(measure(directory, QUICK_MESSAGES if "--quick" in sys.argv else MESSAGES))
    finally:
        shutil.rmtree(directory)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
