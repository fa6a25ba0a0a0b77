"""A telephone for the sandbox and the tests: a handler's, a control room's or a caller's.

It is a real SIP user agent (pjsua2) in a process of its own. It says a steady tone of its own frequency, so
that one can measure who hears whom.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from gateway.sandbox.tones import measure_tones, write_tone

State = Literal["idle", "calling", "ringing", "talking"]

_ORDER_SECONDS = 5.0
_COMPACT = {"f": "from", "t": "to", "i": "call-id", "m": "contact", "v": "via", "s": "subject"}


class PhoneError(Exception):
    """The phone could not do what it was told, or has ended."""


@dataclass(frozen=True, slots=True)
class PhoneEvent:
    """What happened, at ``at`` (time.time()). Names: registration, incoming, state, digit, recording, said..."""

    at: float
    name: str
    facts: dict[str, Any] = field(default_factory=dict)


class Phone:
    """Made by ``await Phone.start(...)``; use it as an async context manager, or end it with ``stop()``.

    ``state`` is about its call: idle, calling (nothing heard yet), ringing (here or there), talking.
    ``recordings`` are WAV files of all it heard, one for each call; the event ``recorded`` follows the end of
    the call and tells that its file is complete.
    """

    def __init__(self, name: str, address: str, port: int, tone: int | None) -> None:
        self.name, self.address, self.port, self.tone = name, address, port, tone
        self.state: State = "idle"
        self.registered = False
        self.code = 0
        self.incoming_headers: dict[str, str] = {}
        self.log: list[PhoneEvent] = []
        self.recordings: list[Path] = []
        self._numbers = itertools.count(1)
        self._news = asyncio.Event()
        self._ended = False
        self._process: asyncio.subprocess.Process
        self._reading: asyncio.Task[None]
        self._directory: Path
        self._temporary: tempfile.TemporaryDirectory[str]

    @classmethod
    async def start(
        cls,
        name: str,
        port: int,
        *,
        edge_address: str = "127.0.0.1",
        edge_port: int = 5060,
        domain: str = "127.0.0.1",
        extension: str | None = None,
        password: str | None = None,
        auto_answer: float | None = None,
        answer_code: int = 200,
        voice_wav: Path | None = None,
        tone: int | None = None,
        address: str = "127.0.0.1",
        run_dir: Path | None = None,
        srtp: bool = False,
    ) -> Self:
        """Start the phone, listening for SIP on UDP ``port``; with an ``extension`` it begins to register.

        ``auto_answer``: seconds after which it answers a call with ``answer_code`` by itself. It says
        ``voice_wav`` (8 kHz, 16 bit, mono) again and again, or else a tone of ``tone`` Hz, which is chosen by
        its port when not given. With ``srtp`` it refuses every call that is not encrypted. Files go to
        ``run_dir``, or to a place that ``stop`` removes.
        """
        if tone is None and voice_wav is None:
            tone = 400 + port % 50 * 40
        phone = cls(name, address, port, tone)
        phone._temporary = tempfile.TemporaryDirectory(prefix=f"phone-{name}-")
        phone._directory = run_dir or Path(phone._temporary.name)
        settings = {
            "name": name,
            "address": address,
            "port": port,
            "edge_address": edge_address,
            "edge_port": edge_port,
            "domain": domain,
            "extension": extension,
            "password": password,
            "auto_answer": auto_answer,
            "answer_code": answer_code,
            "voice": str(voice_wav or write_tone(Path(phone._temporary.name) / "tone.wav", tone or 0)),
            "srtp": srtp,
            "record_to": str(phone._directory / name),
        }
        await phone._begin(settings)
        return phone

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Hang up, unregister and end."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(3):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()
        await self._reading
        self._temporary.cleanup()

    def kill(self) -> None:
        """Vanish, as by a power cut."""
        if self._process.returncode is None:
            self._process.kill()

    @property
    def ended(self) -> bool:
        """It was put away, or has died."""
        return self._ended

    # --- what a person does with it ---

    async def call(self, uri: str, *, from_uri: str = "", headers: Iterable[tuple[str, str]] = ()) -> None:
        """Send the INVITE. ``from_uri`` is what the other side sees; ``headers`` are added."""
        if any(character in text for pair in headers for text in pair for character in "\r\n"):
            raise ValueError("a header must not hold a line end")
        await self._order("call", uri=uri, from_uri=from_uri, headers=[list(pair) for pair in headers])

    async def answer(self, code: int = 200) -> None:
        await self._order("answer", code=code)

    async def refuse(self, code: int = 486) -> None:
        await self._order("answer", code=code)

    async def hang_up(self) -> None:
        await self._order("hang_up")

    async def hold(self, on: bool = True) -> None:
        await self._order("hold", on=on)

    async def transfer(self, uri: str = "") -> None:
        """Pass whom it talks with to ``uri``, or to whom it has asked; the event ``transfer`` tells how it goes."""
        await self._order("transfer", uri=uri)

    async def ask(self, uri: str) -> None:
        """A second call beside its own; the event ``second`` tells when it is answered and when it is over."""
        await self._order("ask", uri=uri)

    async def digits(self, digits: str, *, by_info: bool = False) -> None:
        """Press keys: by RFC 4733 events, which take 0.24 s each, or by SIP INFO."""
        await self._order("digits", digits=digits, by_info=by_info)

    async def say(self, wav: Path) -> None:
        """Say this once instead of its own voice; the event ``said`` tells when it is over."""
        await self._order("say", path=str(wav))

    async def sound(self, on: bool) -> None:
        """Off: not one packet of sound is sent, as by a line that has broken; for SIP the phone is as it was.

        The event ``probe`` tells that it was asked, within its call, whether it is still there, and answered.
        """
        await self._order("sound", on=on)

    async def hears(self, freqs: Sequence[int], seconds: float = 0.5) -> dict[int, float]:
        """Listen from now on for ``seconds``; each frequency's amplitude, 1.0 being full scale.

        A phone's own tone arrives as about 0.25.
        """
        path = self._directory / f"{self.name}-heard-{next(self._numbers)}.wav"
        await self._order("hear", path=str(path), seconds=seconds)
        await self._until(
            lambda: any(e.name == "heard" and e.facts["path"] == str(path) for e in self.log), seconds + 3, "heard"
        )
        return measure_tones(path, tuple(freqs))

    # --- what one can wait for ---

    async def wait_for(self, state: State | Literal["registered"], deadline: float = 10.0) -> None:
        """TimeoutError, with what happened instead, after ``deadline`` seconds."""
        await self._until(lambda: self.registered if state == "registered" else self.state == state, deadline, state)

    async def wait_for_event(self, name: str, deadline: float = 10.0, *, since: float = 0.0) -> PhoneEvent:
        """The first event of this name at or after ``since`` (epoch seconds)."""
        await self._until(lambda: any(e.name == name and e.at >= since for e in self.log), deadline, name)
        return next(e for e in self.log if e.name == name and e.at >= since)

    async def _until(self, condition: Callable[[], bool], deadline: float, what: str) -> None:
        try:
            async with asyncio.timeout(deadline):
                while not condition() or self._ended:
                    if self._ended:
                        raise PhoneError(f"phone {self.name} has ended ('{what}' awaited): {self._output()}")
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            seen = [(round(e.at % 1000, 2), e.name, e.facts.get("state"), e.facts.get("code")) for e in self.log]
            raise TimeoutError(f"phone {self.name}: no '{what}' within {deadline} s; it saw {seen}") from None

    # --- its process ---

    async def _begin(self, settings: dict[str, Any]) -> None:
        with (Path(self._temporary.name) / "library.log").open("wb") as library_output:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "gateway.sandbox.phone_process"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=library_output,
                start_new_session=True,  # a Ctrl-C in our terminal is for us; it ends when its stdin closes
            )
        self._reading = asyncio.create_task(self._read_events(), name=f"phone {self.name}")
        self._write(settings)
        try:
            await self.wait_for_event("started")
        except (PhoneError, TimeoutError) as error:
            output = self._output()
            self.kill()
            await self.stop()
            raise PhoneError(f"phone {self.name} did not start on port {self.port}: {output}") from error

    def _output(self) -> str:
        """The last that the library wrote."""
        return (Path(self._temporary.name) / "library.log").read_text(errors="replace")[-1500:]

    def _write(self, line: dict[str, Any]) -> None:
        if self._process.stdin is None or self._ended:
            raise PhoneError(f"phone {self.name} has ended")
        self._process.stdin.write(json.dumps(line).encode() + b"\n")

    async def _order(self, name: str, **facts: Any) -> None:
        number = next(self._numbers)
        self._write({"do": name, "number": number, **facts})
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as poke:
            poke.sendto(b"\r\n\r\n", (self.address, self.port))  # a keep-alive ends its wait for SIP
        answer: list[PhoneEvent] = []

        def answered() -> bool:
            answer.extend(e for e in self.log if e.name == "done" and e.facts["number"] == number)
            return bool(answer)

        await self._until(answered, _ORDER_SECONDS, name)
        if answer[0].facts["why"]:
            raise PhoneError(f"phone {self.name} cannot {name}: {answer[0].facts['why']}")

    async def _read_events(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            facts = json.loads(line)
            self._note(PhoneEvent(facts.pop("at"), facts.pop("event"), facts))
        self._ended = True
        self._news.set()

    def _note(self, event: PhoneEvent) -> None:
        match event.name:
            case "registration":
                self.registered = event.facts["registered"]
            case "incoming" if not event.facts["busy"]:
                self.incoming_headers = _headers(event.facts["message"])
            case "state":
                self.state, self.code = event.facts["state"], event.facts["code"]
            case "recording":
                self.recordings.append(Path(event.facts["path"]))
        self.log.append(event)
        self._news.set()


def _headers(message: str) -> dict[str, str]:
    """A SIP message's headers by lower-case name; several of one name are joined by a comma."""
    head = message.partition("\r\n\r\n")[0].replace("\r\n ", " ").replace("\r\n\t", " ")
    found: dict[str, str] = {}
    for line in head.split("\r\n")[1:]:
        name, _, value = line.partition(":")
        name = _COMPACT.get(name.strip().lower(), name.strip().lower())
        found[name] = f"{found[name]}, {value.strip()}" if name in found else value.strip()
    return found
