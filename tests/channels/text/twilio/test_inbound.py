"""What arrives from the carrier is proved genuine, then read."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict, MultiDictProxy
from pydantic import SecretStr

from channels.base import NotGenuine
from channels.text.port import IncomingText, Malformed, MediaItem, StatusReport, TooMuch, Webhook
from channels.text.twilio.inbound import form_of, read_status, read_text
from config.text import Text

ACCOUNT = "AC" + "0a" * 16
MESSAGE = "SM" + "1b" * 16
URL = "https://contact.police.example/texts/arrived?centre=fcc"
TOKEN = "12345"

SETTINGS = Text(
    enabled=True,
    account_sid=ACCOUNT,
    auth_token=SecretStr(TOKEN),
    api_url="https://api.twilio.com",
    numbers=(),
    media_limit_bytes=1000,
    media_dir=Path("unused"),
    replay_window_seconds=300,
)

FORM = {
    "MessageSid": MESSAGE,
    "SmsSid": MESSAGE,
    "AccountSid": ACCOUNT,
    "From": "+447700900123",
    "To": "+447700900999",
    "Body": "man with knife, 7pm Southend to Liverpool St",
    "NumMedia": "0",
    "NumSegments": "1",
    "ApiVersion": "2010-04-01",
}


def signed(url: str, form: Mapping[str, str], token: str = TOKEN) -> str:
    """Twilio's recipe, written down a second time: the address, then each name and value in order of name."""
    text = url + "".join(name + form[name] for name in sorted(form))
    digest = hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def arrived(**changes: str | None) -> IncomingText:
    form = {name: value for name, value in {**FORM, **changes}.items() if value is not None}
    return read_text(URL, form, signed(URL, form), SETTINGS)


def posted(form: dict[str, str]) -> Webhook:
    return Webhook(URL, {"X-Twilio-Signature": "something"}, urlencode(form).encode())


def reported(**changes: str) -> StatusReport:
    form = {"MessageSid": MESSAGE, "AccountSid": ACCOUNT, "MessageStatus": "delivered", **changes}
    return read_status(URL, form, signed(URL, form), SETTINGS)


def test_a_genuine_text_is_read_word_for_word() -> None:
    text = arrived()

    assert text.message_sid == MESSAGE
    assert (text.sender, text.recipient) == ("+447700900123", "+447700900999")
    assert text.body == FORM["Body"]
    assert (text.media, text.media_missing) == ((), 0)
    assert text.can_reply


def test_the_signature_of_twilios_own_documentation_is_accepted() -> None:
    documented = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }

    with pytest.raises(NotGenuine, match="another account"):
        read_text(
            "https://mycompany.com/myapp.php?foo=1&bar=2",
            documented,
            "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
            SETTINGS,
        )


class TestNotGenuine:
    @pytest.mark.parametrize(
        ("url", "form", "signature", "why"),
        [
            (URL, FORM, "", "header is missing"),
            (URL, FORM, "bm90IGEgc2lnbmF0dXJl", "does not match"),
            (URL, FORM, "ünïcode", "does not match"),
            (URL, FORM, signed(URL, FORM, token="another"), "does not match"),
            ("https://elsewhere.example/texts/arrived", FORM, signed(URL, FORM), "does not match"),
            (URL + "&more=1", FORM, signed(URL, FORM), "does not match"),
            (URL, {**FORM, "Body": "never mind"}, signed(URL, FORM), "does not match"),
            (URL, {**FORM, "Extra": "1"}, signed(URL, FORM), "does not match"),
            ("https://host:99999/", FORM, signed(URL, FORM), "cannot be what the carrier signed"),
            (URL, {**FORM, "Body": "\ud800"}, signed(URL, FORM), "cannot be what the carrier signed"),
        ],
    )
    def test_a_form_that_the_carrier_did_not_sign_is_refused(
        self, url: str, form: dict[str, str], signature: str, why: str
    ) -> None:
        with pytest.raises(NotGenuine, match=why):
            read_text(url, form, signature, SETTINGS)

    def test_another_account_is_refused_though_its_signature_is_right(self) -> None:
        with pytest.raises(NotGenuine, match="another account"):
            arrived(AccountSid="AC" + "ff" * 16)

    def test_nothing_is_genuine_while_no_token_is_configured(self) -> None:
        unconfigured = SETTINGS.model_copy(update={"auth_token": SecretStr("")})

        with pytest.raises(NotGenuine, match="no account SID and auth token"):
            read_text(URL, FORM, signed(URL, FORM, token=""), unconfigured)

    def test_a_report_is_checked_as_a_text_is(self) -> None:
        with pytest.raises(NotGenuine):
            read_status(URL, {**FORM, "MessageStatus": "sent"}, signed(URL, FORM), SETTINGS)

    def test_the_port_that_a_proxy_adds_does_not_matter(self) -> None:
        behind = "https://contact.police.example:443/texts/arrived?centre=fcc"

        assert read_text(behind, FORM, signed(URL, FORM), SETTINGS).message_sid == MESSAGE


