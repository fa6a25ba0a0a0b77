"""The webhooks of a described carrier: proved before they are read, and read without losing anybody."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from channels.base import NotGenuine
from channels.text.http import inbound
from channels.text.http.carrier import HttpCarrier
from channels.text.port import IncomingText, Malformed, MediaItem, StatusReport, Webhook
from tests.channels.text.http.peers import SECRET, carrier, described

URL = "https://contact.police.example/webhooks/second/message"
NOW = 1_700_000_000.0
HELLO = {"id": "7", "from": "447700900123", "to": "61017", "text": "hello", "sent": NOW - 5}
ONE = {"messages": [HELLO]}


@pytest.fixture
def second(tmp_path: Path) -> HttpCarrier:
    return carrier(tmp_path, "http://127.0.0.1:9")


def signature(body: bytes, at: float = NOW, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), f"{int(at)}.".encode() + body, hashlib.sha256).hexdigest()


def webhook(content: Any, at: float = NOW, headers: Mapping[str, str] = MappingProxyType({})) -> Webhook:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    proved = {"x-timestamp": str(int(at)), "x-signature": signature(body, at)}
    return Webhook(URL, CIMultiDict({**proved, **headers}), body)


def read(carrier: HttpCarrier, content: Any) -> list[IncomingText | Malformed]:
    return list(carrier.read_texts(webhook(content), NOW))


class TestItsProof:
    def test_what_is_signed_is_read(self, second: HttpCarrier) -> None:
        assert second.read_texts(webhook(ONE), NOW) == [
            IncomingText("second/in/7", "+447700900123", "61017", "hello", sent_at=NOW - 5)
        ]

    @pytest.mark.parametrize(
        "headers",
        [
            {"x-signature": ""},
            {"x-signature": "00" * 32},
            {"x-signature": "gr\udcfcn"},
            {"x-signature": signature(json.dumps(ONE).encode(), secret="another")},
            {"x-signature": signature(b"another body")},
            {"x-timestamp": str(int(NOW) + 1)},
            {"x-timestamp": ""},
        ],
    )
    def test_what_is_not_is_refused(self, second: HttpCarrier, headers: dict[str, str]) -> None:
        for read_them in (second.read_texts, second.read_reports):
            with pytest.raises(NotGenuine):
                read_them(webhook(ONE, headers=headers), NOW)

    @pytest.mark.parametrize("late", [-301, 301])
    def test_a_timestamp_of_another_time_is_a_replay_though_its_signature_is_right(
        self, second: HttpCarrier, late: float
    ) -> None:
        with pytest.raises(NotGenuine, match="replay"):
            second.read_texts(webhook(ONE, at=NOW + late), NOW)
        assert second.read_texts(webhook(ONE, at=NOW + late * 0.9), NOW)

    def test_other_proofs_and_signatures_of_other_forms(self, tmp_path: Path) -> None:
        body = json.dumps(ONE).encode()
        key = {"header": {"name": "X-Key", "value": "open"}, "hmac": None}
        basic = {"basic": {"user": "us", "password": "open"}, "hmac": None}
        digest = hmac.new(SECRET.encode(), URL.encode() + body, hashlib.sha512).digest()
        other = {"secret": SECRET, "header": "X-Sig", "signed": "{url}{body}", "algorithm": "sha512"}
        signed = {"hmac": other | {"encoding": "base64", "prefix": "sha512="}}
        given = [
            (key, "X-Key", "open"),
            (basic, "Authorization", "Basic " + base64.b64encode(b"us:open").decode()),
            (signed, "X-Sig", "sha512=" + base64.b64encode(digest).decode()),
        ]
        for proof, name, value in given:
            it = carrier(tmp_path, "http://127.0.0.1:9", webhooks=proof)
            assert it.read_texts(Webhook(URL, CIMultiDict({name: value}), body), NOW)
            for wrong in (value[:-1], value + "x", ""):
                with pytest.raises(NotGenuine):
                    it.read_texts(Webhook(URL, CIMultiDict({name: wrong}), body), NOW)

    def test_an_empty_secret_proves_nothing(self, tmp_path: Path) -> None:
        it = carrier(tmp_path, "http://127.0.0.1:9", webhooks={"header": {"name": "X-Key", "value": ""}, "hmac": None})
        with pytest.raises(NotGenuine, match="no secret"):
            it.read_texts(Webhook(URL, CIMultiDict({"X-Key": ""}), b"{}"), NOW)


class TestTexts:
    def test_each_of_a_batch_is_read_and_one_that_cannot_be_costs_none(self, second: HttpCarrier) -> None:
        first, broken, last = read(second, {"messages": [HELLO, {"id": "9"}, HELLO | {"id": "8"}]})
        assert isinstance(first, IncomingText)
        assert isinstance(last, IncomingText)
        assert (first.message_sid, last.message_sid) == ("second/in/7", "second/in/8")
        assert isinstance(broken, Malformed)
        assert "no words" in str(broken)

    @pytest.mark.parametrize(("field", "missing"), [("from", "who wrote it"), ("to", "number"), ("id", "identifier")])
    def test_words_are_kept_whatever_else_is_missing(self, second: HttpCarrier, field: str, missing: str) -> None:
        (text,) = read(second, {"messages": [HELLO | {field: ""}]})
        assert isinstance(text, IncomingText)
        assert text.body == "hello"
        assert missing in text.problems
        assert text.can_reply is (field != "from")

    def test_a_text_without_an_identifier_is_the_same_when_it_is_brought_again(self, second: HttpCarrier) -> None:
        nameless = {name: value for name, value in HELLO.items() if name != "id"}
        once, again, other = read(second, {"messages": [nameless, nameless, nameless | {"text": "hello?"}]})
        assert isinstance(once, IncomingText)
        assert isinstance(again, IncomingText)
        assert isinstance(other, IncomingText)
        assert once.message_sid == again.message_sid != other.message_sid

    def test_pictures_come_with_it_and_a_broken_address_costs_no_words(self, second: HttpCarrier) -> None:
        files = [{"href": "https://c/1", "type": "image/PNG"}, {"href": "javascript:x", "type": ""}]
        (text,) = read(second, {"messages": [HELLO | {"files": files}]})
        assert isinstance(text, IncomingText)
        assert (text.media, text.media_missing, text.body) == ((MediaItem("https://c/1", "image/png"),), 1, "hello")

    @pytest.mark.parametrize(
        ("written", "stands_for", "can_reply"),
        [
            ("447700900123", "+447700900123", True),
            ("33612345678", "+33612345678", True),
            (447700900123, "+447700900123", True),
            ("07700 900123", "+447700900123", True),
            ("61016", "61016", False),
            ("Amazon", "Amazon", False),
        ],
    )
    def test_addresses_come_into_one_spelling(
        self, second: HttpCarrier, written: str, stands_for: str, can_reply: bool
    ) -> None:
        (text,) = read(second, {"messages": [HELLO | {"from": written}]})
        assert isinstance(text, IncomingText)
        assert (text.sender, text.can_reply) == (stands_for, can_reply)

    @pytest.mark.parametrize(
        ("sent", "at"),
        [("2023-11-14T22:13:20Z", NOW), ("2023-11-14T22:13:20", NOW), ("soon", None), ("", None), ("9" * 400, None)],
    )
    def test_when_it_was_sent_is_told_where_it_can_be_read(
        self, second: HttpCarrier, sent: str, at: float | None
    ) -> None:
        (text,) = read(second, {"messages": [HELLO | {"sent": sent}]})
        assert isinstance(text, IncomingText)
        assert text.sent_at == at

    def test_a_form_is_read_by_its_names_even_with_dots_in_them(self, tmp_path: Path) -> None:
        texts = {"format": "form", "each": "", "text": "msg.text", "media": "", "media_type": ""}
        it = carrier(tmp_path, "http://127.0.0.1:9", texts=texts)
        body = urlencode({"id": "7", "from": "447700900123", "to": "61017", "msg.text": "hallo £"}).encode()
        (text,) = it.read_texts(webhook(body), NOW)
        assert isinstance(text, IncomingText)
        assert text.body == "hallo £"

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"messages": []}'])
    def test_what_holds_no_text_is_refused(self, second: HttpCarrier, body: bytes) -> None:
        with pytest.raises(Malformed):
            second.read_texts(webhook(body), NOW)

    def test_what_no_database_takes_is_no_reason_to_lose_a_text(self, second: HttpCarrier) -> None:
        (text,) = read(second, {"messages": [HELLO | {"text": "a\x00b\ud800", "from": "x\x00\udfff", "id": "\ud83d"}]})
        assert isinstance(text, IncomingText)
        assert (text.body, text.sender, text.message_sid) == ("a\ufffdb?", "x\ufffd?", "second/in/?")


class TestReports:
    def reported(self, second: HttpCarrier, *reports: dict[str, str]) -> list[StatusReport | Malformed]:
        return list(second.read_reports(webhook({"reports": list(reports)}), NOW))

    def test_their_words_become_ours_and_their_codes_plain_words(self, second: HttpCarrier) -> None:
        assert self.reported(
            second,
            {"id": "1", "state": "delivered", "code": "0"},
            {"id": "2", "state": "lost", "code": "E17"},
            {"id": "3", "state": "rejected", "code": "E98"},
            {"id": "4", "state": "lost"},
        ) == [
            StatusReport("second/out/1", "delivered"),
            StatusReport("second/out/2", "undelivered", "E17", "the recipient's phone is switched off"),
            StatusReport(
                "second/out/3",
                "failed",
                "E98",
                "the text was not delivered and the carrier gave code E98, which we do not know",
            ),
            StatusReport(
                "second/out/4", "undelivered", "", "the text was not delivered and the carrier gave no reason"
            ),
        ]

    def test_a_word_that_nobody_described_says_nothing(self, second: HttpCarrier) -> None:
        assert self.reported(second, {"id": "1", "state": "pondering"}) == [StatusReport("second/out/1", "")]

    def test_a_carrier_that_is_said_not_to_report_is_not_believed(self, tmp_path: Path) -> None:
        with pytest.raises(Malformed):
            carrier(tmp_path, "http://127.0.0.1:9", reports=None).read_reports(webhook({}), NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*HELLO, "href", "x"]), inner),
    max_leaves=12,
)


@given(value=JSON | st.dictionaries(st.sampled_from([*HELLO, "files", "state", "code"]), JSON))
def test_nothing_that_is_posted_breaks_the_reader(value: Any) -> None:
    it = described()
    content = Webhook(URL, {}, json.dumps({"messages": [value], "reports": [value]}).encode())
    assert it.reports
    for one in [*inbound.read_texts(it, content), *inbound.read_reports(it, it.reports, content)]:
        assert isinstance(one, IncomingText | StatusReport | Malformed)
        assert "\x00" not in repr(one)
