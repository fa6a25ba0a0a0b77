"""A gateway in a process of its own, to be killed: answers every caller with music and remembers that it did.

Arguments: the voice settings as JSON, the run directory, the outbound proxy, the music, the fallback plan as JSON.
Prints one line for each caller it has served.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from channels.voice.call import Call
from channels.voice.messages import Answer, FallbackTarget, Plan, Play, Remember
from channels.voice.pool import CallPool
from config.voice import Voice


class NoBoard:
    async def set_slot(self, port: int, *, open: bool) -> None:  # noqa: A002
        print("slot", port, open, flush=True)

    async def release(self, call_id: str, local_tag: str, remote_tag: str) -> None:
        print("release", flush=True)


async def main(settings: str, run_dir: str, proxy: str, music: str, plan: str) -> None:
    async def serve(call: Call) -> None:
        targets = tuple(FallbackTarget(uri, 2.0) for uri in json.loads(plan))
        await call.do(Plan(1.0, targets))
        await call.do(Answer())
        await call.do(Play("music", (music,), loop=True))
        call.post(Remember({"stage": "queued", "contact": "C-7"}))
        print("served", flush=True)
        await call.finished()

    voice = Voice.model_validate_json(settings)
    await CallPool(voice, NoBoard(), Path(run_dir), serve, serve, outbound_proxy=proxy).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
