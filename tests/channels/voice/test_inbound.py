"""Who is calling, and whom they called: read from the INVITE."""

from __future__ import annotations

import pytest

from channels.voice import inbound
from channels.voice.messages import Arrived
from tests.conftest import MakeSettings


def arrived(*headers: tuple[str, str], request_uri: str = "sip:101@192.0.2.1") -> Arrived:
    return Arrived("call-1", "sip:x@192.0.2.9", "", "sip:101@192.0.2.1", request_uri, "192.0.2.9:5060", headers)


def test_the_network_s_word_goes_before_the_caller_s() -> None:
    party = inbound.party_of(
        arrived(
            ("from", '"Not Me" <sip:+441632960999@trunk.example>;tag=1'),
            ("p-asserted-identity", '"Jo Public" <sip:+447700900123@trunk.example>'),
        )
    )
    assert (party.address, party.name) == ("+447700900123", "Jo Public")


def test_a_national_number_is_the_same_as_its_international_spelling() -> None:
    assert inbound.party_of(arrived(("from", "<sip:07700900123@trunk.example>;tag=1"))).address == "+447700900123"
    assert inbound.party_of(arrived(("from", "<tel:+44-7700-900123>;tag=1"))).address == "+447700900123"


@pytest.mark.parametrize(
    "sender",
    [
        *("<sip:02079460018@x>", "<sip:442079460018@x>", "<sip:00442079460018@x>", "<sip:+442079460018;npdi@x>"),
        *("<sip:%2B442079460018@x>", "sip:+442079460018@x;user=phone", "<tel:+44-20-7946-0018>"),
    ],
)
def test_every_way_in_which_a_trunk_writes_a_british_number_is_stored_as_one(sender: str) -> None:
    assert inbound.party_of(arrived(("from", sender))).address == "+442079460018"


@pytest.mark.parametrize("sender", ["<sip:101@x>", "<sip:12345@x>"])
def test_a_short_number_stays_short(sender: str) -> None:
    assert inbound.party_of(arrived(("from", sender))).address == sender[5:-3]


def test_a_caller_who_hides_in_from_is_withheld_although_the_network_knows_them() -> None:
    headers = (("from", "<sip:anonymous@anonymous.invalid>"), ("p-asserted-identity", "<tel:+447700900123>"))
    assert inbound.party_of(arrived(*headers)).withheld


@pytest.mark.parametrize("privacy", ["id", "header; id", "user", "ID", "critical;id"])
def test_a_withheld_number_is_withheld(privacy: str) -> None:
    party = inbound.party_of(arrived(("from", "<sip:+447700900123@trunk.example>"), ("privacy", privacy)))
    assert party.withheld


@pytest.mark.parametrize(
    "sender",
    [
        "<sip:anonymous@anonymous.invalid>",
        '"Anonymous" <sip:Anonymous@x>',
        "<sip:unknown@x>",
        "",
        "garbage",
        "<sip:@x>",
    ],
)
def test_who_cannot_be_known_is_withheld_and_never_an_error(sender: str) -> None:
    assert inbound.party_of(arrived(("from", sender))).withheld or sender == ""


def test_privacy_none_withholds_nothing() -> None:
    assert not inbound.party_of(arrived(("from", "<sip:+447700900123@x>"), ("privacy", "none"))).withheld


def test_the_queue_is_that_of_the_number_called(settings: MakeSettings) -> None:
    voice = settings(voice={"numbers": [{"number": "+441632960102", "queue": "texts"}]}).voice
    assert inbound.queue_of(inbound.called_number(arrived(request_uri="sip:01632960102@x")), voice) == "texts"
    assert inbound.queue_of(inbound.called_number(arrived(request_uri="sip:999999@x")), voice) == "general"


def test_the_headers_that_belong_in_the_record_are_kept_and_bounded() -> None:
    kept = dict(
        inbound.kept_headers(
            arrived(("from", "a"), ("diversion", "<sip:+44@x>"), ("user-agent", "x"), ("call-id", "c" * 2000))
        )
    )
    assert kept.keys() == {"from", "diversion", "call-id"}
    assert len(kept["call-id"]) == 500
