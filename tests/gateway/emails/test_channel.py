"""Whose an email is, and what it means: on a real Dovecot with two of our mailboxes and a real SMTP server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.api.models import message_out
from gateway.store.records import Block
from gateway.story import sentence
from tests.support.mail_site import MailServers, MailSite, letter, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

LETTERS = Path(__file__).parents[2] / "data/letters"
OURS, LOST = "contact@police.example", "lost@police.example"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MailServers]:
    async with MailServers(tmp_path_factory.mktemp("mail"), OURS, LOST) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(servers: MailServers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MailSite]:
    settings = servers.settings(tmp_path_factory.mktemp("site"), OURS, LOST, flood_messages=4)
    async with MailSite(servers, settings) as running:
        yield running


# --- whose it is -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["in-reply-to", "references", "outlook", "subject", "address"])
async def test_an_answer_joins_its_contact_in_whichever_way_the_mail_program_says_so(site: MailSite, way: str) -> None:
    jo = f"jo-{way}@public.example"
    first = await site.comes(letter(f"Jo <{jo}>", "Lost bag"))
    sent = (await site.reply(first, f"We have it ({way}).")).message
    ours, subject = str(sent["Message-ID"]), str(sent["Subject"])
    tag = subject.rpartition("[")[2].rstrip("]").lower()
    said = {
        "in-reply-to": letter(jo, "Re: Lost bag", In_Reply_To=ours),
        "references": letter(jo, "Re: Lost bag", References=f"<x@mail.example> {ours}"),
        "outlook": letter(jo.upper(), f"AW: {subject}", Thread_Index="Adl/4w==", Thread_Topic="Lost bag"),
        "subject": letter(jo, f"Something else {subject.lower()}"),
        "address": letter(jo, "Fwd", to=f"contact+{tag}@police.example"),
    }
    answer = await site.comes(said[way])
    assert answer.reference == first.reference


async def test_a_stranger_who_quotes_everything_gets_one_linked_contact_of_their_own(site: MailSite) -> None:
    first = await site.comes(letter("ann@public.example", "My case"))
    sent = (await site.reply(first, "About your case.")).message
    # given one who was shown all of it
    quote = {"In_Reply_To": str(sent["Message-ID"]), "References": str(sent["Message-ID"])}
    strange = await site.comes(letter("eve@evil.example", str(sent["Subject"]), **quote))
    again = await site.comes(letter("eve@evil.example", str(sent["Subject"]), **quote))
    # then
    assert strange.reference != first.reference
    assert (await site.contact(strange)).linked_to == first.reference
    assert again.reference == strange.reference
    ids = {m.id for m in await site.store.messages(first.reference)}
    assert not {strange.id, again.id} & ids


FAILED = {"Authentication_Results": "mx.police.example; spf=fail; dkim=none; dmarc=fail"}
PASSED = {"Authentication_Results": "mx.police.example; spf=pass; dkim=pass; dmarc=pass"}


@pytest.mark.parametrize(
    ("author", "result", "why"),
    [
        ("una1@public.example", FAILED, "its sender may be forged (DMARC failed)"),
        ("eve@evil.example", PASSED, "it was sent by eve@evil.example, which is not where it wants its answer"),
    ],
)
async def test_whoever_forges_a_persons_address_is_kept_out_of_their_contact(
    site: MailSite, author: str, result: dict[str, str], why: str
) -> None:
    # given Una's contact, and a forger who knows our mail in it
    una = "una1@public.example" if result is FAILED else "una2@public.example"
    first = await site.comes(letter(una, "My case", **PASSED))
    sent = (await site.reply(first, f"About your case, {una}.")).message
    quote = {"In_Reply_To": str(sent["Message-ID"]), "Reply_To": una}
    # when they write in her name, and again
    subject = str(sent["Subject"])
    strange = await site.comes(letter(author, subject, "I have moved.", **quote, **result))
    again = await site.comes(letter(author, subject, "As I said.", **quote, **result))
    # then that is one contact of its own, which says why
    assert strange.reference != first.reference
    assert again.reference == strange.reference
    assert (await site.contact(strange)).linked_to == first.reference
    assert why in strange.problems
    # and her own answer joins hers, and what she answers to the forger's joins that
    assert (await site.comes(letter(una, "Re: My case", **quote, **PASSED))).reference == first.reference
    ours = str((await site.reply(strange, f"You have moved, {una}?")).message["Message-ID"])
    denied = await site.comes(letter(una, "Re: My case", "That was not me.", In_Reply_To=ours, **PASSED))
    assert denied.reference == strange.reference


@pytest.mark.parametrize("headers", [FAILED, {"Reply_To": "desk@rail.example"}])
async def test_whose_mail_always_looks_forged_still_has_one_conversation(
    site: MailSite, headers: dict[str, str]
) -> None:
    first = await site.comes(letter("val@rail.example", f"Doors {len(headers)} {next(iter(headers))}", **headers))
    ours = str((await site.reply(first, f"Which doors? {first.reference}")).message["Message-ID"])
    answer = await site.comes(letter("val@rail.example", "Re: Doors", "The front ones.", In_Reply_To=ours, **headers))
    assert answer.reference == first.reference


async def test_a_reference_without_its_signature_links_and_joins_nothing(site: MailSite) -> None:
    first = await site.comes(letter("bob@public.example", "Question"))
    bare = await site.comes(letter("bob@public.example", f"Re: your reference {first.reference}"))
    forged = await site.comes(letter("bob@public.example", f"Re: [{first.reference}.AAAAAAAA]"))
    assert first.reference not in (bare.reference, forged.reference)
    assert (await site.contact(bare)).linked_to == first.reference
    assert (await site.contact(forged)).linked_to == first.reference


async def test_somebody_who_takes_our_message_id_is_neither_swallowed_nor_let_into_the_thread(site: MailSite) -> None:
    first = await site.comes(letter("cas@public.example", "Hello"))
    sent = (await site.reply(first, "Hello Cas.")).message
    thief = await site.comes(letter("thief@evil.example", "Mine", Message_ID=str(sent["Message-ID"])))
    answer = await site.comes(letter("cas@public.example", "Re: Hello", In_Reply_To=str(sent["Message-ID"])))
    assert thief.reference not in ("", first.reference)
    assert answer.reference == first.reference


async def test_whoever_has_only_overheard_a_reference_cannot_guess_what_we_called_our_mail(site: MailSite) -> None:
    first = await site.comes(letter("una@public.example", "Bag"))
    acknowledged = (await site.sent_to("una@public.example")).message["Message-ID"]
    guessed = f"<{first.reference}.{first.reference}-acknowledgement@police.example>"
    forged = await site.comes(letter("una@public.example", "Re: Bag", In_Reply_To=guessed))
    answer = await site.comes(letter("una@public.example", "Re: Bag", "Red.", In_Reply_To=acknowledged))
    assert (forged.reference == first.reference, answer.reference == first.reference) == (False, True)


async def test_the_same_mail_to_two_of_our_mailboxes_is_one_contact(site: MailSite) -> None:
    raw = letter("dee@public.example", "To all of you", to=f"{OURS}, {LOST}")
    await site.comes(raw, OURS)
    await site.servers.dovecot.deliver(b"X-Another-Hop: yes\r\n" + raw, LOST)
    await site.settled()
    assert len([m for m in await site.inbound() if m.sender == "dee@public.example"]) == 1


async def test_two_mails_that_only_share_a_message_id_are_two(site: MailSite) -> None:
    one = await site.comes(letter("kim@public.example", "Monday", "It was Monday.", Message_ID="<same@kim.example>"))
    two = await site.comes(letter("kim@public.example", "Tuesday", "No, Tuesday.", Message_ID="<same@kim.example>"))
    assert one.reference != two.reference


async def test_our_own_mail_that_comes_back_is_no_new_contact(site: MailSite) -> None:
    first = await site.comes(letter("fay@public.example", "Hi"))
    sent = await site.reply(first, "Hi Fay.")
    contacts = len(await site.store.contacts(limit=200))
    await site.servers.dovecot.deliver(sent.raw, OURS)
    # and one in our name that we never sent, as a colleague's mail program may
    aside = await site.comes(letter(OURS, "Note to ourselves"))
    assert (aside.reference, aside.status) == ("", "set_aside")
    assert "our own address" in aside.problems
    assert len(await site.store.contacts(limit=200)) == contacts


@pytest.mark.parametrize("name", ["Sender", "Return_Path"])
async def test_our_own_mail_is_known_by_whom_it_was_sent_too(site: MailSite, name: str) -> None:
    # given our mail, which comes back in another's name
    first = await site.comes(letter(f"una-{name}@public.example", "Hi"))
    sent = await site.reply(first, f"Hello, {name}.")
    message = {"Message_ID": str(sent.message["Message-ID"]), name: f"<{OURS}>"}
    contacts = len(await site.store.contacts(limit=200))
    await site.servers.dovecot.deliver(
        letter("list@public.example", "Re: Hi", f"Hello, {name}.", **message), OURS, OURS
    )
    await site.settled()
    # then it is none of theirs, and one last mail to each mailbox is all that came
    assert "list@public.example" not in {m.sender for m in await site.inbound()}
    assert len(await site.store.contacts(limit=200)) <= contacts + 2


@pytest.mark.parametrize("author", [OURS, "eve@evil.example"])
async def test_whoever_takes_our_name_and_our_message_id_is_not_swallowed(site: MailSite, author: str) -> None:
    first = await site.comes(letter("una@public.example", f"Hi {author}"))
    sent = await site.reply(first, f"Hello Una, {author}.")
    forged = {"Message_ID": str(sent.message["Message-ID"]), "Sender": OURS}
    # when somebody uses both, with words of their own
    kept = await site.comes(letter(author, "Re: Hi", "Nobody need come.", **forged))
    danger = await site.comes(letter(author, "Re: Hi", "He has a knife and he is stabbing her", **forged))
    # then it is kept and says so, and danger is seen
    assert (kept.status == "set_aside") == (author == OURS)
    assert "our own address" in kept.problems
    assert (await site.contact(danger)).emergency


async def test_a_short_note_to_ourselves_is_set_aside_and_says_what_it_sounds_like(site: MailSite) -> None:
    aside = await site.comes(letter(OURS, "Note", "he has got it out now"))
    assert (aside.reference, aside.status) == ("", "set_aside")
    assert "like other emergency messages" in aside.problems


async def test_whoever_writes_in_our_name_cannot_hide_danger(site: MailSite) -> None:
    danger = await site.comes(letter(OURS, "Help", "He has a knife and he is stabbing her"))
    assert (await site.contact(danger)).emergency


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ({"Authentication_Results": "mx.police.example; dmarc=fail"}, "Its sender may be forged (DMARC failed)."),
        ({"X_Spam_Flag": "YES"}, "A mail server marked it as spam."),
    ],
)
async def test_mail_that_may_be_forged_is_not_acknowledged_and_says_why(
    site: MailSite, header: dict[str, str], why: str
) -> None:
    doubtful = await site.comes(letter("victim@public.example", f"Lost {next(iter(header))}", **header))
    (left,) = [row for row in await site.rows("LeaveUnacknowledged") if row.reference == doubtful.reference]
    assert why in left.document


async def test_an_emergency_that_may_be_forged_is_asked_where_it_is_and_not_acknowledged(site: MailSite) -> None:
    """Asking costs whoever's name was used one mail; not asking may cost a life."""
    await site.comes(letter("named@public.example", "help", "please help me", **FAILED))
    asked = await site.sent_to("named@public.example")
    assert asked.message.get_content().startswith("Where are you now?")
    assert "please help me" not in asked.message.as_string()
    assert len([m for m in site.servers.smtp.messages if "named@public.example" in m.recipients]) == 1


