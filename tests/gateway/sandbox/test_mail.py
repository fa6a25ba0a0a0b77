"""The sandbox's mail servers."""

from __future__ import annotations

import asyncio
import imaplib
import os
import smtplib
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest

from gateway.sandbox.mail import Dovecot, MailServerError, SentMail, SmtpSink

ANN, BOB = "ann@police.example", "Bob@police.example"
USERS = {ANN: "one:two", BOB: "three"}


def subjects(server: Dovecot, user: str, password: str) -> list[bytes]:
    client = imaplib.IMAP4(server.host, server.imap_port, timeout=10)
    client.login(user, password)
    client.select("INBOX", readonly=True)
    found = client.search(None, "ALL")[1][0].split()
    mails = [client.fetch(number.decode(), "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1][0] for number in found]
    client.logout()
    return [mail[1].strip() for mail in mails if isinstance(mail, tuple)]


def note(to: str, subject: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "someone@public.example", to, subject
    message.set_content("hello")
    return message


async def test_delivered_mail_can_be_read_over_imap_and_outlives_a_restart(tmp_path: Path) -> None:
    async with Dovecot(tmp_path, USERS) as server:
        await server.deliver(bytes(note(ANN, "first")), ANN)
        await server.stop()
        with pytest.raises(OSError):
            subjects(server, ANN, "one:two")
        await server.start()
        await server.deliver(bytes(note(ANN, "second")), ANN.upper())
        assert subjects(server, ANN, "one:two") == [b"Subject: first", b"Subject: second"]
        assert subjects(server, BOB, "three") == []
        with pytest.raises(imaplib.IMAP4.error):
            subjects(server, ANN, "wrong")


async def test_mail_for_nobody_is_refused(tmp_path: Path) -> None:
    async with Dovecot(tmp_path, USERS) as server:
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            await server.deliver(bytes(note("x", "lost")), "nobody@police.example")


async def test_nothing_is_left_behind(tmp_path: Path) -> None:
    async with Dovecot(tmp_path, USERS) as server:
        home, group = server.home, server.process_group
    assert not home.exists()
    with pytest.raises(ProcessLookupError):
        async with asyncio.timeout(10):
            while True:
                os.killpg(group, 0)
                await asyncio.sleep(0.01)


async def test_a_missing_program_is_named_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.sandbox.dovecot.PROGRAM", "no-such-dovecot")
    with pytest.raises(MailServerError, match="apt-get install dovecot-imapd dovecot-lmtpd"):
        async with Dovecot(tmp_path, USERS):
            pass


async def test_a_port_that_is_taken_is_said_in_words(tmp_path: Path) -> None:
    async with Dovecot(tmp_path, USERS) as first:
        with pytest.raises(MailServerError, match="Address already in use"):
            async with Dovecot(tmp_path, USERS, imap_port=first.imap_port):
                pass


async def test_the_sink_keeps_mail_and_passes_it_on_to_dovecots_users(tmp_path: Path) -> None:
    async with Dovecot(tmp_path, USERS) as server, SmtpSink(dovecot=server) as sink:
        waiting = asyncio.create_task(sink.wait_for(lambda mail: mail.message["Subject"] == "round trip"))
        await aiosmtplib.send(note(ANN, "round trip"), hostname=sink.host, port=sink.port)
        sent = await waiting
        assert (sent.sender, sent.recipients) == ("someone@public.example", (ANN,))
        assert subjects(server, ANN, "one:two") == [b"Subject: round trip"]


async def test_the_sink_refuses_as_often_as_it_was_told() -> None:
    async with SmtpSink() as sink:
        sink.refuse_next(552, "too big", times=2, at="DATA")
        for _ in range(2):
            with pytest.raises(aiosmtplib.SMTPDataError):
                await aiosmtplib.send(note(ANN, "no"), hostname=sink.host, port=sink.port)
        await aiosmtplib.send(note(ANN, "yes"), hostname=sink.host, port=sink.port)
        assert [mail.message["Subject"] for mail in sink.messages] == ["yes"]
        with pytest.raises(TimeoutError):
            await sink.wait_for(lambda mail: mail.message["Subject"] == "no", deadline=0.05)


async def test_mail_for_somebody_else_is_passed_on_or_is_to_be_tried_again() -> None:
    async with SmtpSink() as sink:
        passed = list[str]()

        async def pass_on(mail: SentMail, recipient: str) -> None:
            if passed:
                raise ConnectionError("it is gone")
            passed.append(f"{mail.sender} to {recipient}")

        sink.passes_on = pass_on
        send: dict[str, Any] = {"hostname": sink.host, "port": sink.port, "sender": ANN}
        await aiosmtplib.send(note("jo@north.invalid", "hello"), **send)
        with pytest.raises(aiosmtplib.SMTPDataError, match="451"):
            await aiosmtplib.send(note("jo@north.invalid", "hello again"), **send)
        assert passed == [f"{ANN} to jo@north.invalid"]
        assert len(sink.messages) == 1
