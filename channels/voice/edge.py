"""The gateway's hand on the SIP edge: JSON-RPC 2.0 to Kamailio over a Unix datagram socket.

Each question has a socket of its own. So an answer can never belong to another question, nothing has to be
reconnected when the edge restarts, and a lost datagram costs one question only.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import re
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from channels.base import Refused, Unreachable
from config.edge import Edge

log = structlog.get_logger()

_ANSWERED, _DELETED = 3, 5  # states of a dialog in Kamailio's dialog module
_SLOTS, _TRUNKS = 1, 2  # the dispatcher's sets
_LARGEST_ANSWER = 1 << 20
_WATCH_SECONDS = 0.4
_LOOK_SECONDS = 0.5  # an edge that is killed takes a question with it: a restart must not wait for that answer
_NAME = re.compile(r"(?:^|;)name=([^;]*)")


def phone_password(secret: str, extension: str) -> str:
    """The SIP digest password of a handler's phone: SHA-256 of ``secret:extension``, in hex."""
    return hashlib.sha256(f"{secret}:{extension}".encode()).hexdigest()


def no_trunk(alive: Mapping[str, bool]) -> str:
    """In words, that no trunk answers; '' while one does."""
    if not alive or any(alive.values()):
        return ""
    return f"no trunk answers ({', '.join(alive)}): nobody outside can be called, and callers may not come in"


def dead_trunks(alive: Mapping[str, bool]) -> str:
    """In words, which trunks do not answer while another does; '' when all do, or none."""
    dead = [name for name, answers in alive.items() if not answers]
    if not dead or no_trunk(alive):
        return ""
    return f"no answer from trunk {', '.join(dead)}; calls go out by the next one"


