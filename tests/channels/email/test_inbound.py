"""The mailbox reader on a real Dovecot, with a ledger in memory in the place of the store."""

from __future__ import annotations

import errno
import imaplib
import shutil
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from channels.email.receiver import Cursor
from gateway.sandbox.mail import Certificate, Dovecot
from tests.channels.email.reading import (
    ADDRESS,
    PASSWORD,
    TODAY,
    Ledger,
    another_client,
    following,
    healthy,
    in_trouble,
    mail_files,
    mailbox_on,
    note,
    subject_of,
    until,
)


async def test_the_backlog_comes_in_order_and_then_a_new_mail_within_two_seconds(
    dovecot: Dovecot, ledger: Ledger
) -> None:
    for subject in ("one", "two", "three"):
        await dovecot.deliver(note(subject), ADDRESS)
    async with following(mailbox_on(dovecot), ledger) as reader:
        await ledger.until(lambda it: len(it.mails) == 3)
        await healthy(reader)
        sent = time.monotonic()
        await dovecot.deliver(note("four"), ADDRESS)
        await ledger.until(lambda it: len(it.mails) == 4)
        assert time.monotonic() - sent < 2
    assert ledger.subjects() == ["one", "two", "three", "four"]
    assert [mail.cursor.last_uid for mail in ledger.mails] == [1, 2, 3, 4]
    assert len({mail.cursor.uid_validity for mail in ledger.mails}) == 1
    assert ledger.mails[0].internal_date is not None
    assert ledger.mails[0].raw.endswith(note("one"))


async def test_mail_that_comes_while_a_mailbox_is_first_looked_through_does_not_wait_for_the_next_poll(
    dovecot: Dovecot, ledger: Ledger
) -> None:
    """The server announces it between two commands, and not again in IDLE."""

    def today() -> date:
        dovecot.deliver_now(note("one"), ADDRESS)
        return TODAY

    async with following(mailbox_on(dovecot), ledger, today=today):
        await ledger.until(lambda it: it.subjects() == ["one"], 5)


async def test_years_of_old_mail_in_a_mailbox_that_is_first_opened_stay_where_they_are(
    dovecot: Dovecot, ledger: Ledger
) -> None:
    with another_client(dovecot) as client:
        for days in (400, 10):
            moment = imaplib.Time2Internaldate(datetime.now(UTC) - timedelta(days=days))
            client.append("INBOX", "", moment, note(f"{days} days old"))
    # given one that is opened while nothing new is there
    async with following(mailbox_on(dovecot), ledger) as reader:
        await healthy(reader)
    assert ledger.at is not None
    assert (ledger.at.last_uid, ledger.mails) == (2, [])
    # when mail comes while we are away, however long that is
    with another_client(dovecot) as client:
        moment = imaplib.Time2Internaldate(datetime.now(UTC) - timedelta(days=9))
        client.append("INBOX", "", moment, note("came meanwhile"))
    async with following(mailbox_on(dovecot), ledger):
        await ledger.until(lambda it: len(it.mails) == 1)
    assert ledger.subjects() == ["came meanwhile"]


async def test_a_mail_that_is_announced_between_two_commands_is_not_left_until_the_next_poll(
    dovecot: Dovecot, ledger: Ledger
) -> None:
    await dovecot.deliver(note("one"), ADDRESS)
    await dovecot.deliver(note("two"), ADDRESS)
    ledger.meanwhile = lambda: dovecot.deliver(note("three"), ADDRESS)
    async with following(mailbox_on(dovecot), ledger):
        await ledger.until(lambda it: len(it.mails) == 3, deadline=5)
    assert ledger.subjects() == ["one", "two", "three"]


async def test_a_restart_of_the_mail_server_loses_nothing_and_doubles_nothing(dovecot: Dovecot, ledger: Ledger) -> None:
    async with following(mailbox_on(dovecot), ledger) as reader:
        await dovecot.deliver(note("before"), ADDRESS)
        await ledger.until(lambda it: len(it.mails) == 1)
        await dovecot.stop()
        await in_trouble(reader, "mailbox enquiries: ")
        await dovecot.start()
        await dovecot.deliver(note("after"), ADDRESS)
        await ledger.until(lambda it: len(it.mails) == 2)
        await healthy(reader)
    assert ledger.subjects() == ["before", "after"]


async def test_a_mail_server_that_stays_away_is_told_to_a_person(dovecot: Dovecot, ledger: Ledger) -> None:
    async with following(mailbox_on(dovecot), ledger) as reader:
        await healthy(reader)
        await dovecot.stop()
        await ledger.until(lambda it: bool(it.alarms))
    cause, why = ledger.alarms[0]
    assert (cause, why[:28], why[-1]) == ("mailbox_in_trouble", f"Mailbox {ADDRESS}: the mail"[:28], ".")


