"""A call process that is killed: whoever it spoke to, and whoever it rang, is released through the edge at once."""

from __future__ import annotations

import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from channels.voice.call import Call, VoiceError
from channels.voice.messages import Answer, Dial, LegChanged, LegName
from tests.channels.voice.edge_peers import DOMAIN, HOST, SDP, Peer
from tests.channels.voice.edge_site import AnsweringSite, answering_site

NUMBER = f"sip:+441234567890@{DOMAIN}"


class FourLegs(AnsweringSite):
    """The caller, two who talk with them, and a supervisor whose phone rings: then the process is killed."""

    phones: dict[LegName, Peer]
    killed_at = 0.0

    async def on_call(self, call: Call) -> None:
        with suppress(VoiceError):
            await call.do(Answer())
            for leg, phone in self.phones.items():
                await call.do(Dial(leg, f"sip:{leg}@{HOST}:{phone.port}", 20))
                await until_it_is(call, leg, "ringing" if leg == "supervisor" else "answered")
            self.killed_at = time.monotonic()
            call.signal(signal.SIGKILL)
        await call.finished()


async def until_it_is(call: Call, leg: str, state: str) -> None:
    while True:
        event = await call.next(5)
        if isinstance(event, LegChanged) and (event.leg, event.state) == (leg, state):
            return


async def test_all_four_are_released_at_once() -> None:
    with tempfile.TemporaryDirectory(prefix="legs") as name:
        async with answering_site(Path(name), FourLegs, slots=1) as site:
            caller, handler, third, supervisor = [await site.peer() for _ in range(4)]
            site.phones = {"handler": handler, "third": third, "supervisor": supervisor}
            caller.request("INVITE", NUMBER, body=SDP)
            caller.in_dialog("ACK", await caller.get("200"))
            for phone in (handler, third):
                phone.reply(await phone.get("INVITE"), 200, body=SDP)
                await phone.get("ACK")
            supervisor.reply(await supervisor.get("INVITE"), 180)

            ends = [await phone.get("BYE") for phone in (caller, handler, third)]
            ends.append(await supervisor.get("CANCEL"))

            assert max(end.at for end in ends) - site.killed_at < 0.5
            for phone in (caller, handler, third, supervisor):
                phone.close()
