"""Messages that make a call process abort must never reach one; the caller who sent them is lost at most.

A raw peer stands in the call process's place and shows what would have arrived. Each message was seen to abort
a process with pjsua2 2.15.1, or is a disguise of one that does.
"""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from channels.voice.edge_files import Limits
from tests.channels.voice.edge_peers import DOMAIN, HOST, SDP, Message, Peer, Scene, scene

NUMBER = f"sip:+441234567890@{DOMAIN}"
LONG_HOST = "a" * 260
START = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n"
AUDIO = "m=audio 40000 RTP/AVP 8\r\n"
VIDEO_OFF = "m=video 0 RTP/AVP 96\r\n"
OWN_ADDRESS = "c=IN IP4 127.0.0.1\r\n"

LONG_HOSTS = {
    "session address": f"{START}c=IN IP4 {LONG_HOST}\r\nt=0 0\r\n{AUDIO}",
    "media address": f"{START}t=0 0\r\n{AUDIO}c=IN IP4 {LONG_HOST}\r\n",
    "rtcp address": SDP + f"a=rtcp:40001 IN IP4 {LONG_HOST}\r\n",
    "rtcp address after two spaces": SDP + f"a=rtcp:40001 IN IP4  {LONG_HOST}\r\n",
    "line end is LF": SDP.replace("\r\n", "\n") + f"a=rtcp:40001 IN IP4 {LONG_HOST}\n",
    "line end is CR": f"{START}s=x\rc=IN IP4 {LONG_HOST}\r\nt=0 0\r\n{AUDIO}",
    "behind a NUL": f"{START}i=\0\r\nc=IN IP4 {LONG_HOST}\r\nt=0 0\r\n{AUDIO}",
}

NO_SESSION_ADDRESS = {
    "plain": f"{START}t=0 0\r\n{AUDIO}{OWN_ADDRESS}{VIDEO_OFF}",
    "port counted": f"{START}t=0 0\r\n{AUDIO}{OWN_ADDRESS}m=video 0/2 RTP/AVP 96\r\n",
    "a time line among the media": f"{START}{AUDIO}{OWN_ADDRESS}t=0 0\r\n{VIDEO_OFF}",
    "a second start among the media": f"{START}{AUDIO}v=0\r\n{OWN_ADDRESS}t=0 0\r\n{VIDEO_OFF}",
    "line end is LF": f"{START}t=0 0\r\n{AUDIO}{OWN_ADDRESS}{VIDEO_OFF}".replace("\r\n", "\n"),
}

# Each hides the session's address from a call process: the parser runs over the line's end to the separator.
SWALLOWING = {
    "bandwidth": f"{START}b=AS\r\n{OWN_ADDRESS}a=x:1\r\nt=0 0\r\n{AUDIO}{OWN_ADDRESS}{VIDEO_OFF}",
    "bandwidth, LF": f"{START}b=\n{OWN_ADDRESS}a=x:1\r\nt=0 0\r\n{AUDIO}{OWN_ADDRESS}{VIDEO_OFF}",
    "bandwidth, no separator": f"{START}bXAS\r\n{OWN_ADDRESS}a=x:1\r\nt=0 0\r\n{AUDIO}{OWN_ADDRESS}{VIDEO_OFF}",
    "bandwidth, nothing at all": f"{START}b\r\n{OWN_ADDRESS}a=x:1\r\nt=0 0\r\n{AUDIO}{OWN_ADDRESS}{VIDEO_OFF}",
    "time": f"{START}t=0\r\n{OWN_ADDRESS}{AUDIO}{OWN_ADDRESS}{VIDEO_OFF}",
    "origin": f"v=0\r\no=- 1 1 IN IP4\r\ns=-\r\n{OWN_ADDRESS}t=0 0\r\n{AUDIO}{OWN_ADDRESS}{VIDEO_OFF}",
}

DIGITS = {
    "no line end": "Signal=5",
    "no line end, duration first": "Duration=160\r\nSignal=5",
    "spaces": "Signal= 5\r\nDuration= 160\r\n",
    "nothing": "",
    "name only": "Signal",
    "flash": "Signal=16\r\nDuration=160\r\n",
    "rubbish": "\r\n\r\n\0\0Signal",
}
CANONICAL_DIGIT = "Signal=5\r\nDuration=160\r\n"