async def test_a_form_on_our_website_writes_in_our_name_for_somebody_else(site: MailSite) -> None:
    form = await site.comes(letter(OURS, "Web form", Reply_To="gus@public.example"))
    assert (await site.contact(form)).party.address == "gus@public.example"
    named = await site.comes(letter("Web form <form@site.example>", "Form", Reply_To="Mia <mia@public.example>"))
    assert (await site.contact(named)).party.name == "Mia", "and a template that greets them does so by their name"


async def test_who_has_our_address_for_answers_is_still_who_wrote(site: MailSite) -> None:
    """Also with the reference that we put behind a plus, as a mail program may keep it."""
    for ours in (OURS.upper(), OURS.replace("@", "+k7m2-9qxr.mfzwizth@")):
        taken = await site.comes(letter("gil@public.example", f"Car {ours}", Reply_To=ours))
        assert (await site.contact(taken)).party.address == "gil@public.example"


async def test_soon_after_closing_an_answer_opens_the_contact_again(site: MailSite) -> None:
    first = await site.comes(letter("hal@public.example", "Noise"), LOST)
    sent = (await site.reply(first, "Noted, Hal.")).message
    await site.everything_closed()
    again = await site.comes(letter("hal@public.example", "Re: Noise", In_Reply_To=str(sent["Message-ID"])))
    assert again.reference == first.reference
    reopened = await site.contact(first)
    assert reopened.closed_at is None and reopened.reopened_at is not None
    assert [row.reference for row in await site.rows("ReopenContact")][-1] == first.reference


