"""What a handler may send with a text, and what not."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.texts.pictures import Pictures
from tests.gateway.api.site import Site

REF = "AAAA-0001"
PICTURE = b"the bytes of a map"


def picture(content: bytes = PICTURE, content_type: str = "image/png") -> dict[str, Any]:
    return {"filename": "map.png", "content_type": content_type, "content": base64.b64encode(content).decode()}


async def test_a_picture_is_kept_under_its_hash_shown_with_the_reply_and_in_the_journal(site: Site) -> None:
    amy = await site.signed_in("amy", available=True)
    await site.text(REF)
    await amy.post(f"/offers/{site.offer_of(REF).id}/accept")

    assert (await amy.post(f"/contacts/{REF}/replies", {"pictures": [picture()]}))[0] == 201

    (sent,) = [m for m in (await amy.get(f"/contacts/{REF}/messages"))[1] if not m["automatic"] and m["by"] != "caller"]
    (attachment,) = sent["attachments"]
    assert (attachment["filename"], attachment["size"], attachment["available"]) == ("map.png", len(PICTURE), True)
    (row,) = await site.rows("ReplyWritten")
    assert json.loads(row.document)["pictures"] == [attachment["sha256"]]
    assert (await amy.get(f"/contacts/{REF}/attachments/{attachment['id']}"))[1] == PICTURE.decode()


@pytest.mark.parametrize(
    ("pictures", "status", "says"),
    [
        ([picture(content_type="application/x-msdownload")], 400, "pictures.0.content_type"),
        ([picture() | {"content": "no base64!"}], 400, "pictures.0.content"),
        ([picture()] * 11, 400, "at most 10"),
        ([picture(bytes(2_501_000)), picture(bytes(2_501_000))], 413, "larger than 5,000,000 bytes"),
        ([picture(bytes(6_000_000))], 413, "too large"),
    ],
)
async def test_what_is_no_picture_too_large_or_too_many_is_refused(
    site: Site, pictures: list[Any], status: int, says: str
) -> None:
    amy = await site.signed_in("amy", available=True)
    await site.text(REF)
    await amy.post(f"/offers/{site.offer_of(REF).id}/accept")

    answer = await amy.post(f"/contacts/{REF}/replies", {"body": "Here", "pictures": pictures})

    assert (answer[0], says in str(answer[1])) == (status, True)
    assert await site.rows("ReplyWritten") == []


async def test_who_may_only_have_neutral_words_gets_no_picture_and_nothing_is_kept_of_it(site: Site) -> None:
    amy = await site.signed_in("amy", available=True)
    await site.text(REF)
    await amy.post(f"/offers/{site.offer_of(REF).id}/accept")
    await amy.send("PUT", f"/contacts/{REF}/safety", {"calling": "never"})

    body = {"body": "Thanks.", "pictures": [picture()]}
    status, problem = await amy.post(f"/contacts/{REF}/replies", body)
    assert (status, "a picture may tell it" in problem["detail"]) == (409, True)
    assert "a picture may tell it" in (await amy.post(f"/contacts/{REF}/replies/preview", body))[1]["refused"]
    assert not Path(site.settings.text.media_dir).exists()
    assert (await amy.post(f"/contacts/{REF}/replies", {"body": "Thanks."}))[0] == 201


async def test_a_mark_that_comes_while_a_picture_waits_keeps_it_here(site: Site) -> None:
    amy = await site.signed_in("amy", available=True)
    await site.text(REF)
    await amy.post(f"/offers/{site.offer_of(REF).id}/accept")
    await amy.post(f"/contacts/{REF}/replies", {"body": "Thanks.", "pictures": [picture()]})
    reply = (await site.store.messages(REF))[-1]
    pictures = Pictures(site.settings, site.store, lambda: site.dispatcher.board, site.clock)
    assert len(await pictures.links(reply)) == 1

    await amy.send("PUT", f"/contacts/{REF}/safety", {"calling": "never"})

    with pytest.raises(Exception, match="a picture may tell it"):
        await pictures.links(reply)
