"""Questions that come while one is being answered are answered together; each has its own answer all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from gateway.together import LONGEST_SECONDS, Together, apart

pytestmark = pytest.mark.asyncio


class Doubling:
    """Answers when ``open`` is set; -1 breaks it."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.open = asyncio.Event()

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.asked.append(list(numbers))
        await self.open.wait()
        if -1 in numbers:
            raise ValueError("no number")
        return [2 * n for n in numbers]


async def test_what_is_asked_meanwhile_goes_together_next_and_never_too_many_at_once() -> None:
    doubling = Doubling()
    together = Together(doubling, most=3)
    answers = [asyncio.create_task(together.ask(0))]
    await _until_asked(doubling, 1)

    answers += [asyncio.create_task(together.ask(n)) for n in range(1, 6)]
    await asyncio.sleep(0)
    doubling.open.set()

    assert await asyncio.gather(*answers) == [0, 2, 4, 6, 8, 10]
    assert doubling.asked == [[0], [1, 2, 3], [4, 5]]


async def test_after_several_at_once_the_next_wait_for_each_other_and_one_alone_waits_for_nobody() -> None:
    doubling, loop = Doubling(), asyncio.get_running_loop()
    doubling.open.set()
    together = Together(doubling, most=10)

    began = loop.time()
    answers = [asyncio.create_task(together.ask(n)) for n in range(5)]
    await _until_asked(doubling, 1)
    assert [await together.ask(n) for n in (5, 6)] == [10, 12]
    took = loop.time() - began

    assert doubling.asked == [[0, 1, 2, 3, 4], [5], [6]]
    assert took >= apart(5) > apart(2) > apart(1) == 0.0
    assert apart(1_000) == LONGEST_SECONDS
    await asyncio.gather(*answers)


async def test_what_breaks_is_told_to_those_who_asked_and_to_nobody_else() -> None:
    doubling = Doubling()
    together = Together(doubling, most=2)
    answers = [asyncio.create_task(together.ask(n)) for n in (1, -1, 2)]
    await _until_asked(doubling, 1)
    doubling.open.set()

    first, broken, next_one = await asyncio.gather(*answers, return_exceptions=True)

    assert isinstance(first, ValueError) and isinstance(broken, ValueError)
    assert next_one == 4


async def test_who_asked_and_has_gone_holds_up_nobody() -> None:
    doubling = Doubling()
    together = Together(doubling, most=10)
    gone, stays = (asyncio.create_task(together.ask(n)) for n in (1, 2))
    await _until_asked(doubling, 1)

    gone.cancel()
    doubling.open.set()

    assert await stays == 4
    assert await together.ask(3) == 6


async def _until_asked(doubling: Doubling, times: int) -> None:
    async with asyncio.timeout(5):
        while len(doubling.asked) < times:
            await asyncio.sleep(0)
