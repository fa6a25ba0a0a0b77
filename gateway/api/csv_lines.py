"""The rows of a CSV file with their lines, and what is wrong with it in words that a person at a spreadsheet knows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

NOT_CLOSED = 'a quotation mark (") opens here and is never closed'
WORDS = {
    "unexpected end of data": NOT_CLOSED,
    "expected after": 'a quotation mark (") stands in the middle of a cell: write it twice',
    "field larger than": f"a cell is far too long, probably because {NOT_CLOSED}",
}


class NotCsv(Exception):
    """``line``: where the row begins that cannot be read."""

    def __init__(self, why: str, line: int) -> None:
        super().__init__(why)
        self.line = line


def csv_lines(text: str, separator: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Each row with the line on which it ends. Raises NotCsv."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            known = (words for said, words in WORDS.items() if said in str(error))
            raise NotCsv(next(known, "cannot be read as CSV: look at its quotation marks"), line) from None
        if row is None:
            return
        yield reader.line_num, row