def is_harmless_sdp(body: str) -> bool:
    """What a call process can read without harm: short addresses, and one for the whole session."""
    session = re.split(r"^m=", body, maxsplit=1, flags=re.MULTILINE)[0]
    addresses = re.findall(r"(?:c=|a=rtcp:)[^\r\n]*", body)
    has_session_address = "c=IN IP4 " in session
    return has_session_address and all(len(address) < 100 for address in addresses) and "\0" not in body


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(tmp_path) as running:
        yield running
        assert await running.answers()
        log = (tmp_path / "kamailio.log").read_text(errors="replace")
        assert "core was" not in log
        assert "CRITICAL" not in log


async def call(edge: Scene) -> Message:
    await edge.open_slots(0)
    edge.trunk.request("INVITE", NUMBER, body=SDP)
    edge.slots[0].reply(await edge.slots[0].get("INVITE"), 200, body=SDP)
    answer = await edge.trunk.get("200")
    edge.trunk.in_dialog("ACK", answer)
    await edge.slots[0].get("ACK")
    return answer


async def ring_phone(edge: Scene) -> tuple[Peer, Message]:
    """The call process dials a phone; the phone and the INVITE it got."""
    phone = await edge.peer()
    edge.slots[0].request("INVITE", f"sip:handler@{HOST}:{phone.port}", body=SDP)
    return phone, await phone.get("INVITE")


# --- SDP in requests -----------------------------------------------------------------------------------


@pytest.mark.parametrize("body", LONG_HOSTS.values(), ids=LONG_HOSTS.keys())
async def test_an_endless_host_name_is_refused(edge: Scene, body: str) -> None:
    await edge.open_slots(0)
    edge.trunk.request("INVITE", NUMBER, body=body)

    assert (await edge.trunk.get("400")).what == "400"
    assert not edge.slots[0].received