async def test_long_after_closing_an_answer_opens_one_linked_contact(site: MailSite) -> None:
    first = await site.comes(letter("ivy@public.example", "Noise"))
    sent = (await site.reply(first, "Noted, Ivy.")).message
    await site.everything_closed()
    quote = {"In_Reply_To": str(sent["Message-ID"])}
    site.ahead_seconds = site.settings.routing.reopen_hours * 3600 + 60
    later = await site.comes(letter("ivy@public.example", "Re: Noise", **quote))
    more = await site.comes(letter("ivy@public.example", "Re: Noise", "And this.", **quote))
    assert later.reference == more.reference != first.reference
    assert (await site.contact(later)).linked_to == first.reference
    # and that one, closed in its turn, is the one that is opened again
    await site.everything_closed()
    again = await site.comes(letter("ivy@public.example", "Re: Noise", "One more thing.", **quote))
    site.ahead_seconds = 0
    assert again.reference == later.reference


async def test_two_matters_of_one_person_are_two_contacts_that_are_linked(site: MailSite) -> None:
    one = await site.comes(letter("joy@public.example", "A bicycle"))
    two = await site.comes(letter("joy@public.example", "A parking fine"))
    other = await site.comes(letter("kay@public.example", "A parking fine"))
    assert one.reference != two.reference
    assert (await site.contact(two)).linked_to == one.reference
    assert (await site.contact(other)).linked_to == ""


