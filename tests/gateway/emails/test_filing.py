"""Which folder a mail goes to, and a gateway that is killed between the commit and the move: on real mail servers."""

from __future__ import annotations

import asyncio
import imaplib
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store.records import Block
from tests.support.mail_site import PASSWORD, MailServers, MailSite, letter

OURS = "contact@police.example"
ROOT = Path(__file__).parents[3]


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[MailServers]:
    async with MailServers(tmp_path, OURS) as running:
        yield running


def lying_in(servers: MailServers, folder: str) -> list[str]:
    client = imaplib.IMAP4("127.0.0.1", servers.dovecot.imap_port, timeout=10)
    try:
        client.login(OURS, PASSWORD)
        if client.select(folder, readonly=True)[1] == [b"0"] or client.state != "SELECTED":
            return []
        fetched = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
        return [part[1].decode().partition(": ")[2].strip() for part in fetched if isinstance(part, tuple)]
    finally:
        client.logout()


async def filed(servers: MailServers, folder: str, subjects: list[str]) -> None:
    async with asyncio.timeout(10):
        while await asyncio.to_thread(lying_in, servers, folder) != subjects:
            await asyncio.sleep(0.05)


async def all_filed(site: MailSite) -> None:
    """The server has moved a mail a moment before we have written that down."""
    async with asyncio.timeout(10):
        while await site.store.mail_to_file("box0"):
            await asyncio.sleep(0.05)


async def with_other_uids(servers: MailServers) -> None:
    """Dovecot takes the time in seconds for a new UIDVALIDITY."""
    began = time.time()
    await servers.dovecot.stop()
    servers.dovecot.forget_uids(OURS)
    while time.time() < began + 1:
        await asyncio.sleep(0.05)
    await servers.dovecot.start()


async def test_what_was_taken_and_what_was_set_aside_each_have_their_folder(
    servers: MailServers, tmp_path: Path
) -> None:
    settings = servers.settings(tmp_path / "site", OURS, filed="Taken", aside="Aside")
    async with MailSite(servers, settings) as site:
        now = site.clock()
        await site.store.save(Block("@spam.example", "Advertising.", "handler:sam", now))
        raw = letter("ann@public.example", "Hello")
        await site.comes(raw)
        await site.comes(letter("any@spam.example", "Buy"))
        await filed(servers, "Taken", ["Hello"])
        await filed(servers, "Aside", ["Buy"])
        # and one that we have already, which is stored no second time, is filed as well
        await servers.dovecot.deliver(raw, OURS)
        await filed(servers, "Taken", ["Hello", "Hello"])
        assert len(await site.inbound()) == 2
        assert lying_in(servers, "INBOX") == []
        await all_filed(site)


@pytest.mark.parametrize("renumbered", [False, True])
async def test_killed_between_the_commit_and_the_move_the_next_run_moves_it_and_takes_nothing_twice(
    servers: MailServers, tmp_path: Path, renumbered: bool
) -> None:
    """Also when the server gives everything new UIDs meanwhile."""
    directory, mailbox = tmp_path / "site", servers.mailbox(0, OURS) | {"filed_folder": "Taken"}
    await servers.dovecot.deliver(letter("ann@public.example", "Precious"), OURS)
    command = [sys.executable, "-m", "tests.support.mail_victim", str(directory), json.dumps(mailbox)]
    victim = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    try:
        assert victim.stdout
        async with asyncio.timeout(60):
            while await victim.stdout.readline() != b"moving\n":
                assert victim.returncode is None and not victim.stdout.at_eof(), "the victim died by itself"
    finally:
        # when
        victim.kill()
        await victim.wait()
    assert lying_in(servers, "INBOX") == ["Precious"]
    if renumbered:
        await with_other_uids(servers)
    async with MailSite(servers, servers.settings(directory, OURS, filed="Taken")) as site:
        await filed(servers, "Taken", ["Precious"])
        assert [mail.subject for mail in await site.inbound()] == ["Precious"]
    assert lying_in(servers, "INBOX") == []
