"""A mailbox whose UIDs have all changed: what was there is known again, and only what is new is read."""

from __future__ import annotations

import imaplib
from datetime import UTC, datetime, timedelta

import pytest

from channels.email.headlines import PAGE
from gateway.sandbox.mail import Dovecot
from tests.channels.email.reading import (
    ADDRESS,
    Ledger,
    another_client,
    following,
    healthy,
    letter,
    mail_files,
    mailbox_on,
    note,
    with_other_uids,
)


async def listed(ledger: Ledger) -> None:
    await ledger.until(lambda it: it.at is not None and it.at.listed_to >= it.at.last_uid)


async def test_only_what_is_new_is_read_and_what_cannot_be_known_surely(dovecot: Dovecot, ledger: Ledger) -> None:
    # given mail that was read, one without a Message-ID among it
    for raw in (letter("one"), letter("two"), note("nameless")):
        await dovecot.deliver(raw, ADDRESS)
    async with following(mailbox_on(dovecot), ledger):
        await ledger.until(lambda it: len(it.mails) == 3)
    # when all UIDs change, and mail has come meanwhile: one that repeats the Message-ID of another
    await dovecot.deliver(letter("three, and longer", "one"), ADDRESS)
    await with_other_uids(dovecot, ledger)
    await dovecot.deliver(letter("four"), ADDRESS)
    async with following(mailbox_on(dovecot), ledger) as reader:
        await ledger.until(lambda it: len(it.mails) == 6)
        await healthy(reader)
    assert sorted(ledger.subjects()[3:]) == sorted(["nameless", "three, and longer", "four"])
    assert ledger.at is not None and ledger.at.last_uid == 5


async def test_mail_from_before_we_came_does_not_become_new(dovecot: Dovecot, ledger: Ledger) -> None:
    with another_client(dovecot) as client:
        for n in range(PAGE + 20):
            moment = imaplib.Time2Internaldate(datetime.now(UTC) - timedelta(days=40, minutes=n))
            client.append("INBOX", "", moment, letter(f"old {n}"))
    await dovecot.deliver(letter("new"), ADDRESS)
    async with following(mailbox_on(dovecot), ledger):
        await ledger.until(lambda it: len(it.mails) == 1)
        await listed(ledger)
    assert len(ledger.fingerprints) == PAGE + 21
    await with_other_uids(dovecot, ledger)
    await dovecot.deliver(letter("newer"), ADDRESS)
    async with following(mailbox_on(dovecot), ledger) as reader:
        await ledger.until(lambda it: len(it.mails) == 2)
        await healthy(reader)
    assert ledger.subjects() == ["new", "newer"]


async def test_old_mail_that_was_moved_here_lately_does_not_become_new_either(dovecot: Dovecot, ledger: Ledger) -> None:
    await dovecot.deliver(letter("new"), ADDRESS)
    with another_client(dovecot) as client:
        moment = imaplib.Time2Internaldate(datetime.now(UTC) - timedelta(days=40))
        client.append("INBOX", "", moment, letter("old"))
    await dovecot.deliver(letter("newer"), ADDRESS)
    async with following(mailbox_on(dovecot), ledger) as reader:
        await ledger.until(lambda it: len(it.mails) == 2)
        await healthy(reader)
    assert ledger.subjects() == ["new", "newer"]


async def test_a_run_that_ends_while_it_looks_through_goes_on_there(dovecot: Dovecot, ledger: Ledger) -> None:
    for subject in ("one", "two"):
        await dovecot.deliver(letter(subject), ADDRESS)
    async with following(mailbox_on(dovecot), ledger):
        await ledger.until(lambda it: len(it.mails) == 2)
    await dovecot.deliver(letter("three"), ADDRESS)
    await with_other_uids(dovecot, ledger)
    with another_client(dovecot) as client:  # the same order as before, in whatever order Dovecot found them
        assert client.select("INBOX")[1] == [b"3"]
    # when the store is gone as the first new one is found
    ledger.failures = [ConnectionError("the database went away")] * 1000
    async with following(mailbox_on(dovecot), ledger):
        await ledger.until(lambda it: it.attempts >= 4)
    ledger.failures.clear()
    async with following(mailbox_on(dovecot), ledger) as reader:
        await ledger.until(lambda it: len(it.mails) == 3)
        await healthy(reader)
    assert ledger.subjects() == ["one", "two", "three"]


@pytest.mark.parametrize("changed", [False, True])
async def test_a_message_that_the_server_cannot_open_holds_up_neither_the_list_nor_the_others(
    dovecot: Dovecot, ledger: Ledger, changed: bool
) -> None:
    with another_client(dovecot) as client:
        moment = imaplib.Time2Internaldate(datetime.now(UTC) - timedelta(days=40))
        client.append("INBOX", "", moment, letter("unreadable"))
        client.append("INBOX", "", moment, letter("readable"))
        assert client.fetch("1:*", "(RFC822.SIZE)")[0] == "OK"
    (broken,) = [path for path in mail_files(dovecot) if b"unreadable" in path.read_bytes()]
    broken.chmod(0)
    await dovecot.deliver(letter("new"), ADDRESS)
    async with following(mailbox_on(dovecot), ledger) as reader:
        await ledger.until(lambda it: len(it.mails) == 1)
        await listed(ledger)
        await healthy(reader)
    assert ledger.subjects() == ["new"]
    if changed:
        await with_other_uids(dovecot, ledger)
        await dovecot.deliver(letter("newer"), ADDRESS)
        async with following(mailbox_on(dovecot), ledger):
            await ledger.until(lambda it: "newer" in it.subjects(), deadline=20)
