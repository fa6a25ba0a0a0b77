"""What is asked while an earlier answer is awaited is asked together: the busier it is, the less each costs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")

# A round costs far more than one question more in it.
EACH_SECONDS, LONGEST_SECONDS = 0.003, 0.03


def apart(together: int) -> float:
    """Seconds from the start of a round of so many until the next may begin: the more come at a time, the longer they
    wait for each other; one alone lets nobody wait."""
    return min(EACH_SECONDS * together, LONGEST_SECONDS) if together > 1 else 0.0


class Together(Generic[Question, Answer]):
    """``answer_all`` gives the answers to some questions, in their order; what it raises is told to each of those who
    asked them. It is asked at most ``most`` at once, and is not asked again before it has answered, nor before others
    had time to come (``apart``)."""

    def __init__(self, answer_all: Callable[[Sequence[Question]], Awaitable[Sequence[Answer]]], most: int) -> None:
        self._answer_all, self._most = answer_all, most
        self._asked: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._answering: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> Answer:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asked.append((question, answer))
        if self._answering is None:
            self._answering = asyncio.create_task(self._answer(), name="answering together")
        return await answer

    async def _answer(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._asked:
                asked, self._asked = self._asked[: self._most], self._asked[self._most :]
                began = loop.time()
                await self._answer_these(asked)
                await asyncio.sleep(began + apart(len(asked)) - loop.time())
        finally:
            self._answering = None

    async def _answer_these(self, asked: Sequence[tuple[Question, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._answer_all([question for question, _ in asked])
        except Exception as error:  # noqa: BLE001 - it is told to who asked
            for _, answer in asked:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), value in zip(asked, answers, strict=True):
            if not answer.done():  # whoever asked has not gone
                answer.set_result(value)
