"""Sign-in by OAuth2, as Microsoft 365 wants it: a real Dovecot and a real SMTP server that ask a local token server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from channels.base import NotLetIn, Unreachable
from channels.email.oauth2 import Tokens, missing
from channels.email.outbound import compose, send, sign_in
from config.email import Mailbox, OAuth2, SmtpServer
from gateway.emails.check import refusals
from gateway.sandbox.mail import Certificate, Dovecot, SmtpSink
from gateway.sandbox.token_server import TokenServer
from tests.channels.email.reading import ADDRESS, PASSWORD, Ledger, following, healthy, in_trouble, mailbox_on, note
from tests.channels.email.test_outbound import ANSWER


@pytest.fixture
async def microsoft(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TokenServer]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.chain))
    for elsewhere in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(elsewhere, raising=False)
    async with TokenServer(certificate, ADDRESS) as running:
        yield running


@pytest.fixture
async def dovecot(tmp_path: Path, microsoft: TokenServer) -> AsyncIterator[Dovecot]:
    async with Dovecot(tmp_path, {ADDRESS: PASSWORD}, introspection_url=microsoft.introspection_url) as server:
        yield server


@pytest.fixture
async def sink(microsoft: TokenServer) -> AsyncIterator[SmtpSink]:
    async with SmtpSink(accepts=lambda user, token: user == ADDRESS and microsoft.holds(token)) as running:
        yield running


def with_tokens(server: Dovecot, application: OAuth2) -> Mailbox:
    mailbox = mailbox_on(server)
    imap = {"host": server.host, "port": server.imap_port, "security": "none", "user": ADDRESS, "auth": "oauth2"}
    return Mailbox.model_validate(mailbox.model_dump() | {"imap": imap, "oauth2": application.model_dump()})


def smtp_on(sink: SmtpSink) -> SmtpServer:
    return SmtpServer(host=sink.host, port=sink.port, security="none", user=ADDRESS, auth="oauth2")


async def test_a_mailbox_is_followed_with_a_token_that_is_fetched_once(
    dovecot: Dovecot, microsoft: TokenServer, ledger: Ledger
) -> None:
    await dovecot.deliver(note("one"), ADDRESS)
    async with following(with_tokens(dovecot, microsoft.application()), ledger) as reader:
        await ledger.until(lambda it: len(it.mails) == 1)
        await dovecot.stop()
        await in_trouble(reader, "mailbox enquiries: ")
        await dovecot.start()
        await dovecot.deliver(note("two"), ADDRESS)
        await ledger.until(lambda it: len(it.mails) == 2)
    assert len(microsoft.issued) == 1


async def test_mail_is_sent_with_a_token_that_is_kept(sink: SmtpSink, microsoft: TokenServer) -> None:
    tokens = Tokens(microsoft.application())
    await asyncio.gather(*(send(compose(ANSWER), smtp_on(sink), tokens) for _ in range(3)))
    assert (len(sink.messages), len(microsoft.issued)) == (3, 1)


async def test_a_token_that_holds_no_more_is_replaced_at_the_next_try(sink: SmtpSink, microsoft: TokenServer) -> None:
    tokens = Tokens(microsoft.application())
    microsoft.revoked.add(await tokens.token())
    with pytest.raises(NotLetIn) as refusal:
        await send(compose(ANSWER), smtp_on(sink), tokens)
    assert (refusal.value.code, refusal.value.retry) == ("535", True)
    await send(compose(ANSWER), smtp_on(sink), tokens)
    assert (len(sink.messages), len(microsoft.issued)) == (1, 2)


async def test_a_mail_server_that_refuses_the_token_alarms_with_the_permission_that_is_missing(
    dovecot: Dovecot, sink: SmtpSink, microsoft: TokenServer, ledger: Ledger
) -> None:
    await dovecot.deliver(note("waits"), ADDRESS)
    microsoft.roles = ("SMTP.SendAsApp",)
    async with following(with_tokens(dovecot, microsoft.application()), ledger) as reader:
        await in_trouble(reader, "no permission IMAP.AccessAsApp")
        await ledger.until(lambda it: bool(it.alarms))
        cause, why = ledger.alarms[0]
        assert (cause, ADDRESS in why, "no permission IMAP.AccessAsApp" in why) == ("mailbox_refused", True, True)
        # when an administrator has given it
        microsoft.roles = ("IMAP.AccessAsApp", "SMTP.SendAsApp")
        await ledger.until(lambda it: len(it.mails) == 1)
        await healthy(reader)
    # and so it is with what is sent
    microsoft.roles = ("IMAP.AccessAsApp",)
    with pytest.raises(NotLetIn, match=r"no permission SMTP\.SendAsApp"):
        await sign_in(smtp_on(sink), Tokens(microsoft.application()))


@pytest.mark.parametrize(
    ("code", "words"),
    [(7000222, "expired"), (700016, "client_id"), (7000112, "disabled"), (7999999, "AADSTS7999999")],
)
async def test_a_refused_application_is_told_what_to_change(microsoft: TokenServer, code: int, words: str) -> None:
    microsoft.refusal = code
    tokens = Tokens(microsoft.application())
    with pytest.raises(NotLetIn, match=words) as refusal:
        await tokens.token()
    assert refusal.value.code == str(code)
    # and is let in as soon as that is done
    microsoft.refusal = 0
    assert await tokens.token() == microsoft.issued[-1]


async def test_a_wrong_secret_is_not_shown(microsoft: TokenServer) -> None:
    with pytest.raises(NotLetIn, match="the secret's Value") as refusal:
        await Tokens(microsoft.application(secret="guess-123")).token()
    assert "guess-123" not in str(refusal.value)


async def test_an_unknown_tenant_is_ours_to_mend(microsoft: TokenServer) -> None:
    with pytest.raises(NotLetIn, match="check tenant"):
        await Tokens(microsoft.application(tenant="nobody.example")).token()


async def test_a_token_server_that_is_down_can_be_tried_again(microsoft: TokenServer) -> None:
    microsoft.broken = True
    with pytest.raises(Unreachable) as failure:
        await Tokens(microsoft.application()).token()
    assert not isinstance(failure.value, NotLetIn)


def test_a_token_that_cannot_be_read_is_no_reason_to_fail() -> None:
    assert "access to this mailbox" in missing("opaque", "IMAP.AccessAsApp")


async def test_the_check_of_a_configuration_signs_in_and_says_what_is_missing(
    dovecot: Dovecot, sink: SmtpSink, microsoft: TokenServer
) -> None:
    mailbox = with_tokens(dovecot, microsoft.application()).model_copy(update={"smtp": smtp_on(sink)})
    assert await refusals([mailbox]) == []
    microsoft.roles = ("SMTP.SendAsApp",)
    reading, sending = await refusals([mailbox])
    assert f"{ADDRESS} cannot be read" in reading and "no permission IMAP.AccessAsApp" in reading
    assert f"{ADDRESS} cannot be sent from" in sending
