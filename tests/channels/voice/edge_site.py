"""A real edge in front of real call processes, whose story is: answer, and stay until the caller goes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from channels.voice.call import Call, VoiceError
from channels.voice.edge import EdgeControl
from channels.voice.edge_files import Limits
from channels.voice.messages import Answer, End, LegChanged
from gateway.sandbox.kamailio import Kamailio
from tests.channels.voice.conftest import Board, Site
from tests.channels.voice.edge_peers import HOST, Peer, edge_settings, free_ports


class EdgeBoard(Board):
    """The slots as the real edge has them."""

    def __init__(self, control: EdgeControl) -> None:
        super().__init__()
        self._control = control

    async def set_slot(self, port: int, *, open: bool) -> None:  # noqa: A002
        await self._control.set_slot(port, open=open)
        await super().set_slot(port, open=open)

    async def release(self, call_id: str, local_tag: str, remote_tag: str) -> None:
        await super().release(call_id, local_tag, remote_tag)
        await self._control.release(call_id, local_tag, remote_tag)


class AnsweringSite(Site):
    """``outlived`` counts calls that were answered and have ended."""

    edge_port: int
    control: EdgeControl
    outlived = 0

    async def on_call(self, call: Call) -> None:
        with suppress(VoiceError):  # the caller may go at any moment
            await call.do(Answer())
            while True:
                event = await call.next()
                if isinstance(event, LegChanged) and event.leg == "caller" and event.state in ("ended", "failed"):
                    break
            await call.do(End())
        await call.finished()
        self.outlived += 1

    async def peer(self) -> Peer:
        return await Peer.open(self.edge_port)


S = TypeVar("S", bound=AnsweringSite)


@asynccontextmanager
async def answering_site(
    directory: Path,
    kind: type[S],
    *,
    slots: int = 3,
    limits: Limits | None = None,
    more: dict[str, Any] | None = None,
) -> AsyncIterator[S]:
    """A running site of this kind; ``more`` are keys of the section ``edge``."""
    edge_port = free_ports()
    site = kind(directory, edge_port, slots)
    site.edge_port = edge_port
    settings = edge_settings(
        directory,
        edge_port=edge_port,
        slot_base=site.port(),
        slots=slots,
        trunk_port=free_ports(),
        overflow_port=free_ports(),
        more=more,
    )
    site.control = EdgeControl(settings.edge, HOST)
    site.board = EdgeBoard(site.control)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(Kamailio(settings, directory / "edge", limits))
        await stack.enter_async_context(site)
        await site.start()
        await site.ready()
        yield site