@pytest.mark.parametrize("said", ["Thu, 1 Jan 2099 10:00:00 +0000", "Mon, 1 Jan 1990 10:00:00 +0000"])
async def test_a_date_that_cannot_be_is_told_and_orders_nothing(site: MailSite, said: str) -> None:
    odd = await site.comes(letter("lou@public.example", f"Hello {said}", Date=said))
    assert abs(odd.at - site.clock()) < 60
    assert f"its Date says 1 Jan {said.split()[3]} 10:00 UTC: it is shown by when it came" in odd.problems


async def test_a_mail_that_lay_in_the_mailbox_for_days_says_so_and_gets_no_automatic_answer(site: MailSite) -> None:
    """As on the day on which a mailbox is switched to us, or after a long outage."""
    site.ahead_seconds = 44 * 3600
    try:
        old = await site.comes(letter("kim@public.example", "help", "he is outside my door with a hammer"))
    finally:
        site.ahead_seconds = 0
    assert re.search(r"our mail server has had it since .* UTC, 44 h 0 min before it came here", old.problems)
    contact = await site.contact(old)
    assert contact.emergency and contact.sounds_like.endswith("; it came here 44 h 0 min late")
    assert not contact.asked_where
    (left,) = [row for row in await site.rows("LeaveUnacknowledged") if row.reference == old.reference]
    assert "44 h 0 min late" in left.document


async def test_a_mail_that_was_written_well_before_it_came_says_so(site: MailSite) -> None:
    """A telephone in a tunnel sends when it is out of it. Its clock may be wrong, so it is answered as any other."""
    written = datetime.fromtimestamp(site.clock() - 2 * 3600 - 30, UTC)
    late = await site.comes(letter("ros@public.example", "Hat", Date=format_datetime(written)))
    assert f"its Date says {written:%-d %b %Y %H:%M} UTC, 2 h 0 min before it came here" in late.problems
    assert [row for row in await site.rows("Acknowledge") if row.reference == late.reference]


