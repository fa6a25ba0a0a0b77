"""Our mail, written and sent to a real SMTP server."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from pydantic import SecretStr

from channels.base import Deferred, Refused, Unreachable
from channels.email.mime import Attachment, read
from channels.email.outbound import OutgoingMail, compose, new_message_id, send, thread
from config.email import SmtpServer
from gateway.sandbox.mail import Certificate, SmtpSink

ANSWER = OutgoingMail(
    from_address="enquiries@police.example",
    from_name="Police Enquiries",
    to=("ann@public.example",),
    subject="Your report",
    body="Dear Ann,\nthank you.\n",
    message_id="<PC-7.k3@police.example>",
    in_reply_to="<second@public.example>",
    references=("<first@public.example>",),
    date=datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
    automatic=False,
)


def server(sink: SmtpSink, user: str = "", password: str = "", security: str = "none") -> SmtpServer:
    host = "localhost" if security != "none" else sink.host
    return SmtpServer.model_validate(
        {"host": host, "port": sink.port, "security": security, "user": user, "password": SecretStr(password)}
    )


@pytest.fixture
async def sink() -> AsyncIterator[SmtpSink]:
    async with SmtpSink() as running:
        yield running


async def test_an_answer_arrives_in_its_thread(sink: SmtpSink) -> None:
    await send(compose(ANSWER), server(sink))
    sent = await sink.wait_for(lambda mail: mail.recipients == ("ann@public.example",))
    mail = read(sent.raw)
    assert sent.sender == "enquiries@police.example"
    assert (mail.from_name, mail.from_address) == ("Police Enquiries", "enquiries@police.example")
    assert (mail.subject, mail.text) == ("Your report", "Dear Ann,\nthank you.")
    assert (mail.message_id, mail.date) == (ANSWER.message_id, ANSWER.date)
    assert mail.in_reply_to == "<second@public.example>"
    assert mail.references == ("<first@public.example>", "<second@public.example>")
    assert not mail.automatic
    assert mail.problems == ()


async def test_an_automatic_answer_says_so_that_no_machine_answers_it(sink: SmtpSink) -> None:
    await send(compose(replace(ANSWER, automatic=True)), server(sink))
    sent = sink.messages[0]
    assert sent.message["Auto-Submitted"] == "auto-replied"
    assert sent.message["X-Auto-Response-Suppress"] == "All"
    assert read(sent.raw).automatic


async def test_long_identifiers_of_other_systems_survive_so_that_their_threads_hold(sink: SmtpSink) -> None:
    parent = f"<{'A' * 180}@eur01.prod.outlook.example>"
    await send(compose(replace(ANSWER, in_reply_to=parent, references=(parent.lower(),))), server(sink))
    raw = sink.messages[0].raw
    assert parent.encode() in raw
    assert read(raw).references == (parent.lower(), parent)


def test_a_long_thread_keeps_its_first_and_its_newest_identifiers() -> None:
    chain = tuple(f"<{number}@public.example>" for number in range(60))
    kept = thread(chain, "<parent@public.example>")
    assert len(kept) == 20
    assert (kept[0], kept[-2:]) == (chain[0], (chain[-1], "<parent@public.example>"))


def test_what_is_no_identifier_stays_out_of_the_thread() -> None:
    assert thread(("garbage", "<a@b>\r\nBcc: x@y", "<a@b>", "<a@b>"), "") == ("<a@b>",)


async def test_line_breaks_in_what_people_typed_add_no_header(sink: SmtpSink) -> None:
    nasty = replace(
        ANSWER, subject="Hello\r\nBcc: thief@evil.example", from_name="Police\nX-Evil: 1", body="a\r\n.\r\nb\x00"
    )
    await send(compose(nasty), server(sink))
    sent = sink.messages[0]
    assert sent.recipients == ("ann@public.example",)
    assert sent.message["Bcc"] is None
    assert sent.message["X-Evil"] is None
    assert read(sent.raw).text == "a\n.\nb"


@pytest.mark.parametrize("address", ["", "nobody", "@public.example", "a@b\r\nBcc: c@d", "a@" + "b" * 80 + ".example"])
def test_an_address_that_cannot_be_written_is_refused(address: str) -> None:
    with pytest.raises(Refused):
        compose(replace(ANSWER, to=(address,)))


async def test_other_scripts_and_files_arrive_as_they_were(sink: SmtpSink) -> None:
    data = bytes(range(256))
    files = tuple(Attachment("Ünïcode.txt", kind, data, "", len(data)) for kind in ("image/png", "text/plain"))
    welsh = replace(ANSWER, from_name="Heddlu Gŵyr", subject="Diolch – 🚔", body="ŵ" * 2000, attachments=files)
    await send(compose(welsh), server(sink))
    mail = read(sink.messages[0].raw)
    assert (mail.from_name, mail.subject, mail.text) == ("Heddlu Gŵyr", "Diolch – 🚔", "ŵ" * 2000)
    assert [(file.filename, file.data) for file in mail.attachments] == [("Ünïcode.txt", data)] * 2


async def test_a_domain_in_another_script_is_sent_in_its_ascii_form(sink: SmtpSink) -> None:
    await send(compose(replace(ANSWER, to=("ann@bücher.example",))), server(sink))
    assert sink.messages[0].recipients == ("ann@xn--bcher-kva.example",)


@pytest.mark.parametrize("at", ["MAIL", "RCPT", "DATA"])
async def test_a_final_refusal_is_not_tried_again(sink: SmtpSink, at: str) -> None:
    sink.refuse_next(550, "5.1.1 no such user", at=at)  # type: ignore[arg-type]
    with pytest.raises(Refused) as refusal:
        await send(compose(ANSWER), server(sink))
    assert (refusal.value.code, refusal.value.retry) == ("550", False)


@pytest.mark.parametrize(
    ("at", "code", "alone"), [("MAIL", 451, False), ("RCPT", 451, True), ("DATA", 451, True), ("RCPT", 421, False)]
)
async def test_a_server_that_says_later_can_be_tried_again_and_of_what_it_speaks_is_known(
    sink: SmtpSink, at: Literal["MAIL", "RCPT", "DATA"], code: int, alone: bool
) -> None:
    """Of this message alone when it knows whom it is for, or of everything."""
    sink.refuse_next(code, "4.7.1 greylisted", at=at)
    with pytest.raises(Deferred, match=f"{code} 4.7.1 greylisted") as refusal:
        await send(compose(ANSWER), server(sink))
    assert (refusal.value.code, refusal.value.retry, refusal.value.alone) == (str(code), True, alone)
    await send(compose(ANSWER), server(sink))
    assert len(sink.messages) == 1


async def test_one_refused_recipient_of_two_is_not_sent_to_the_other_again(sink: SmtpSink) -> None:
    sink.refuse_next(450, "mailbox busy")
    with pytest.raises(Refused, match="1 of the recipients"):
        await send(compose(replace(ANSWER, to=("ann@public.example", "bob@public.example"))), server(sink))
    assert sink.messages[0].recipients == ("bob@public.example",)


async def test_a_server_that_is_not_there_can_be_tried_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nowhere = SmtpServer(host="127.0.0.1", port=taken.getsockname()[1], security="none")
        with pytest.raises(Unreachable):
            await send(compose(ANSWER), nowhere)


class HangsUpAtQuit(SmtpSink):
    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(server.transport, asyncio.Transport)
        server.transport.abort()
        return "221 gone"


async def test_a_link_that_breaks_after_the_mail_was_accepted_does_not_send_it_again() -> None:
    async with HangsUpAtQuit() as sink:
        await send(compose(ANSWER), server(sink))
        assert len(sink.messages) == 1


async def test_a_wrong_password_is_ours_to_mend_and_costs_no_mail() -> None:
    async with SmtpSink(login=("desk", "secret")) as sink:
        with pytest.raises(Unreachable) as refusal:
            await send(compose(ANSWER), server(sink, "desk", "guess"))
        assert refusal.value.code == "535"
        with pytest.raises(Unreachable):
            await send(compose(ANSWER), server(sink))
        await send(compose(ANSWER), server(sink, "desk", "secret"))
        assert len(sink.messages) == 1


async def test_starttls_is_demanded_and_its_certificate_checked(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch, sink: SmtpSink
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.chain, certificate.key)
    async with SmtpSink(tls=context) as guarded:
        with pytest.raises(Unreachable):
            await send(compose(ANSWER), server(guarded, security="starttls"))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.chain))
        await send(compose(ANSWER), server(guarded, security="starttls"))
        assert len(guarded.messages) == 1
    with pytest.raises(Unreachable):
        await send(compose(ANSWER), server(sink, security="starttls"))
    assert sink.messages == []


def test_our_message_ids_are_made_of_safe_characters() -> None:
    assert new_message_id("PC-2026-0007", "k3Ü <x>", "Police.Example") == "<PC-2026-0007.k3-x-@police.example>"
