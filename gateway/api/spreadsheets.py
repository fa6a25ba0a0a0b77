"""The text of a file that a spreadsheet has saved."""

from __future__ import annotations

import codecs

from gateway.api.problems import BadRequest

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# What people send as a roster, by what it begins with; the first that fits.
OFFICE, ZIPPED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04"
SHOWN = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"{\\rtf", "a text document (RTF)"),
    (b"<", "a web page or XML"),
)
IN_A_ZIP = (
    (b"xl/", "an Excel workbook (.xlsx)"),
    (b"opendocument.spreadsheet", "an OpenDocument spreadsheet (.ods)"),
)
OPEN_IT = "open it there, choose 'Save As' and the type 'CSV UTF-8 (Comma delimited)', and import that file."
EXPORT_IT = (
    "that is for people to look at. Have the program that made it export the same as CSV (UTF-8), or shifts as "
    "iCalendar (.ics), and import that file."
)
SAVE_AS = (
    "The file is not text in UTF-8. In Excel choose 'Save As' and the type 'CSV UTF-8 (Comma delimited)'; in other "
    "programs choose UTF-8 where they ask for the encoding or character set."
)


def spreadsheet_text(content: bytes, *, guess: bool) -> tuple[str, bool]:
    """UTF-8, UTF-16 that says so, or, where that may be guessed, Windows-1252; and whether it was guessed.

    Raises BadRequest, which says what to do.
    """
    if other := _no_text(content):
        raise BadRequest(f"The file is {other}")
    try:
        if content.startswith(UTF_16):
            return content.decode("utf-16"), False
        if b"\0" not in content:
            return content.decode("utf-8-sig"), False
    except UnicodeDecodeError:
        if guess and not content.startswith(UTF_16) and (text := _windows(content)):
            return text, True
    raise BadRequest(SAVE_AS)


def _no_text(content: bytes) -> str:
    """What else it is, and what to do with it; '' for text."""
    if content.startswith(ZIPPED):
        sheet = next((what for mark, what in IN_A_ZIP if mark in content), "")
        return f"{sheet}: {OPEN_IT}" if sheet else f"a ZIP file, such as a Word document or an archive: {EXPORT_IT}"
    if content.startswith(OFFICE):
        return f"an Office file of the old kind (.xls): {OPEN_IT}"
    return next((f"{what}: {EXPORT_IT}" for mark, what in SHOWN if content.lstrip().startswith(mark)), "")


def _windows(content: bytes) -> str:
    """'' where a byte stands that Windows-1252 does not have."""
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError:
        return ""