async def test_a_disk_on_which_no_mail_can_be_stored_is_told_to_a_person(dovecot: Dovecot, ledger: Ledger) -> None:
    full = OSError(errno.ENOSPC, "he has a knife")
    ledger.failures = [full] * 1000
    async with following(mailbox_on(dovecot), ledger):
        await dovecot.deliver(note("kept"), ADDRESS)
        await ledger.until(lambda it: bool(it.alarms))
        ledger.failures = []
        await ledger.until(lambda it: len(it.mails) == 1)
    assert "mail cannot be stored (OSError: No space left on device)." in ledger.alarms[0][1]
    assert ledger.subjects() == ["kept"]


async def test_a_server_that_falls_silent_is_noticed_and_followed_again(dovecot: Dovecot, ledger: Ledger) -> None:
    async with following(mailbox_on(dovecot), ledger, poll_seconds=0.2) as reader:
        await healthy(reader)
        with dovecot.frozen():
            await in_trouble(reader, "does not answer")
        await dovecot.deliver(note("thawed"), ADDRESS)
        await ledger.until(lambda it: len(it.mails) == 1)


async def test_a_recreated_mailbox_is_read_from_its_start(dovecot: Dovecot, ledger: Ledger) -> None:
    await dovecot.deliver(note("old"), ADDRESS)
    async with following(mailbox_on(dovecot), ledger):
        await ledger.until(lambda it: len(it.mails) == 1)
        old = ledger.mails[0].cursor
        await dovecot.stop()
        shutil.rmtree(dovecot.mail_dir(ADDRESS))
        # Dovecot takes the time in seconds for a new mailbox's UIDVALIDITY.
        await until(lambda: time.time() >= old.uid_validity + 1)
        await dovecot.start()
        await dovecot.deliver(note("new"), ADDRESS)
        await ledger.until(lambda it: len(it.mails) == 2)
    new = ledger.mails[1].cursor
    assert new.uid_validity != old.uid_validity
    assert new.last_uid == 1


async def test_flags_stay_as_they_are_and_mail_that_was_read_elsewhere_still_comes(
    dovecot: Dovecot, ledger: Ledger
) -> None:
    await dovecot.deliver(note("seen"), ADDRESS)
    await dovecot.deliver(note("unseen"), ADDRESS)
    with another_client(dovecot) as client:
        client.uid("STORE", "1", "+FLAGS", r"(\Seen)")
    async with following(mailbox_on(dovecot), ledger):
        await ledger.until(lambda it: len(it.mails) == 2)
    with another_client(dovecot) as client:
        flags = [str(line) for line in client.fetch("1:*", "(FLAGS)")[1]]
    assert ["Seen" in line for line in flags] == [True, False]


async def test_a_crash_before_the_commit_fetches_the_mail_again(dovecot: Dovecot, ledger: Ledger) -> None:
    await dovecot.deliver(note("precious"), ADDRESS)
    ledger.failures = [ConnectionError("the database went away")] * 1000
    async with following(mailbox_on(dovecot), ledger) as reader:
        await ledger.until(lambda it: it.attempts == 3)
        assert "cannot be stored" in reader.healthy()
    ledger.failures.clear()
    async with following(mailbox_on(dovecot), ledger) as reader:
        await ledger.until(lambda it: len(it.mails) == 1)
        await healthy(reader)
    assert ledger.subjects() == ["precious"]


async def test_mails_that_are_there_are_stored_together_and_one_that_cannot_be_holds_up_none_before_it(
    dovecot: Dovecot, ledger: Ledger
) -> None:
    for subject in ("one", "two", "three"):
        await dovecot.deliver(note(subject), ADDRESS)
    # given a store that takes "one" and nothing after it
    ledger.refused = "two"
    async with following(mailbox_on(dovecot), ledger) as reader:
        await ledger.until(lambda it: it.together[:4] == [3, 1, 1, 1])
        assert "cannot be stored" in reader.healthy()
        assert ledger.subjects() == ["one"]
        assert ledger.at is not None and ledger.at.last_uid == 1
        # when it takes that too
        ledger.refused = "nothing"
        await ledger.until(lambda it: len(it.mails) == 3)
        await healthy(reader)
    assert ledger.subjects() == ["one", "two", "three"]


async def test_while_mail_comes_more_of_it_does_not_wait_until_the_server_tells(tmp_path: Path, ledger: Ledger) -> None:
    # given a server that never tells by itself
    async with Dovecot(tmp_path, {ADDRESS: PASSWORD}, capability="IMAP4rev1") as server:
        await server.deliver(note("one"), ADDRESS)
        async with following(mailbox_on(server), ledger, poll_seconds=60):
            for number, subject in enumerate(("two", "three"), start=1):
                await ledger.until(lambda it, n=number: len(it.mails) == n)  # type: ignore[misc]
                await server.deliver(note(subject), ADDRESS)
            await ledger.until(lambda it: it.subjects() == ["one", "two", "three"])