# --- automatic mail --------------------------------------------------------------------------------------


async def test_mails_that_are_read_together_still_find_those_before_them(tmp_path: Path) -> None:
    async with MailServers(tmp_path, OURS) as servers:
        # given some that lie there when we come
        second = "<second@public.example>"
        for raw in (
            letter("Ann <ann@public.example>", "Lost bag"),
            letter("ann@public.example", "Something else", Message_ID=second),
            letter("bob@public.example", "Re: Something else", In_Reply_To=second),
            letter("ann@public.example", "Re: Something else", In_Reply_To=second),
        ):
            await servers.dovecot.deliver(raw, OURS)
        async with MailSite(servers, servers.settings(tmp_path / "site", OURS)) as site:
            bag, other, answer, more = await site.came(4)
            # then a second matter and a stranger's answer are linked, and her own answer joins what it answers
            assert (await site.contact(other)).linked_to == bag.reference
            assert (await site.contact(answer)).linked_to == other.reference
            assert more.reference == other.reference


async def test_an_absence_note_after_closing_opens_nothing_and_is_kept(site: MailSite) -> None:
    first = await site.comes(letter("ida@public.example", "Bye"))
    sent = (await site.reply(first, "Goodbye Ida.")).message
    await site.everything_closed()
    note = await site.comes(
        letter("ida@public.example", "Away", In_Reply_To=str(sent["Message-ID"]), Auto_Submitted="auto-replied")
    )
    assert note.reference == first.reference
    assert site.dispatcher.board.contacts == {}


async def test_a_calendars_answer_is_shown_as_a_sentence_and_answered_by_nobody(site: MailSite) -> None:
    answer = await site.comes((LETTERS / "appointment.msg").read_bytes())
    said = "Anna Smith accepts the appointment 'Statement', Tue 1 Dec 2026 10:00 to 11:00 GMT"
    assert (answer.body.strip(), answer.automatic) == (said, True)
    assert not (await site.contact(answer)).emergency
    (left,) = [row for row in await site.rows("LeaveUnacknowledged") if row.reference == answer.reference]
    assert "A machine sent it" in left.document


async def test_no_more_automatic_answers_go_to_an_address_than_allowed_in_a_day(site: MailSite) -> None:
    allowed = site.settings.email.automatic_answers_a_day
    for number in range(allowed + 2):
        await site.comes(letter("Jan@public.example" if number % 2 else "jan@public.example", f"Matter {number}"))
        await site.everything_closed()
    assert await site.store.look(lambda looks: looks.automatic_answers("jan@public.example", 0)) == allowed
    # when a day has passed
    site.ahead_seconds = 24 * 3600 + 60
    await site.comes(letter("jan@public.example", "Another day"))
    site.ahead_seconds = 0
    assert await site.store.look(lambda looks: looks.automatic_answers("jan@public.example", 0)) == allowed + 1


def bounce(action: str, status: str, original: str) -> bytes:
    return (
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: contact@police.example\nSubject: Report\n"
        f"Message-ID: <report-{action}-{original[1:20]}@mx.example>\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        "--b\n\nAbout your mail.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
        f"Final-Recipient: rfc822; lea@public.example\nAction: {action}\nStatus: {status}\n"
        "Diagnostic-Code: smtp; 550 no such user\n--b\n"
        f"Content-Type: text/rfc822-headers\n\nMessage-ID: {original}\n--b--\n"
    ).encode()


@pytest.mark.parametrize(
    ("action", "status", "becomes"), [("failed", "5.1.1", "undelivered"), ("delayed", "4.4.1", "delayed")]
)
async def test_a_delivery_report_stands_beside_the_message_that_it_reports_on(
    site: MailSite, action: str, status: str, becomes: str
) -> None:
    first = await site.comes(letter("lea@public.example", f"Hello {action}"))
    sent = (await site.reply(first, f"Hello Lea, {action}.")).message
    report = await site.comes(bounce(action, status, str(sent["Message-ID"])))
    assert (report.reference, report.by) == (first.reference, "system")
    (told,) = await site.store.look(lambda looks: looks.messages_called([str(sent["Message-ID"])]))
    assert told.status == becomes
    alarms = [row for row in await site.rows("RaiseAlarm") if row.reference == first.reference]
    assert len(alarms) == (action == "failed")
    (reported,) = [row for row in await site.rows("DeliveryReported") if row.reference == first.reference]
    assert re.search(r"told that anna's message of [0-9:]{8} UTC is", sentence(reported))
    if alarms:
        assert re.search(r"Anna's message of [0-9:]{8} UTC did not reach the person", alarms[0].document)
        assert "did not reach the person: their address is unknown (code 5.1.1 550 no such user)" in alarms[0].document
        assert told.problems == "their address is unknown"


