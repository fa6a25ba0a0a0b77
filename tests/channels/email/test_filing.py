"""Mail that is moved once it is stored: on a real Dovecot, with a ledger in memory in the place of the store."""

from __future__ import annotations

import asyncio
import imaplib
from dataclasses import replace
from pathlib import Path

import pytest

from config.email import Mailbox
from gateway.sandbox.mail import Dovecot
from tests.channels.email.reading import (
    ADDRESS,
    PASSWORD,
    Ledger,
    another_client,
    following,
    healthy,
    in_trouble,
    letter,
    mailbox_on,
    note,
    until,
    with_other_uids,
)

FOLDER, ENCODED = 'Taken "in" & ar gŵyn', '"Taken \\"in\\" &- ar g&AXU-yn"'


@pytest.fixture
async def ledger() -> Ledger:
    ledger = Ledger()
    ledger.folder = FOLDER
    return ledger


def filing(server: Dovecot, folder: str = FOLDER) -> Mailbox:
    return mailbox_on(server).model_copy(update={"filed_folder": folder})


def subjects(server: Dovecot, folder: str) -> list[str]:
    """What lies there, as another mail program sees it; nothing where there is no such folder."""
    with another_client(server) as client:
        if client.select(folder, readonly=True)[1] == [b"0"] or client.state != "SELECTED":
            return []
        fetched = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
        return [part[1].decode().partition(": ")[2].strip() for part in fetched if isinstance(part, tuple)]


async def everything_filed(ledger: Ledger, mails: int) -> None:
    await ledger.until(lambda it: len(it.mails) == mails and not it.waiting)


async def test_mail_is_moved_into_a_folder_that_is_made_for_it(dovecot: Dovecot, ledger: Ledger) -> None:
    await dovecot.deliver(note("one"), ADDRESS)
    async with following(filing(dovecot), ledger) as reader:
        await everything_filed(ledger, 1)
        await dovecot.deliver(note("two"), ADDRESS)
        await everything_filed(ledger, 2)
        await healthy(reader)
    assert (subjects(dovecot, "INBOX"), subjects(dovecot, ENCODED)) == ([], ["one", "two"])
    assert ledger.subjects() == ["one", "two"]


async def test_nothing_is_moved_that_is_not_stored(dovecot: Dovecot, ledger: Ledger) -> None:
    await dovecot.deliver(note("precious"), ADDRESS)
    ledger.failures = [ConnectionError("the database went away")] * 3
    async with following(filing(dovecot), ledger) as reader:
        await in_trouble(reader, "cannot be stored")
        assert subjects(dovecot, "INBOX") == ["precious"]
        await everything_filed(ledger, 1)
    assert subjects(dovecot, ENCODED) == ["precious"]


@pytest.mark.parametrize("removed", [False, True])
async def test_what_was_stored_and_not_yet_moved_is_moved_by_the_next_run(
    dovecot: Dovecot, ledger: Ledger, removed: bool
) -> None:
    await dovecot.deliver(note("one"), ADDRESS)
    ledger.meanwhile = asyncio.Event().wait  # type: ignore[assignment]
    async with following(filing(dovecot), ledger):
        await until(lambda: bool(ledger.waiting))
    assert subjects(dovecot, "INBOX") == ["one"]
    # or not, when somebody has removed it meanwhile
    if removed:
        with another_client(dovecot) as client:
            client.store("1", "+FLAGS", r"(\Deleted)")
            client.expunge()
    async with following(filing(dovecot), ledger):
        await everything_filed(ledger, 1)
    assert (subjects(dovecot, "INBOX"), subjects(dovecot, ENCODED)) == ([], [] if removed else ["one"])


@pytest.mark.parametrize(
    ("capability", "left"), [("IMAP4rev1 IDLE UIDPLUS", ["theirs"]), ("IMAP4rev1 IDLE", ["theirs", "ours"])]
)
async def test_a_server_that_cannot_move_copies_and_removes_only_what_is_ours(
    tmp_path: Path, ledger: Ledger, capability: str, left: list[str]
) -> None:
    async with Dovecot(tmp_path, {ADDRESS: PASSWORD}, capability=capability) as server:
        with another_client(server) as client:
            client.append("INBOX", r"(\Deleted)", imaplib.Time2Internaldate(1e9), note("theirs"))
        await server.deliver(note("ours"), ADDRESS)
        async with following(filing(server), ledger):
            await everything_filed(ledger, 1)
        assert (subjects(server, "INBOX"), subjects(server, ENCODED)) == (left, ["ours"])
        with another_client(server) as client:
            assert client.search(None, "UNDELETED")[1] == [b""]


async def stored_and_not_moved(server: Dovecot, ledger: Ledger) -> None:
    """As by a gateway that dies in between."""
    ledger.meanwhile = asyncio.Event().wait  # type: ignore[assignment]
    async with following(filing(server), ledger):
        await until(lambda: bool(ledger.waiting))


async def test_what_was_not_moved_when_all_uids_changed_is_known_again_and_moved(
    dovecot: Dovecot, ledger: Ledger
) -> None:
    for subject in ("one", "two"):
        await dovecot.deliver(letter(subject), ADDRESS)
    await stored_and_not_moved(dovecot, ledger)
    # and one that is there no more
    ledger.waiting.append(replace(ledger.waiting[0], uid=999, fingerprint="gone"))
    await with_other_uids(dovecot, ledger)
    async with following(filing(dovecot), ledger) as reader:
        await everything_filed(ledger, 2)
        await healthy(reader)
    assert (subjects(dovecot, "INBOX"), sorted(subjects(dovecot, ENCODED))) == ([], ["one", "two"])
    assert len(ledger.mails) == 2, "none is read twice"


async def test_a_server_that_cannot_move_has_one_copy_though_the_gateway_died_after_copying(
    tmp_path: Path, ledger: Ledger
) -> None:
    async with Dovecot(tmp_path, {ADDRESS: PASSWORD}, capability="IMAP4rev1 IDLE UIDPLUS") as server:
        await server.deliver(letter("one"), ADDRESS)
        await stored_and_not_moved(server, ledger)
        with another_client(server) as client:
            client.create(ENCODED)
            client.copy("1", ENCODED)
        await server.deliver(letter("two"), ADDRESS)
        async with following(filing(server), ledger) as reader:
            await everything_filed(ledger, 2)
            await healthy(reader)
        assert (subjects(server, "INBOX"), subjects(server, ENCODED)) == ([], ["one", "two"])


async def test_a_refusal_alarms_and_costs_no_mail(dovecot: Dovecot, ledger: Ledger) -> None:
    ledger.folder = "no//such//name"
    await dovecot.deliver(note("one"), ADDRESS)
    async with following(filing(dovecot, ledger.folder), ledger) as reader:
        await in_trouble(reader, "mail cannot be filed")
        await dovecot.deliver(note("two"), ADDRESS)
        await ledger.until(lambda it: len(it.mails) == 2 and bool(it.alarms))
    assert ledger.alarms[0][0] == "mail_not_filed"
    assert subjects(dovecot, "INBOX") == ["one", "two"]
    # when somebody has mended the name
    ledger.waiting = [type(mail)(mail.uid_validity, mail.uid, FOLDER) for mail in ledger.waiting]
    async with following(filing(dovecot), ledger) as reader:
        await everything_filed(ledger, 2)
        await healthy(reader)
