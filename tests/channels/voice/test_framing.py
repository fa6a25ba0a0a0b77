"""Frames survive any way of cutting the stream, and a broken stream is found out."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.voice import framing


@given(st.lists(st.binary(max_size=300)), st.integers(1, 50))
def test_payloads_come_out_as_they_went_in_however_the_stream_is_cut(payloads: list[bytes], step: int) -> None:
    stream = b"".join(map(framing.pack, payloads))
    unpacker = framing.Unpacker()

    out = [p for n in range(0, len(stream), step) for p in unpacker.feed(stream[n : n + step])]

    assert out == payloads


def test_a_payload_of_exactly_the_limit_passes_and_one_byte_more_is_refused() -> None:
    largest = bytes(framing.LONGEST)
    assert framing.Unpacker().feed(framing.pack(largest)) == [largest]
    with pytest.raises(framing.FrameTooLong):
        framing.pack(largest + b"x")


def test_a_length_beyond_the_limit_ends_the_stream_before_any_of_it_is_kept() -> None:
    with pytest.raises(framing.FrameTooLong):
        framing.Unpacker().feed(b"\xff\xff\xff\xff")


async def test_the_asyncio_end_reads_all_payloads_until_the_end_of_the_stream() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(framing.pack(b"one") + framing.pack(b"") + framing.pack(b"three")[:-1])
    reader.feed_data(b"e")
    reader.feed_eof()

    assert [p async for p in framing.frames(reader)] == [b"one", b"", b"three"]