@pytest.mark.parametrize(
    ("where", "instead"),
    [
        ("Reporting-MTA: dns; mx.example\n", "Reporting-MTA: dns; mx.example\nX-Original-Message-ID: {0}\n"),
        ("About your mail.\n", "About your mail.\n----- headers of your mail:\n\nMessage-ID: {0}\n"),
        ("Subject: Report\n", "Subject: Report\nIn-Reply-To: {0}\n"),
        ("Subject: Report\n", "Subject: Report\nReferences: <other@public.example> {0}\n"),
    ],
    ids=["fields", "text", "answers", "refers"],
)
@pytest.mark.parametrize("speaks_of", ["lea@public.example", "somebody@public.example"])
async def test_a_report_without_our_headers_is_known_by_the_identifier_that_it_names_and_by_whom_it_speaks_of(
    site: MailSite, where: str, instead: str, speaks_of: str, request: pytest.FixtureRequest
) -> None:
    words = request.node.callspec.id
    first = await site.comes(letter("lea@public.example", f"About {words}"))
    sent = (await site.reply(first, f"Hello Lea, about {words}.")).message
    identifier = str(sent["Message-ID"])
    without = bounce("failed", "5.1.1", identifier).decode().replace(f"\n\nMessage-ID: {identifier}", "\n\nX: y")
    raw = without.replace(where, instead.format(identifier), 1).replace("lea@public.example", speaks_of)

    report = await site.comes(raw.encode())

    (told,) = await site.store.look(lambda looks: looks.messages_called([identifier]))
    hers = speaks_of == "lea@public.example"
    assert (report.reference == first.reference, told.status) == ((True, "undelivered") if hers else (False, "sent"))


async def test_a_report_on_several_to_whom_their_server_passed_our_mail_on_tells_of_each(site: MailSite) -> None:
    first = await site.comes(letter("team@public.example", "Hello"))
    sent = (await site.reply(first, "Hello, team.")).message
    more = (
        b"\n\nFinal-Recipient: rfc822; ann@public.example\nAction: delivered\nStatus: 2.0.0"
        b"\n\nFinal-Recipient: rfc822; bob@public.example\nAction: failed\nStatus: 5.2.2\n--b\nContent-Type: text/rfc"
    )
    report = bounce("delayed", "4.4.1", str(sent["Message-ID"])).replace(b"\n--b\nContent-Type: text/rfc", more)
    await site.comes(report)
    (told,) = await site.store.look(lambda looks: looks.messages_called([str(sent["Message-ID"])]))
    assert told.status == "undelivered"
    (alarm,) = [row for row in await site.rows("RaiseAlarm") if row.reference == first.reference]
    for words in (
        "bob@public.example: failed 5.2.2",
        "lea@public.example: delayed 4.4.1",
        "ann@public.example: delivered",
    ):
        assert words in alarm.document


async def test_a_server_that_takes_no_mail_is_said_told_when_it_stays_away_and_costs_no_mail(site: MailSite) -> None:
    await site.servers.smtp.stop()
    first = await site.comes(letter("sky@public.example", "Hello"))
    await until(lambda: "cannot send: the mail server cannot be reached" in site.email.healthy())
    assert "mail_not_sent" not in str(await site.rows("RaiseAlarm")), "for a moment is nothing to wake anybody for"
    # when it is away for a while
    site.ahead_seconds = 120
    async with asyncio.timeout(10):
        while "mail_not_sent" not in str([row.document for row in await site.rows("RaiseAlarm")]):
            await asyncio.sleep(0.05)
    # then
    await site.servers.smtp.start()
    site.ahead_seconds = 240
    await site.sent_to("sky@public.example")
    site.ahead_seconds = 0
    await site.settled()
    assert site.email.healthy() == ""
    (sent,) = [m for m in await site.store.messages(first.reference) if m.direction == "out"]
    assert (sent.status, sent.problems) == ("sent", "")