async def test_a_stored_mail_is_not_fetched_again_after_a_restart_of_ours(dovecot: Dovecot, ledger: Ledger) -> None:
    await dovecot.deliver(note("one"), ADDRESS)
    async with following(mailbox_on(dovecot), ledger):
        await ledger.until(lambda it: len(it.mails) == 1)
    await dovecot.deliver(note("two"), ADDRESS)
    async with following(mailbox_on(dovecot), ledger):
        await ledger.until(lambda it: len(it.mails) == 2)
    assert ledger.subjects() == ["one", "two"]


async def test_of_a_mail_over_the_limit_only_the_start_is_fetched(dovecot: Dovecot, ledger: Ledger) -> None:
    await dovecot.deliver(note("huge", "x" * 70 + "\r\n" * 1) + b"y" * 300_000, ADDRESS)
    await dovecot.deliver(note("small"), ADDRESS)
    async with following(mailbox_on(dovecot), ledger, limit=200_000):
        await ledger.until(lambda it: len(it.mails) == 2)
    huge, small = ledger.mails
    assert (huge.too_large, len(huge.raw)) == (True, 64 * 1024)
    assert subject_of(huge.raw) == "huge"
    assert not small.too_large


async def test_a_mail_that_cannot_be_fetched_is_announced_in_words_and_does_not_hold_up_the_next(
    dovecot: Dovecot, ledger: Ledger
) -> None:
    await dovecot.deliver(note("unreadable"), ADDRESS)
    await dovecot.deliver(note("next"), ADDRESS)
    with another_client(dovecot) as client:
        assert client.fetch("1:*", "(RFC822.SIZE)")[0] == "OK"
    (broken,) = [path for path in mail_files(dovecot) if b"unreadable" in path.read_bytes()]
    broken.chmod(0)
    async with following(mailbox_on(dovecot), ledger):
        await ledger.until(lambda it: len(it.mails) == 2, deadline=20)
    assert ledger.subjects()[1] == "next"
    assert b"Please open that mailbox" in ledger.mails[0].raw


async def test_a_flood_of_flag_changes_while_idling_loses_no_mail(dovecot: Dovecot, ledger: Ledger) -> None:
    for number in range(40):
        await dovecot.deliver(note(str(number)), ADDRESS)
    for path in mail_files(dovecot):
        for copy in range(49):
            shutil.copy2(path, path.with_name(f"{copy}{path.name}"))
            shutil.chown(path.with_name(f"{copy}{path.name}"), path.owner(), path.group())
    with another_client(dovecot) as client:
        count = int(client.select("INBOX")[1][0] or b"")
        validity = int(client.response("UIDVALIDITY")[1][0])
    ledger.at = Cursor(validity, count)
    async with following(mailbox_on(dovecot), ledger) as reader:
        await healthy(reader)
        with another_client(dovecot) as client:
            client.store("1:*", "+FLAGS", r"(\Flagged)")
        await dovecot.deliver(note("after the flood"), ADDRESS)
        await ledger.until(lambda it: len(it.mails) == 1)
    assert count == 2000
    assert ledger.subjects() == ["after the flood"]


async def test_a_wrong_password_is_said_in_words(dovecot: Dovecot, ledger: Ledger) -> None:
    mailbox = mailbox_on(dovecot)
    wrong = mailbox.model_copy(update={"imap": mailbox.imap.model_copy(update={"password": SecretStr("guess")})})
    async with following(wrong, ledger) as reader:
        await in_trouble(reader, "refused login")
        assert "guess" not in reader.healthy()


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_an_encrypted_mailbox_is_followed(
    tmp_path: Path, ledger: Ledger, security: str, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.chain))
    async with Dovecot(tmp_path, {ADDRESS: PASSWORD}, certificate=certificate) as server:
        await server.deliver(note("private"), ADDRESS)
        async with following(mailbox_on(server, security, host="localhost"), ledger):
            await ledger.until(lambda it: len(it.mails) == 1)
            await server.deliver(note("pushed"), ADDRESS)
            await ledger.until(lambda it: len(it.mails) == 2)


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_certificate_that_nobody_vouches_for_is_refused(
    tmp_path: Path, ledger: Ledger, security: str, certificate: Certificate
) -> None:
    async with (
        Dovecot(tmp_path, {ADDRESS: PASSWORD}, certificate=certificate) as server,
        following(mailbox_on(server, security, host="localhost"), ledger) as reader,
    ):
        await in_trouble(reader, "CERTIFICATE_VERIFY_FAILED")
    assert ledger.mails == []
