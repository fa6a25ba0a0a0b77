"""SIPp (Debian sip-tester) for what Python cannot do: dozens of callers with sound, and handlers who echo it."""

from __future__ import annotations

import asyncio
import math
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.sandbox.ports import LOOPBACK

ALAW_SECONDS = 2
STOP_SECONDS = 5.0

_MESSAGE = """
      {start}
      Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]{routes}
      From: <sip:+44770091[call_number]@trunk.example>;tag=[pid]a[call_number]
      To: <sip:101@[remote_ip]:[remote_port]>{tag}
      Call-ID: [call_id]
      CSeq: {cseq}
      Contact: <sip:c@[local_ip]:[local_port]>
      Max-Forwards: 70"""
_IN_DIALOG = {"routes": "\n      [routes]", "tag": "[peer_tag_param]"}
_SDP = """
      Content-Type: application/sdp
      Content-Length: [len]

      v=0
      o=- 1 1 IN IP4 [local_ip]
      s=-
      c=IN IP4 [media_ip]
      t=0 0
      m=audio [{port}] RTP/AVP 8
      a=rtpmap:8 PCMA/8000
"""
_NO_BODY = "\n      Content-Length: 0\n"


def _send(message: str, *, again: bool = False) -> str:
    """With ``again`` it is retransmitted until it is answered."""
    retransmission = ' retrans="500"' if again else ""
    return f"<send{retransmission}><![CDATA[{message}\n  ]]></send>"


def _callers(sound: Path) -> str:
    invite = _MESSAGE.format(
        start="INVITE sip:101@[remote_ip]:[remote_port] SIP/2.0", cseq="1 INVITE", routes="", tag=""
    )
    ack = _MESSAGE.format(start="ACK [next_url] SIP/2.0", cseq="1 ACK", **_IN_DIALOG)
    bye = _MESSAGE.format(start="BYE [next_url] SIP/2.0", cseq="2 BYE", **_IN_DIALOG)
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="callers">',
            _send(invite + _SDP.format(port="rtpstream_audio_port"), again=True),
            '<recv response="100" optional="true"/>\n<recv response="180" optional="true"/>',
            '<recv response="200" rrs="true"/>',
            _send(ack + _NO_BODY),
            f'<nop><action><exec rtp_stream="{sound},-1,8"/></action></nop>\n<pause/>',
            _send(bye + _NO_BODY, again=True),
            '<recv response="180" optional="true"/>\n<recv response="200"/>\n</scenario>\n',
        ]
    )


def _handlers() -> str:
    def answer(code: str, rest: str, tag: str) -> str:
        lines = ("[last_Via:]", "[last_Record-Route:]", "[last_From:]", f"[last_To:]{tag}", "[last_Call-ID:]")
        head = "\n      ".join(
            ["", f"SIP/2.0 {code}", *lines, "[last_CSeq:]", "Contact: <sip:h@[local_ip]:[local_port]>"]
        )
        return _send(head + rest)

    tag = ";tag=[pid]b[call_number]"
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="handlers">\n<recv request="INVITE"/>',
            answer("180 Ringing", _NO_BODY, tag),
            answer("200 OK", _SDP.format(port="media_port"), tag),
            '<recv request="ACK"/>\n<recv request="BYE"/>',
            answer("200 OK", _NO_BODY, ""),
            '<timewait milliseconds="500"/>\n</scenario>\n',
        ]
    )


def write_scenarios(directory: Path) -> None:
    """``callers.xml``, ``handlers.xml`` and the callers' sound, a tone in A-law."""
    period = [_alaw(int(6000 * math.sin(2 * math.pi * n / 8))) for n in range(8)]
    (directory / "tone.al").write_bytes(bytes(period) * (1000 * ALAW_SECONDS))
    (directory / "callers.xml").write_text(_callers(directory / "tone.al"))
    (directory / "handlers.xml").write_text(_handlers())


def _alaw(sample: int) -> int:
    """G.711: sign, exponent, mantissa; even bits inverted."""
    sign, magnitude = (0x80, sample) if sample >= 0 else (0, -sample - 1)
    magnitude >>= 4
    exponent = max(0, magnitude.bit_length() - 4)
    mantissa = (magnitude >> (exponent - 1 if exponent else 0)) & 0x0F
    return (sign | exponent << 4 | mantissa) ^ 0x55


@asynccontextmanager
async def sipp(directory: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """SIPp with a quiet screen; ended on the way out. Its complaints are in ``directory``."""
    with (directory / "sipp.log").open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL", "sipp", "-i", LOOPBACK, "-mi", LOOPBACK, "-nostdin"),
            *("-trace_err", "-error_file", str(directory / f"sipp-{options[1].rsplit('/', 1)[-1]}.err"), *options),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=directory,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
            await process.wait()