async def test_mail_to_somebody_whose_server_wants_it_later_waits_while_others_get_theirs(site: MailSite) -> None:
    """Greylisting, for more tries than a message has."""
    grey, smtp = "grey@public.example", site.servers.smtp
    smtp.later_for.add(grey)
    first = await site.comes(letter(grey, "Hello"))

    async def told(kind: str) -> list[str]:
        return [row.document for row in await site.rows(kind) if first.reference in row.document]

    for n in range(site.settings.outbox.attempts + 2):
        site.ahead_seconds += 1000
        await site.comes(letter(f"other{n}@public.example", "Hello"))
        await site.sent_to(f"other{n}@public.example")
        async with asyncio.timeout(10):
            while len(failed := await told("SendingFailed")) <= n:
                await asyncio.sleep(0.02)
    assert all("451 4.7.1 Greylisted" in f and "is tried again, for up to 96 hours" in f for f in failed)
    (alarm,) = [a for a in await told("RaiseAlarm") if "message_waits" in a]
    assert "The automatic message of " in alarm
    # when it takes it
    smtp.later_for.clear()
    site.ahead_seconds += 1000
    await site.comes(letter("last@public.example", "Hello"))
    await site.sent_to(grey)
    # then
    site.ahead_seconds = 0
    await site.settled()
    (sent,) = [m for m in await site.store.messages(first.reference) if m.direction == "out"]
    assert (sent.status, sent.problems) == ("sent", "")


async def test_a_read_receipt_marks_the_message_and_opens_nothing(site: MailSite) -> None:
    first = await site.comes(letter("mia@public.example", "Hello"))
    sent = (await site.reply(first, "Hello Mia.")).message
    receipt = await site.comes(
        (
            "From: mia@public.example\nSubject: Read: Hello\nMessage-ID: <read@public.example>\n"
            "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n"
            "--b\n\nRead.\n--b\nContent-Type: message/disposition-notification\n\n"
            f"Final-Recipient: rfc822; mia@public.example\nOriginal-Message-ID: {sent['Message-ID']}\n"
            "Disposition: manual-action/MDN-sent-manually; displayed\n--b--\n"
        ).encode()
    )
    assert receipt.reference == first.reference
    (told,) = await site.store.look(lambda looks: looks.messages_called([str(sent["Message-ID"])]))
    assert told.status == "read"


async def test_two_gateways_that_answer_by_themselves_stop_after_one_round(tmp_path: Path) -> None:
    ours, theirs = "a@one.example", "b@two.example"
    async with MailServers(tmp_path, ours, theirs) as servers:
        one = MailSite(servers, servers.settings(tmp_path / "one", ours))
        two = MailSite(servers, servers.settings(tmp_path / "two", theirs))
        async with one, two:
            # when a mail comes to one in the other's name
            await one.comes(letter(theirs, "Hello", to=ours))
            # then its acknowledgement is the last word
            await servers.smtp.wait_for(lambda mail: mail.recipients == (theirs,))
            await two.settled()
            await one.settled()
            between = [mail for mail in servers.smtp.messages if {mail.sender, *mail.recipients} == {ours, theirs}]
            assert len(between) == 1


# --- spam and abuse --------------------------------------------------------------------------------------


async def test_only_our_own_mail_server_is_believed_about_the_sender(site: MailSite) -> None:
    trusted = "mx.police.example; spf=pass smtp.mailfrom=x; dkim=fail (bad; really) header.d=x; dmarc=none"
    raw = letter("nat@public.example", "Hi", Authentication_Results="evil.example; spf=pass; dkim=pass; dmarc=pass")
    assert (await site.comes(raw)).authentication == ""
    raw = letter("nat@public.example", "Hi again", Authentication_Results=trusted)
    assert (await site.comes(raw)).authentication == "spf=pass dkim=fail dmarc=none"


