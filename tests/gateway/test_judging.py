"""Texts that come together are judged in another process; whatever becomes of it, each is judged."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest

from config.triage import Triage as More
from gateway.judging import Judge, LaterTriage, triage_of
from routing.triage import Finding
from tests.support.writer import until

pytestmark = pytest.mark.asyncio

MORE = More(shorthand={}, phrases={"weapon": ("zorgblaster",)})
TEXTS = ["man with a knife", "I lost my bag", "he has a zorgblaster", "someone smoking in coach 3", "", "\ud83d 🔪"]


class Here:
    """Judges in this process, and counts."""

    def __init__(self) -> None:
        self.judge, self.judged = triage_of(MORE).judge, 0

    def __call__(self, text: str) -> Finding:
        self.judged += 1
        return self.judge(text)


@pytest.fixture(scope="module")
def here() -> Here:
    return Here()


@pytest.fixture
async def judge(here: Here) -> AsyncIterator[Judge]:
    judge = Judge(MORE, here, again_seconds=0.0)
    running = asyncio.create_task(judge.run())
    yield judge
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert judge.pid is None


async def test_texts_that_come_together_are_judged_elsewhere_as_they_would_be_here(judge: Judge, here: Here) -> None:
    await _started(judge)
    before = here.judged

    findings = await judge.judge_all(TEXTS)

    assert findings == [here.judge(text) for text in TEXTS]
    assert [bool(f.sounds_like_emergency) for f in findings[:4]] == [True, False, True, False]
    assert here.judged == before


async def test_one_alone_is_judged_here_at_once(judge: Judge, here: Here) -> None:
    before = here.judged

    (finding,) = await judge.judge_all(TEXTS[:1])

    assert finding.sounds_like_emergency

    assert here.judged == before + 1
    assert judge.pid is None, "nothing was started for it"


@pytest.mark.parametrize("what", [signal.SIGKILL, signal.SIGSTOP])
async def test_when_the_other_process_dies_or_hangs_each_is_judged_here_and_it_is_replaced(
    judge: Judge, here: Here, what: signal.Signals
) -> None:
    gone = await _started(judge)
    os.kill(gone, what)

    findings = await judge.judge_all(TEXTS)

    assert findings == [here.judge(text) for text in TEXTS]
    assert await _started(judge) != gone


async def _started(judge: Judge) -> int:
    await judge.judge_all(TEXTS)
    await until(lambda: judge.pid is not None, 30.0)
    assert judge.pid is not None
    return judge.pid


async def test_a_text_that_comes_while_the_rules_are_still_being_read_is_judged_by_them(here: Here) -> None:
    later = LaterTriage(MORE)

    getting_ready = asyncio.create_task(later.get_ready())
    await asyncio.sleep(0)

    assert not getting_ready.done()
    assert [later.judge(text) for text in TEXTS] == [here.judge(text) for text in TEXTS]
    await getting_ready
