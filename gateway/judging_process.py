"""The process that judges texts for ``gateway.judging``: a site's words first, then texts, until its input ends."""

from __future__ import annotations

import os
import pickle
import sys
from typing import BinaryIO

from gateway.interpreter import settle
from gateway.judging import LENGTH, triage_of


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Whoever asks is its parent, which waits for one answer before it asks again."""

    def answer(value: object) -> None:
        content = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        answers.write(LENGTH.pack(len(content)) + content)
        answers.flush()

    try:
        triage = triage_of(pickle.load(questions))
        settle()
        answer(None)
        while True:
            answer([triage.judge(text) for text in pickle.load(questions)])
    except (EOFError, BrokenPipeError):
        return  # the gateway has gone


if __name__ == "__main__":
    output = os.fdopen(os.dup(1), "wb")  # for the answers alone: whatever is printed goes to the log
    os.dup2(2, 1)
    serve(sys.stdin.buffer, output)
