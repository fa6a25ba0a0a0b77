"""The inside of a sandbox phone: pjsua2 in a process of its own, driven by JSON lines on stdin.

The first line holds the settings. Each further line is an order, ``{"do": name, "number": n, ...}``, answered
by ``{"event": "done", "number": n, "why": ""}``; every line that is written has ``at``, in epoch seconds. One
thread talks to the library, and the process ends, by ``os._exit``, when stdin closes.
"""

from __future__ import annotations

import collections
import gc
import heapq
import itertools
import json
import os
import re
import select
import time
import traceback
from collections.abc import Callable
from typing import Any

import pjsua2 as pj

from gateway.sandbox.phone_library import Account, Call, Events, Player, account_config, start_endpoint

_IDLE_SECONDS = 0.05
_ANSWER_MODE = re.compile(r"^Answer-Mode:\s*Auto\b", re.IGNORECASE | re.MULTILINE)  # RFC 5373
_FILE_SECONDS = 0.15  # a recorder that was dropped closes its file on a later tick of the sound clock


class PhoneProcess:
    def __init__(self, settings: dict[str, Any], out: int) -> None:
        self.settings, self.out = settings, out
        self.events: Events = collections.deque()
        self.kept: list[Any] = []
        self.timers: list[tuple[float, int, Callable[[], None]]] = []
        self.count = itertools.count(1)
        self.call: Call | None = None
        self.second: Call | None = None  # beside it, to ask somebody
        self.recorders: list[pj.AudioMediaRecorder] = []
        self.recording: pj.AudioMediaRecorder | None = None
        self.endpoint = start_endpoint(settings["address"], settings["port"])
        self.account = Account(self.events)
        self.account.create(account_config(settings))
        self.voice = self.player = Player(self.events, settings["voice"], loop=True)
        self.tell("started")

    def tell(self, event: str, **facts: Any) -> None:
        os.write(self.out, json.dumps({"event": event, "at": time.time(), **facts}).encode() + b"\n")

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self.timers, (time.monotonic() + seconds, next(self.count), act))

    # --- the loop ---

    def run(self) -> None:
        """Until stdin closes. The parent wakes us from waiting by a SIP keep-alive to our port."""
        orders = b""
        while True:
            self.step()
            if not select.select([0], [], [], 0)[0]:
                continue
            received = os.read(0, 65536)
            if not received:
                self.end()
            *lines, orders = (orders + received).split(b"\n")
            for line in lines:
                self.obey(json.loads(line))

    def step(self) -> None:
        until_timer = self.timers[0][0] - time.monotonic() if self.timers else _IDLE_SECONDS
        self.endpoint.libHandleEvents(int(1000 * max(0.0, min(_IDLE_SECONDS, until_timer))))
        while self.events:
            kind, *facts = self.events.popleft()
            getattr(self, f"on_{kind}")(*facts)
        while self.timers and self.timers[0][0] <= time.monotonic():
            heapq.heappop(self.timers)[2]()

    def obey(self, order: dict[str, Any]) -> None:
        number, name = order.pop("number"), order.pop("do")
        try:
            getattr(self, f"do_{name}")(**order)
        except pj.Error as error:
            self.tell("done", number=number, why=error.reason)
        except ValueError as error:
            self.tell("done", number=number, why=str(error))
        else:
            self.tell("done", number=number, why="")

    def end(self) -> None:
        """Hang up and unregister, give both a moment on the wire, close the recordings, and be gone."""
        if self.call is not None:
            self.call.end()
        if self.settings["extension"]:
            self.account.setRegistration(False)
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            self.step()
        os._exit(0)

    # --- what happens ---

    def on_registration(self, code: int, expiration: int) -> None:
        self.tell("registration", code=code, registered=code == 200 and expiration > 0)

    def on_incoming(self, call: Call, message: str) -> None:
        self.kept.append(call)
        busy = self.call is not None
        self.tell("incoming", message=message.encode(errors="replace").decode(), busy=busy)
        if busy:
            call.respond(486)
            return
        self.call = call
        call.respond(180)
        self.tell("state", state="ringing", code=180, reason="")
        if _ANSWER_MODE.search(message):
            self.after(0.0, lambda: call.respond(200))
        elif self.settings["auto_answer"] is not None:
            self.after(self.settings["auto_answer"], lambda: call.respond(self.settings["answer_code"]))

    def on_state(self, call: Call, state: int, code: int, reason: str) -> None:
        call.over = call.over or state == pj.PJSIP_INV_STATE_DISCONNECTED
        if call is self.second and state in (pj.PJSIP_INV_STATE_CONFIRMED, pj.PJSIP_INV_STATE_DISCONNECTED):
            self.tell("second", talking=not call.over, code=code)
        if call is not self.call:
            return
        if state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.call, self.recording = None, None
            self.recorders.clear()
            self.after(_FILE_SECONDS, lambda: self.tell("recorded"))
            self.tell("state", state="idle", code=code, reason=reason)
        elif state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.tell("state", state="talking", code=code, reason=reason)
        elif state == pj.PJSIP_INV_STATE_EARLY and call.ours:
            self.tell("state", state="ringing", code=code, reason=reason)

    def on_media(self, call: Call) -> None:
        if call is self.second:
            self.wire()
        if call is not self.call or call.sound() is None:
            return
        if self.recording is None:
            path = f"{self.settings['record_to']}-{next(self.count)}.wav"
            self.recording = self.recorder(path)
            self.tell("recording", path=path)
        self.wire()

    def on_replaced(self, old: Call, new: Call) -> None:
        self.kept.append(new)
        if old is self.call:
            self.call = new
            self.tell("replaced")
            self.wire()

    def on_transfer_status(self, code: int, reason: str, final: bool) -> None:
        self.tell("transfer", code=code, reason=reason, final=final)

    def on_digit(self, digit: str) -> None:
        self.tell("digit", digit=digit)

    def on_probe(self, code: int) -> None:
        self.tell("probe", code=code)

    def on_played(self, player: Player) -> None:
        if player is self.player and player is not self.voice:
            self.speak(self.voice)
            self.tell("said")

    def on_too_late(self, code: int) -> None:
        self.tell("too_late", code=code)

    # --- sound ---

    def wire(self) -> None:
        """Our voice to the other side and to whom we ask, and the other side to every recorder."""
        asked = self.second.sound() if self.second is not None else None
        if asked is not None:
            self.player.startTransmit(asked)
        sound = self.call.sound() if self.call is not None else None
        if sound is None:
            return
        self.player.startTransmit(sound)
        for recorder in self.recorders:
            sound.startTransmit(recorder)

    def speak(self, player: Player) -> None:
        sound = self.call.sound() if self.call is not None else None
        if sound is not None:
            self.player.stopTransmit(sound)
        self.player = player
        self.wire()

    def recorder(self, path: str) -> pj.AudioMediaRecorder:
        recorder = pj.AudioMediaRecorder()
        recorder.createRecorder(path)
        # The silence of the absent microphone keeps the file growing while the other side sends nothing.
        self.endpoint.audDevManager().getCaptureDevMedia().startTransmit(recorder)
        self.recorders.append(recorder)
        return recorder

    # --- what the parent can ask for ---

    def do_call(self, uri: str, from_uri: str, headers: list[list[str]]) -> None:
        if self.call is not None:
            raise ValueError("this phone is in a call already")
        param = pj.CallOpParam(True)
        param.txOption.localUri = from_uri
        for name, value in headers:
            header = pj.SipHeader()
            header.hName, header.hValue = name, value
            param.txOption.headers.append(header)
        self.call = self.dial(uri, param)
        self.tell("state", state="calling", code=0, reason="")

    def dial(self, uri: str, param: pj.CallOpParam) -> Call:
        call = Call(self.account, self.events)
        self.kept.append(call)
        call.makeCall(uri, param)
        return call

    def do_answer(self, code: int) -> None:
        self.current().respond(code)

    def do_hang_up(self) -> None:
        self.current().end()

    def do_digits(self, digits: str, by_info: bool) -> None:
        if not by_info:
            self.current().dialDtmf(digits)
            return
        param = pj.CallSendDtmfParam()
        param.method, param.digits, param.duration = pj.PJSUA_DTMF_METHOD_SIP_INFO, digits, 160
        self.current().sendDtmf(param)

    def do_hold(self, on: bool) -> None:
        param = pj.CallOpParam(True)
        if on:
            self.current().setHold(param)
            return
        param.opt.flag = pj.PJSUA_CALL_UNHOLD
        self.current().reinvite(param)

    def do_transfer(self, uri: str) -> None:
        """To ``uri``, or when it is '' to whom the second call is with (Refer-To with Replaces)."""
        if uri:
            self.current().xfer(uri, pj.CallOpParam(True))
        elif self.second is None or self.second.over:
            raise ValueError("this phone has no second call")
        else:
            self.current().xferReplaces(self.second, pj.CallOpParam(True))

    def do_ask(self, uri: str) -> None:
        self.current()
        self.second = self.dial(uri, pj.CallOpParam(True))

    def do_say(self, path: str) -> None:
        player = Player(self.events, path, loop=False)
        self.kept.append(player)  # its last event may come late
        self.speak(player)

    def do_sound(self, on: bool) -> None:
        """Without the clock of a sound device no packet is sent."""
        devices = self.endpoint.audDevManager()
        if on:
            devices.setNullDev()
        else:
            devices.setNoDev()

    def do_hear(self, path: str, seconds: float) -> None:
        recorder = self.recorder(path)
        self.wire()

        def close() -> None:
            if recorder in self.recorders:
                self.recorders.remove(recorder)

        self.after(seconds, close)
        self.after(seconds + _FILE_SECONDS, lambda: self.tell("heard", path=path))

    def current(self) -> Call:
        if self.call is None:
            raise ValueError("this phone is in no call")
        return self.call


def _first_line() -> bytes:
    """Byte by byte, so that nothing of the next line is taken."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return line


def main() -> None:
    out = os.dup(1)
    os.dup2(2, 1)  # the library prints to stdout, which belongs to the parent
    gc.disable()  # no finaliser of the library may run at a time of its own choosing
    settings = json.loads(_first_line())
    try:
        PhoneProcess(settings, out).run()
    finally:
        traceback.print_exc()
        os._exit(1)  # it never returns; an ordinary end would run the library's finalisers, which abort


if __name__ == "__main__":
    main()