class TestMalformed:
    @pytest.mark.parametrize("field", ["MessageSid", "From", "To"])
    def test_a_genuine_text_is_kept_whatever_is_missing(self, field: str) -> None:
        text = arrived(**{field: None})

        assert text.body == FORM["Body"]
        assert f"{field} is missing" in text.problems

    def test_who_cannot_be_named_cannot_be_answered(self) -> None:
        text = arrived(From=None)

        assert (text.sender, text.can_reply) == ("", False)

    def test_a_text_without_an_identifier_has_one_of_its_own_the_same_when_it_is_brought_again(self) -> None:
        text = arrived(MessageSid="SM'; drop table texts")

        assert "MessageSid is not an identifier" in text.problems
        assert text.message_sid == arrived(MessageSid="SM'; drop table texts").message_sid
        assert text.message_sid != arrived(MessageSid="SM'; drop table texts", Body="another").message_sid

    def test_a_form_that_is_no_text_is_refused(self) -> None:
        with pytest.raises(Malformed, match="neither an identifier"):
            arrived(MessageSid=None, Body="", NumMedia="0")

    def test_absurd_sizes_cost_nobody_their_words(self) -> None:
        assert arrived(Body="x" * 20_000).body == "x" * 20_000
        text = arrived(From="+44" + "7" * 200)
        assert (text.body, len(text.sender), text.can_reply) == (FORM["Body"], 128, False)
        assert "From is longer" in text.problems

    def test_what_is_wrong_is_said_without_numbers_or_the_text(self) -> None:
        problems = arrived(MessageSid=FORM["From"]).problems

        assert "7700" not in problems
        assert "knife" not in problems

    def test_more_fields_than_anybody_expects_are_read_and_far_too_many_are_refused_as_too_much(self) -> None:
        form = {**FORM, **{f"Extra{n}": "x" for n in range(500)}}
        assert read_text(URL, form_of(posted(form)), signed(URL, form), SETTINGS).body == FORM["Body"]
        with pytest.raises(TooMuch):
            form_of(posted({f"Extra{n}": "x" for n in range(20_000)}))

    def test_a_form_that_is_not_said_to_be_signed_is_not_even_read(self) -> None:
        with pytest.raises(NotGenuine):
            form_of(replace(posted({f"Extra{n}": "x" for n in range(20_000)}), headers={}))

    def test_a_field_with_two_values_is_kept_with_both(self) -> None:
        twice = MultiDictProxy(MultiDict([*FORM.items(), ("From", "+447700900666")]))
        text = URL + "".join(name + value for name in sorted(set(twice)) for value in sorted(set(twice.getall(name))))
        signature = base64.b64encode(hmac.new(TOKEN.encode(), text.encode(), hashlib.sha1).digest()).decode()

        read = read_text(URL, twice, signature, SETTINGS)

        assert "From stands there more than once" in read.problems
        assert (read.body, read.can_reply) == (FORM["Body"], False)
        assert "+447700900666" in read.sender and FORM["From"] in read.sender

    def test_a_field_repeated_with_the_same_value_is_read_once(self) -> None:
        repeated = MultiDictProxy(MultiDict([*FORM.items(), ("From", FORM["From"])]))

        assert read_text(URL, repeated, signed(URL, FORM), SETTINGS).sender == FORM["From"]


class TestBody:
    @pytest.mark.parametrize("body", ["", "   ", "Hilfe 🆘 pomóż mi", "line\r\nline", "x" * 1600, "y" * 4096], ids=len)
    def test_any_body_the_carrier_can_deliver_is_kept_as_it_is(self, body: str) -> None:
        assert arrived(Body=body).body == body

    def test_a_picture_may_come_without_words(self) -> None:
        assert arrived(Body=None).body == ""

    def test_a_nul_that_no_database_stores_does_not_lose_the_text(self) -> None:
        assert arrived(Body="he\x00lp").body == "he\ufffdlp"


class TestAddresses:
    @pytest.mark.parametrize(
        ("raw", "sender"),
        [
            ("+447700900123", "+447700900123"),
            ("07700 900123", "+447700900123"),
            ("+44 7700 900123", "+447700900123"),
            ("+33612345678", "+33612345678"),
            ("+99912345678", "+99912345678"),
        ],
    )
    def test_telephone_numbers_become_e164_and_can_be_answered(self, raw: str, sender: str) -> None:
        text = arrived(From=raw)

        assert (text.sender, text.can_reply) == (sender, True)

    def test_a_number_on_whatsapp_keeps_its_service_and_can_be_answered(self) -> None:
        text = arrived(From="whatsapp:07700 900123")
        assert (text.sender, text.can_reply) == ("whatsapp:+447700900123", True)

    @pytest.mark.parametrize("raw", ["61016", "8400123", "Amazon", "FREE1234567", "12(", "٠٧٧٠٠"])
    def test_other_senders_stay_as_they_are_and_cannot_be_answered(self, raw: str) -> None:
        text = arrived(From=raw)

        assert (text.sender, text.can_reply) == (raw, False)

    def test_our_own_short_code_is_kept(self) -> None:
        text = arrived(To="61016")

        assert (text.recipient, text.can_reply) == ("61016", True)