async def test_blocked_mail_is_kept_and_listed_unless_it_sounds_like_an_emergency(site: MailSite) -> None:
    now = site.clock()
    await site.store.save(Block("@spam.example", "Advertising.", "handler:sam", now, now + 3600))
    await site.store.save(Block("old@other.example", "Rude.", "handler:sam", now - 60, now - 1))
    blocked = await site.comes(letter("Any@Spam.example", "Buy"))
    assert (blocked.reference, blocked.status) == ("", "set_aside")
    assert "Advertising." in blocked.problems
    assert blocked.id in {m.id for m in await site.store.set_aside(10)}
    # but not
    assert (await site.comes(letter("old@other.example", "Block is over"))).reference
    raised = await site.comes(letter("any@spam.example", "Help", "He has a knife and he is stabbing her"))
    assert raised.reference
    # nor what comes after it in the open contact, which may be only a place
    answered = (await site.sent_to("any@spam.example")).message["Message-ID"]
    place = await site.comes(letter("any@spam.example", "Re: Help", "Platform 2", In_Reply_To=answered))
    assert place.reference == raised.reference


async def test_a_flood_from_one_sender_becomes_one_contact_but_never_an_emergency(site: MailSite) -> None:
    taken = [await site.comes(letter("flo@public.example", f"Matter {n}")) for n in range(8)]
    assert len({m.reference for m in taken[:4]}) == 4
    assert len({m.reference for m in taken[4:]}) == 1
    emergency = await site.comes(letter("flo@public.example", "Help", "He has a knife and he is stabbing her"))
    assert emergency.reference not in {m.reference for m in taken}


async def test_the_language_of_a_mail_is_told_to_routing(site: MailSite) -> None:
    welsh = "Gadewais fy mag ar y trên o Gaerdydd i Abertawe y bore yma, allwch chi helpu?"
    mail = await site.comes(letter("owain@public.example", "Bag", welsh))
    assert (mail.language, (await site.contact(mail)).language) == ("cy", "cy")


# --- what counts as what they wrote --------------------------------------------------------------------------

KNIFE = "He has a knife and he is stabbing her"
EARLIER = f"From: Jo <jo@public.example>\nSent: Monday\nTo: Trains\nSubject: Help\n\n{KNIFE}"


async def test_an_answer_to_us_is_not_an_emergency_because_of_what_it_quotes(site: MailSite) -> None:
    first = await site.comes(letter("pat@public.example", "Bag"))
    ours = str((await site.reply(first, "Thank you.")).message["Message-ID"])
    answer = await site.comes(letter("pat@public.example", "Re: Bag", f"Fine.\n\n{EARLIER}", In_Reply_To=ours))
    assert not (await site.contact(answer)).emergency
    # and a desk can fold it
    assert [(p.text, p.quoted) for p in message_out(answer, []).pieces] == [("Fine.", False), (EARLIER, True)]


@pytest.mark.parametrize(("subject", "quote"), [("RE: Help", "<1@trains.example>"), ("FW: Help", ""), ("Help", "")])
async def test_what_others_wrote_to_each_other_counts_when_we_are_let_in(
    site: MailSite, subject: str, quote: str
) -> None:
    headers = {"In_Reply_To": quote} if quote else {}
    told = await site.comes(letter("control@trains.example", subject, f"Please see below.\n\n{EARLIER}", **headers))
    assert (await site.contact(told)).emergency


@pytest.mark.parametrize(("name", "emergency"), [("passed-on", True), ("hidden-words", False)])
async def test_the_letters_that_the_page_of_emails_names_are_judged_as_it_says(
    site: MailSite, name: str, emergency: bool
) -> None:
    mail = await site.comes((LETTERS / f"{name}.msg").read_bytes())
    assert (await site.contact(mail)).emergency is emergency


async def test_words_that_the_html_hides_raise_nothing_and_are_told(site: MailSite) -> None:
    rich = f'<p>Season tickets</p><div style="display:none">{KNIFE}</div>'
    plain = letter("news@shop.example", "Offers", rich)
    mail = await site.comes(plain.replace(b"text/plain", b"text/html"))
    assert not (await site.contact(mail)).emergency
    assert KNIFE not in mail.html
    assert "[hidden words]" in mail.html
    assert mail.body == f"Season tickets\n\n[Words that this mail hides from its reader:]\n{KNIFE}"
    assert 'what it hides from its reader sounds like an emergency: "' in mail.problems
