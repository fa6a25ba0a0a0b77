"""The text of a file that a spreadsheet has saved."""

from __future__ import annotations

import codecs

from gateway.api.problems import BadRequest

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
SAVE_AS = (
    "The file is not text in UTF-8. In Excel choose 'Save As' and the type 'CSV UTF-8 (Comma delimited)'; in other "
    "programs choose UTF-8 where they ask for the encoding or character set."
)


def spreadsheet_text(content: bytes, *, guess: bool) -> tuple[str, bool]:
    """UTF-8, UTF-16 that says so, or, where that may be guessed, Windows-1252; and whether it was guessed.

    Raises BadRequest, which says what to do.
    """
    try:
        if content.startswith(UTF_16):
            return content.decode("utf-16"), False
        if b"\0" not in content:
            return content.decode("utf-8-sig"), False
    except UnicodeDecodeError:
        if guess and not content.startswith(UTF_16) and (text := _windows(content)):
            return text, True
    raise BadRequest(SAVE_AS)


def _windows(content: bytes) -> str:
    """'' where a byte stands that Windows-1252 does not have."""
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError:
        return ""