async def test_a_body_without_its_length_is_refused(edge: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await edge.open_slots(0)
    send = edge.trunk.send
    monkeypatch.setattr(edge.trunk, "send", lambda text: send(re.sub(r"Content-Length:[^\r]*\r\n", "", text)))
    edge.trunk.request("INVITE", NUMBER, body=LONG_HOSTS["rtcp address"])

    assert (await edge.trunk.get("400")).what == "400"
    assert not edge.slots[0].received


@pytest.mark.parametrize("body", LONG_HOSTS.values(), ids=LONG_HOSTS.keys())
async def test_an_endless_host_name_is_refused_within_a_call(edge: Scene, body: str) -> None:
    answer = await call(edge)
    for method in ("UPDATE", "PRACK", "INVITE"):
        edge.trunk.in_dialog(method, answer, body=body)
        assert (await edge.trunk.get("400")).header("CSeq").endswith(method)
        assert not edge.slots[0].has("UPDATE")
        assert not edge.slots[0].has("PRACK")
    edge.trunk.in_dialog("ACK", answer, body=body)  # cannot be refused, only dropped
    edge.trunk.in_dialog("BYE", answer)
    await edge.slots[0].get("BYE")
    assert [m.what for m in edge.slots[0].received] == ["INVITE", "ACK", "BYE"]


@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
async def test_an_update_with_more_media_is_refused_and_the_call_goes_on(edge: Scene, line_end: str) -> None:
    answer = await call(edge)
    edge.trunk.in_dialog("UPDATE", answer, body=(SDP + AUDIO + VIDEO_OFF).replace("\r\n", line_end))
    assert (await edge.trunk.get("488")).header("CSeq").endswith("UPDATE")

    edge.trunk.in_dialog("UPDATE", answer, body=SDP)
    assert (await edge.slots[0].get("UPDATE")).body
    edge.trunk.in_dialog("BYE", answer)
    await edge.slots[0].get("BYE")
    assert [m.what for m in edge.slots[0].received] == ["INVITE", "ACK", "UPDATE", "BYE"]


@pytest.mark.parametrize("body", NO_SESSION_ADDRESS.values(), ids=NO_SESSION_ADDRESS.keys())
async def test_media_without_a_session_address_is_repaired_so_that_the_caller_gets_through(
    edge: Scene, body: str
) -> None:
    await edge.open_slots(0)
    edge.trunk.request("INVITE", NUMBER, body=body)

    assert is_harmless_sdp((await edge.slots[0].get("INVITE")).body)


@pytest.mark.parametrize("body", SWALLOWING.values(), ids=SWALLOWING.keys())
async def test_a_line_that_would_swallow_the_session_address_is_refused_everywhere(edge: Scene, body: str) -> None:
    answer = await call(edge)
    edge.trunk.in_dialog("INVITE", answer, body=body)
    assert (await edge.trunk.get("400")).header("CSeq").endswith("INVITE")
    assert [m.what for m in edge.slots[0].received] == ["INVITE", "ACK"]

    phone, invite = await ring_phone(edge)
    phone.reply(invite, 200, body=body)
    assert (await edge.slots[0].get("200")).body == ""


async def test_usual_bandwidth_and_time_lines_pass(edge: Scene) -> None:
    await edge.open_slots(0)
    body = f"{START}{OWN_ADDRESS}b=AS:64\r\nb=TIAS:64000\r\nt=3034423619 3042462419\r\n{AUDIO}b=RS:0\r\n"
    edge.trunk.request("INVITE", NUMBER, body=body)
    assert (await edge.slots[0].get("INVITE")).body == body


async def test_whatever_lines_a_session_may_have_pass(edge: Scene) -> None:
    await edge.open_slots(0)
    body = (
        "v=0\r\no=Cisco-UA 25678 1 IN IP4 127.0.0.1\r\ns=SIP Call\r\ni=a call\r\nu=http://carrier.example/\r\n"
        f"e=noc@carrier.example\r\np=+44 1632 960000\r\n{OWN_ADDRESS}b=AS:84\r\nt=0 0\r\nr=7d 1h 0 25h\r\nz=0 -1h\r\n"
        "k=prompt\r\na=sendrecv\r\na=msid-semantic: WMS\r\nm=audio 40000 RTP/AVP 8 0 101\r\nc=IN IP4 127.0.0.1\r\n"
        "a=rtpmap:8 PCMA/8000\r\na=fmtp:101 0-16\r\na=rtcp:40001 IN IP4 127.0.0.1\r\na=silenceSupp:off - - - -\r\n\r\n"
    )
    edge.trunk.request("INVITE", NUMBER, body=body)
    assert (await edge.slots[0].get("INVITE")).body == body


HIDDEN = {
    "as the only part": "--b\r\nContent-Type: application/sdp\r\n\r\n{sdp}\r\n--b--\r\n",
    "behind harmless text": "--b\r\nContent-Type: text/plain\r\n\r\nv=0\r\nc=IN IP4 1.2.3.4\r\n\r\n"
    "--b\r\nContent-Type: application/sdp\r\n\r\n{sdp}\r\n--b--\r\n",
    "behind a NUL": "--b\r\nContent-Type: text/plain\r\n\r\n\0\r\n"
    "--b\r\nContent-Type: application/sdp\r\n\r\n{sdp}\r\n--b--\r\n",
}


@pytest.mark.parametrize("hiding", HIDDEN.values(), ids=HIDDEN.keys())
@pytest.mark.parametrize("sdp", [LONG_HOSTS["rtcp address"], NO_SESSION_ADDRESS["plain"]], ids=["long", "none"])
async def test_sdp_in_a_multipart_body_is_checked_too(edge: Scene, hiding: str, sdp: str) -> None:
    await edge.open_slots(0)
    edge.trunk.request("INVITE", NUMBER, body=hiding.format(sdp=sdp), content_type='multipart/mixed; boundary="b"')

    await edge.trunk.get("400", "100")
    if not edge.trunk.has("400"):
        body = (await edge.slots[0].get("INVITE")).body
        assert body == "" or is_harmless_sdp(body)  # without SDP the call process makes the offer


async def test_the_location_beside_the_sdp_is_kept_for_the_gateway(edge: Scene) -> None:
    await edge.open_slots(0)
    location = "<presence>" + "x" * 6000 + "</presence>"
    body = (
        f"--b\r\nContent-Type: application/sdp\r\n\r\n{SDP}\r\n"
        f"--b\r\nContent-Type: application/pidf+xml\r\n\r\n{location}\r\n--b--\r\n"
    )
    kind = "multipart/mixed;boundary=b"
    call_id = edge.trunk.request("INVITE", NUMBER, body=body, content_type=kind, headers=("X-Kept-Body: forged",))

    invite = await edge.slots[0].get("INVITE")

    assert invite.header("Content-Type") == "application/sdp"
    assert invite.body.strip() == SDP.strip()
    assert len(invite.raw) < 3600
    assert invite.all("X-Kept-Body") == [kind]
    assert await edge.control.kept_body(call_id) == body
    assert await edge.control.kept_body("another") is None


# --- headers that a call process would read, and the edge not ------------------------------------------

PARTS = "multipart/mixed;boundary=b"
SMUGGLED = {
    "behind a lone CR": f"\r\nSubject: x\rContent-Type: {PARTS}",
    "a lone CR in the first place": f"\rContent-Type: {PARTS}",
    "behind a NUL": f"\r\nSubject: \0\rContent-Type: {PARTS}",
    "a second type": f"\r\nContent-Type: {PARTS}",
    "a second type, short": f"\r\nc: {PARTS}",
    "a second length": "\r\nl: 10",
}


def smuggling(message: str, what: str) -> str:
    """The message with something more between the type of its body and its length."""
    head, length, rest = message.partition("\r\nContent-Length:")
    return head + what + length + rest


def smuggles(peer: Peer, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    send = peer.send
    monkeypatch.setattr(peer, "send", lambda message: send(smuggling(message, what)))


@pytest.mark.parametrize("smuggled", SMUGGLED.values(), ids=SMUGGLED.keys())
async def test_a_request_that_a_call_process_would_read_otherwise_than_the_edge_is_refused(
    edge: Scene, smuggled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await call(edge)
    body = "v=0\r\nc=IN IP4 1.2.3.4\r\n" + HIDDEN["as the only part"].format(sdp=NO_SESSION_ADDRESS["plain"])
    with monkeypatch.context() as patched:
        smuggles(edge.trunk, smuggled, patched)
        edge.trunk.in_dialog("INVITE", answer, body=body)
        edge.trunk.in_dialog("ACK", answer, body=body)
        edge.trunk.request("INVITE", NUMBER, body=SDP)
    edge.trunk.in_dialog("BYE", answer)

    await edge.slots[0].get("BYE")
    assert [m.what for m in edge.slots[0].received] == ["INVITE", "ACK", "BYE"]


@pytest.mark.parametrize("smuggled", SMUGGLED.values(), ids=SMUGGLED.keys())
async def test_an_answer_that_a_call_process_would_read_otherwise_than_the_edge_is_dropped(
    edge: Scene, smuggled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone, invite = await ring_phone(edge)
    with monkeypatch.context() as patched:
        smuggles(phone, smuggled, patched)
        phone.reply(invite, 200, body=SDP)
    phone.reply(invite, 486)

    await edge.slots[0].get("486")
    assert not edge.slots[0].has("200")


# --- digits --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", DIGITS.values(), ids=DIGITS.keys())
async def test_a_digit_by_info_arrives_in_the_one_safe_form_or_not_at_all(edge: Scene, body: str) -> None:
    answer = await call(edge)
    edge.trunk.in_dialog("INFO", answer, body=body, content_type="application/dtmf-relay")
    edge.trunk.in_dialog("BYE", answer)
    await edge.slots[0].get("BYE")

    infos = [message.body for message in edge.slots[0].received if message.what == "INFO"]

    assert infos in ([], [CANONICAL_DIGIT])


async def test_a_sloppy_phone_can_still_press_a_key(edge: Scene) -> None:
    answer = await call(edge)
    for body, kind in (("Signal=5", "application/dtmf-relay"), ("5", "application/dtmf")):
        edge.trunk.in_dialog("INFO", answer, body=body, content_type=kind)
        info = await edge.slots[0].get("INFO")
        assert info.body == CANONICAL_DIGIT
        assert info.header("Content-Type") == "application/dtmf-relay"


async def test_info_of_another_kind_is_refused(edge: Scene) -> None:
    answer = await call(edge)
    edge.trunk.in_dialog("INFO", answer, body="<media_control/>", content_type="application/media_control+xml")
    assert (await edge.trunk.get("415")).what == "415"


# --- replies -------------------------------------------------------------------------------------------


async def test_early_media_that_refuses_our_audio_does_not_reach_the_call_process(edge: Scene) -> None:
    phone, invite = await ring_phone(edge)
    phone.reply(invite, 183, body=SDP.replace("40000", "0"))

    assert "m=audio" not in (await edge.slots[0].get("183")).text


@pytest.mark.parametrize("body", LONG_HOSTS.values(), ids=LONG_HOSTS.keys())
async def test_an_answer_with_an_endless_host_name_arrives_without_its_sdp(edge: Scene, body: str) -> None:
    phone, invite = await ring_phone(edge)
    phone.reply(invite, 200, body=body)

    assert LONG_HOST not in (await edge.slots[0].get("200")).text


@pytest.mark.parametrize("body", NO_SESSION_ADDRESS.values(), ids=NO_SESSION_ADDRESS.keys())
async def test_an_answer_without_a_session_address_is_repaired(edge: Scene, body: str) -> None:
    phone, invite = await ring_phone(edge)
    phone.reply(invite, 200, body=body)

    arrived = (await edge.slots[0].get("200")).body
    assert not arrived or is_harmless_sdp(arrived)


async def test_an_answer_in_several_parts_arrives_without_them(edge: Scene) -> None:
    phone, invite = await ring_phone(edge)
    body = HIDDEN["behind a NUL"].format(sdp=LONG_HOSTS["rtcp address"])
    phone.reply(invite, 200, body=body, content_type="multipart/mixed;boundary=b")

    assert LONG_HOST not in (await edge.slots[0].get("200")).text


async def test_an_answer_whose_contact_is_no_sip_address_gets_one_that_works(edge: Scene) -> None:
    phone, invite = await ring_phone(edge)
    phone.reply(invite, 200, body=SDP, contact="Contact: <tel:+44123>")

    answer = await edge.slots[0].get("200")
    edge.slots[0].in_dialog("ACK", answer)

    assert answer.contact_uri == f"sip:{HOST}:{phone.port}"
    assert answer.all("Record-Route")
    assert (await phone.get("ACK")).what == "ACK"


async def test_an_oversized_answer_is_dropped(edge: Scene) -> None:
    phone, invite = await ring_phone(edge)
    phone.reply(invite, 180, contact="Subject: " + "x" * 4000)
    phone.reply(invite, 486)

    await edge.slots[0].get("486")
    assert not edge.slots[0].has("180")


# --- takeover, fraud, size, odd addresses --------------------------------------------------------------


@pytest.mark.parametrize("method", ["REFER", "SUBSCRIBE", "PUBLISH", "MESSAGE", "NOTIFY"])
async def test_methods_that_could_redirect_or_load_a_call_process_are_refused(edge: Scene, method: str) -> None:
    answer = await call(edge)
    edge.trunk.in_dialog(method, answer)
    assert (await edge.trunk.get("405")).header("Allow")
    edge.trunk.request(method, NUMBER)
    assert (await edge.trunk.get("405")).what == "405"
    assert not edge.slots[0].has(method)


async def test_nobody_takes_a_call_over_with_replaces(edge: Scene) -> None:
    await edge.open_slots(0)
    edge.trunk.request("INVITE", NUMBER, body=SDP, headers=("Replaces: a;to-tag=b;from-tag=c", "Join: a;to-tag=b"))

    text = (await edge.slots[0].get("INVITE")).text
    assert "Replaces" not in text
    assert "Join" not in text

    await edge.open_slots(1)
    edge.trunk.request("INVITE", NUMBER, body=SDP, headers=("Subject: x\rReplaces: a;to-tag=b;from-tag=c",))
    assert (await edge.trunk.get("400")).what == "400"


async def test_a_preloaded_route_does_not_lead_past_the_call_process(edge: Scene) -> None:
    await edge.open_slots(0)
    elsewhere = await edge.peer()
    edge.trunk.request("INVITE", NUMBER, body=SDP, headers=(f"Route: <sip:{HOST}:{elsewhere.port};lr>",))

    assert not (await edge.slots[0].get("INVITE")).all("Route")
    assert not elsewhere.received


async def test_an_emergency_urn_reaches_the_call_process_as_a_sip_address(edge: Scene) -> None:
    await edge.open_slots(0)
    edge.trunk.request(
        "INVITE", "urn:service:sos.police", body=SDP, headers=("X-Requested-URI: forged",), to="<urn:service:sos>"
    )

    invite = await edge.slots[0].get("INVITE")
    assert invite.first_line == f"INVITE sip:sos@{DOMAIN} SIP/2.0"
    assert invite.all("X-Requested-URI") == ["urn:service:sos.police"]


async def test_a_sips_address_is_carried_as_sip(edge: Scene) -> None:
    await edge.open_slots(0)
    edge.trunk.request("INVITE", f"sips:101@{DOMAIN}", body=SDP)
    assert (await edge.slots[0].get("INVITE")).first_line == f"INVITE sip:101@{DOMAIN} SIP/2.0"


async def test_a_message_longer_than_a_call_process_can_read_is_refused(edge: Scene) -> None:
    await edge.open_slots(0)
    edge.trunk.request("INVITE", NUMBER, body=SDP, headers=("Subject: " + "x" * 4000,))
    assert (await edge.trunk.get("513")).what == "513"
    assert not edge.slots[0].received


async def test_options_are_answered_by_the_edge_even_within_a_call(edge: Scene) -> None:
    answer = await call(edge)
    edge.trunk.in_dialog("OPTIONS", answer)
    assert (await edge.trunk.get("200")).header("CSeq").endswith("OPTIONS")
    assert not edge.slots[0].has("OPTIONS")


# --- floods and rubbish --------------------------------------------------------------------------------


async def test_a_flooding_address_is_ignored_and_the_call_processes_are_not(tmp_path: Path) -> None:
    limits = Limits(flood=20, flood_exempt=("192.0.2.1",), workers=2)
    async with scene(tmp_path, limits=limits) as edge:
        flooder = await edge.peer()
        for _ in range(60):
            flooder.request("OPTIONS", f"sip:{DOMAIN}")
        await flooder.get("200")
        with pytest.raises(TimeoutError):
            await edge.trunk.get(edge.trunk.request("OPTIONS", f"sip:{DOMAIN}") and "200", within=0.3)

        assert sum(message.what == "200" for message in flooder.received) < 40
        assert await edge.control.ping()


async def test_rubbish_and_torture_leave_the_edge_answering_and_the_slots_in_peace(edge: Scene) -> None:
    await edge.open_slots(0, 1, 2)
    rng = random.Random(4475)
    seed = f"INVITE {NUMBER} SIP/2.0\r\nVia: SIP/2.0/UDP {HOST};branch=z9hG4bKx\r\nCSeq: 1 INVITE\r\n\r\n".encode()
    sender = await edge.peer()

    for message in (*TORTURE, *(mutated(rng, seed) for _ in range(300))):
        sender.send(message)

    assert await edge.answers()
    assert [m.text for slot in edge.slots for m in slot.received] == []


def mutated(rng: random.Random, seed: bytes) -> bytes:
    data = bytearray(seed)
    for _ in range(rng.randint(1, 30)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data[: rng.randint(1, len(data))])


def broken(
    line: str = f"INVITE {NUMBER} SIP/2.0", cseq: str = "1 INVITE", via: str = HOST, *more: str, body: str = ""
) -> bytes:
    """An INVITE with one thing wrong, in the manner of RFC 4475 section 3."""
    lines = (
        line,
        f"Via: SIP/2.0/UDP {via};branch=z9hG4bKtorture",
        "Max-Forwards: 70",
        "From: <sip:caller@carrier.example>;tag=1",
        f"To: <{NUMBER}>",
        f"Call-ID: torture-{len(line)}-{len(more)}",
        f"CSeq: {cseq}",
        *more,
    )
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


TORTURE = (
    b"",
    b"\r\n\r\n\r\n\r\n",
    b"\0" * 1000,
    b"\xff\xfe" * 700,
    b"GET / HTTP/1.1\r\nHost: example\r\n\r\n",
    b"SIP/2.0 200 OK\r\n\r\n",
    b"SIP/2.0 99999 Huge\r\nVia: SIP/2.0/UDP x\r\n\r\n",
    b"INVITE",
    b"INVITE sip: SIP/2.0\r\n\r\n",
    broken(f"INVITE {NUMBER} SIP/7.0"),
    broken(f"INVITE <{NUMBER}> SIP/2.0"),
    broken(f"INVITE {NUMBER}; lr SIP/2.0"),
    broken(f"INVITE  {NUMBER}  SIP/2.0"),
    broken(f"INVITE {NUMBER}?Route=%3Csip:x%3E SIP/2.0"),
    broken("INVITE nobodyKnowsThisScheme:totally SIP/2.0"),
    broken("INVITE sip:" + "a" * 3000 + " SIP/2.0"),
    broken("NEWMETHOD sip:x@y SIP/2.0", "1 NEWMETHOD"),
    broken(cseq="36893488147419103232 INVITE"),
    broken(cseq="1 OPTIONS"),
    broken(cseq="-1 INVITE"),
    broken(via="[::1"),
    broken(via="," * 200),
    broken(f"INVITE {NUMBER} SIP/2.0", "1 INVITE", HOST, "Content-Length: -999"),
    broken(f"INVITE {NUMBER} SIP/2.0", "1 INVITE", HOST, "Content-Length: 9999", body="v=0"),
    broken(f"INVITE {NUMBER} SIP/2.0", "1 INVITE", HOST, "Proxy-Require: nothing", "Require: all"),
    broken(f"INVITE {NUMBER} SIP/2.0", "1 INVITE", HOST, *["X: y"] * 400),
)