class EdgeControl:
    """Opens slots, releases dialogs and notices restarts of the edge.

    What ``watch`` last found: ``down`` says in words what is wrong with the edge, '' when nothing is;
    ``trunks`` whether each trunk answers, by its name.
    Every method ends within ``deadline`` seconds for each question it asks. ``Unreachable``: the edge did not
    answer. ``Refused``: it answered that it cannot.
    """

    def __init__(self, edge: Edge, voice_address: str, *, deadline: float = 2.0) -> None:
        self._path = str(edge.rpc_socket)
        self._voice_address = voice_address
        self._deadline = deadline
        self._numbers = itertools.count(1)
        self.down = ""
        self.trunks: dict[str, bool] = {}

    async def ping(self) -> bool:
        """True when the edge answers."""
        try:
            await self._ask("core.uptime")
        except Unreachable:
            return False
        return True

    async def set_slot(self, port: int, *, open: bool) -> None:  # noqa: A002 - the word for what a slot is
        """Open the slot for one new call, or close it. The edge itself closes a slot when it uses it.

        Refused: the edge's list of slots does not hold this port.
        """
        state = "a" if open else "i"
        await self._ask("dispatcher.set_state", state, _SLOTS, f"sip:{self._voice_address}:{port}")

    async def slots_open(self) -> set[int]:
        """The ports of the slots that may get a call now."""
        targets = await self._targets(_SLOTS)
        ours = re.compile(rf"sip:{re.escape(self._voice_address)}:(\d+)")
        matches = [ours.match(target["URI"]) for target in targets if target["FLAGS"].startswith("A")]
        return {int(match[1]) for match in matches if match}

    async def trunks_alive(self) -> dict[str, bool]:
        """Whether each trunk answers the edge's OPTIONS, by its name, in the order in which they are tried."""
        targets = await self._targets(_TRUNKS)
        ranked = sorted(targets, key=lambda target: -int(target["PRIORITY"]))
        names = [(_NAME.search(target["ATTRS"]["BODY"]), target["FLAGS"]) for target in ranked]
        return {name[1]: flags.startswith("A") for name, flags in names if name}

    async def _targets(self, number: int) -> list[dict[str, Any]]:
        listing = await self._ask("dispatcher.list")
        sets = [record["SET"] for record in listing["RECORDS"] if record["SET"]["ID"] == number]
        return [target["DEST"] for one in sets for target in one["TARGETS"]]

    async def release(self, call_id: str, local_tag: str, remote_tag: str) -> bool:
        """End one leg of a call process that has died: BYE to both ends, or CANCEL when we had it rung.

        ``remote_tag`` may be empty for a leg that rings. False: there is nothing to release. The leg has
        ended, or the edge was restarted, or it is a caller not yet answered, whom the edge itself takes to the
        next slot.
        """
        dialog = await self._ask("dlg.dlg_list", call_id)
        if not dialog or dialog["state"] == _DELETED:
            return False
        caller_tag = dialog["caller"]["tag"]
        if dialog["state"] < _ANSWERED:
            if caller_tag != local_tag:
                return False
            await self._ask("tm.cancel", call_id, dialog["caller"]["cseq"])
            return True
        callee_tag = remote_tag if caller_tag == local_tag else local_tag
        try:
            await self._ask("dlg.terminate_dlg", call_id, caller_tag, callee_tag)
        except Refused:  # other tags: not the dialog that was meant, or it ended just now
            return False
        return True

    async def kept_body(self, call_id: str) -> str | None:
        """The whole body of a new call whose INVITE had the header ``X-Kept-Body`` (its content type).

        Such a body holds more than SDP, for example the caller's location (RFC 6442, PIDF-LO). The edge keeps
        it for 5 minutes.
        """
        try:
            answer = await self._ask("htable.get", "bodies", call_id)
        except Refused:
            return None
        return str(answer["item"]["value"])

    async def watch(self, on_restart: Callable[[], Awaitable[None]]) -> None:
        """Call ``on_restart`` whenever an edge answers that was not there before. Runs until cancelled.

        That is: at the first answer, and within a second after each restart, or after it hung; then every slot may be
        closed and the idle ones must be opened again. When ``on_restart`` ends as Unreachable, it is called again.
        """
        known: object = None
        while True:
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    current, trunks = await self._instance(), await self.trunks_alive()
                appeared, self.down = current != known or bool(self.down), ""
                if appeared:
                    log.info("edge_appeared", restarted=known is not None)
                    await on_restart()
                    known = current
                self._note_trunks(trunks)
            except (Unreachable, TimeoutError) as error:
                log.warning("edge_unreachable", why=str(error) or "no answer in time")
                self.down = "the SIP edge does not answer"
            await asyncio.sleep(_WATCH_SECONDS)

    def _note_trunks(self, now: dict[str, bool]) -> None:
        for name, alive in now.items():
            if alive and not self.trunks.get(name, True):
                log.warning("trunk_up", trunk=name)
            elif not alive and self.trunks.get(name, True):
                log.error("trunk_down", trunk=name, others_alive=any(now.values()))
        self.trunks = now

    async def _instance(self) -> tuple[Any, ...]:
        # Alone, the start time misses a restart within its second, and process ids repeat in containers.
        return (await self._ask("core.uptime"))["up_since"], *await self._ask("core.ps")

    async def _ask(self, method: str, *params: str | int) -> Any:
        number = next(self._numbers)
        question = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        try:
            async with asyncio.timeout(self._deadline):
                answer = json.loads(await self._exchange(json.dumps(question).encode()))
        except (OSError, TimeoutError, ValueError) as error:
            raise Unreachable(f"the SIP edge did not answer {method}: {error!r}") from error
        if answer.get("id") != number or not {"result", "error"} & answer.keys():
            raise Unreachable(f"the SIP edge answered something else than {method}")
        if "error" in answer:
            fault = answer["error"]
            raise Refused(f"the SIP edge refused {method}: {fault['message']}", code=str(fault["code"]))
        return answer["result"]

    async def _exchange(self, question: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.bind("")  # Linux gives an address without a file, so nothing is ever left behind
            sock.connect(self._path)
            await loop.sock_sendall(sock, question)
            return await loop.sock_recv(sock, _LARGEST_ANSWER)