class TestMedia:
    def test_attachments_are_listed_in_order(self) -> None:
        text = arrived(
            NumMedia="2",
            MediaUrl0="https://api.twilio.com/a",
            MediaContentType0="image/jpeg",
            MediaUrl1="https://api.twilio.com/b",
            MediaContentType1="VIDEO/mp4",
        )

        assert text.media == (
            MediaItem("https://api.twilio.com/a", "image/jpeg"),
            MediaItem("https://api.twilio.com/b", "video/mp4"),
        )
        assert text.media_missing == 0

    @pytest.mark.parametrize(
        ("announced", "missing"), [("3", 1), ("2", 0), ("0", 0), ("", 0), ("-1", 0), ("many", 0), ("9" * 5000, 0)]
    )
    def test_a_wrong_count_loses_neither_the_text_nor_what_is_there(self, announced: str, missing: int) -> None:
        text = arrived(
            NumMedia=announced,
            MediaUrl0="https://api.twilio.com/a",
            MediaUrl1="https://api.twilio.com/b",
            MediaContentType0="not a type",
        )

        assert [item.url for item in text.media] == ["https://api.twilio.com/a", "https://api.twilio.com/b"]
        assert {item.content_type for item in text.media} == {"application/octet-stream"}
        assert text.media_missing == missing

    @pytest.mark.parametrize("url", ["file:///etc/passwd", "javascript:alert(1)", "https://", "x" * 3000, " "])
    def test_an_attachment_that_cannot_be_fetched_is_counted_as_missing(self, url: str) -> None:
        text = arrived(NumMedia="1", MediaUrl0=url)

        assert (text.media, text.media_missing) == ((), 1)
        assert text.body == FORM["Body"]


class TestStatusReports:
    def test_a_delivery_is_reported(self) -> None:
        report = reported()

        assert (report.message_sid, report.status, report.error_code) == (MESSAGE, "delivered", "")
        assert report.why == ""
        assert report.why == ""

    @pytest.mark.parametrize(
        ("code", "words"),
        [
            ("30003", "switched off"),
            ("30005", "unknown"),
            ("30007", "filtered"),
            ("31999", "gave code 31999, which we do not know"),
            ("", "gave no reason"),
        ],
    )
    def test_a_failure_is_explained_in_words(self, code: str, words: str) -> None:
        report = reported(MessageStatus="undelivered", ErrorCode=code)

        assert report.error_code == code
        assert words in report.why

    def test_a_status_we_have_never_heard_of_is_passed_on(self) -> None:
        assert reported(MessageStatus="partially_delivered").status == "partially_delivered"

    @pytest.mark.parametrize("changes", [{"MessageStatus": ""}, {"MessageStatus": "<b>"}, {"ErrorCode": "oops"}])
    def test_a_report_that_says_nothing_is_refused(self, changes: dict[str, str]) -> None:
        with pytest.raises(Malformed):
            reported(**changes)


NAMES = st.sampled_from([*FORM, "MessageStatus", "ErrorCode", "MediaUrl0", "MediaContentType0", "MediaUrl9"])
ODD = st.text() | st.text(st.characters(categories=["Cs", "Cc", "Nd", "Lo"]))
VALUES = ODD | st.sampled_from([*FORM.values(), "delivered", "+" + "9" * 20, "https://x/y", "https://[::1"])
FORMS = st.dictionaries(NAMES | ODD, VALUES).map(lambda changes: {**FORM, **changes}) | st.dictionaries(
    NAMES | ODD, VALUES
)


@given(form=FORMS, url=st.just(URL) | ODD | ODD.map("https://".__add__), signature=ODD)
def test_no_form_breaks_the_reader(form: dict[str, str], url: str, signature: str) -> None:
    for read in (read_text, read_status):
        with pytest.raises(NotGenuine):
            read(url, form, signature, SETTINGS)


@given(form=FORMS)
def test_no_signed_form_breaks_the_reader(form: dict[str, str]) -> None:
    try:
        signature = signed(URL, form)
    except UnicodeEncodeError:
        return
    for read in (read_text, read_status):
        try:
            read(URL, form, signature, SETTINGS)
        except (NotGenuine, Malformed) as refusal:
            assert str(refusal)
