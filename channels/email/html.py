"""HTML mail made safe to show, and made into plain text. Nothing in it loads anything from anywhere.

Words that the sender's HTML hides (newsletters hide a line for the list of mails, spam hides whole poems) are told
apart from those that it shows.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from html import escape, unescape
from html.parser import HTMLParser

import nh3

from channels.email.words import clean

SOURCE_LIMIT = 4_000_000
HTML_LIMIT = 250_000
DEPTH_LIMIT = 300
ELEMENTS_LIMIT = 500_000


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


# No image, frame, form, style or media: a remote one tells the sender who read the mail, where and when.
TAGS = _names(
    "a abbr b blockquote br center code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i img ins li ol p pre q s small "
    "span strike strong sub sup table tbody td tfoot th thead tr u ul"
)
SCHEMES = _names("http https mailto tel")
DROPPED_WITH_CONTENT = _names("script style title")

# Elements that close themselves, or by the next of their kind, do not nest when their end tag is missing.
UNNESTED = _names("br hr img input meta link area base col embed source track wbr p li dd dt tr td th option")
TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
ANY_TAG = re.compile(r"<[^>]*>")
LINE_TAG = re.compile(r"</?(?:p|div|br|tr|li|h[1-6]|table|blockquote)\b[^>]*>", re.IGNORECASE)
FORMATTING = re.compile(r"</?(?:b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)\b[^>]*>", re.IGNORECASE)
EMBEDDED = re.compile(r"""\bsrc\s*=\s*(?:"data:[^"]*"|'data:[^']*')""", re.IGNORECASE)

HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0+(?:px|pt|em|%)?\s*(?:[;!]|$)", re.IGNORECASE
)
MAY_HIDE = re.compile(r":\s*none|hidden|font-size\s*:\s*0", re.IGNORECASE)
HIDDEN_NOTE = "[hidden words]"
VOID = _names("br hr img")

BLOCKS = _names("blockquote center dd div dl dt h1 h2 h3 h4 h5 h6 hr li ol p pre table tr ul")
PARAGRAPHS = _names("blockquote dl h1 h2 h3 h4 h5 h6 ol p pre table ul")


@dataclass(frozen=True, slots=True)
class Shown:
    """``html`` is harmless, and notes where it leaves out hidden words; ``text`` is plain and has those that it shows,
    ``hidden`` the others."""

    html: str
    text: str
    hidden: str = ""


def shown(source: str, problems: list[str]) -> Shown:
    """What is in the HTML: only harmless formatting is left; links open outside and tell no referrer."""
    source = EMBEDDED.sub("", clean(source, SOURCE_LIMIT))
    if len(source) > HTML_LIMIT or _depth(source) > DEPTH_LIMIT:
        # A deep tree costs the sanitiser quadratic time.
        problems.append("the HTML is too long or nested too deeply; it is shown as plain text")
        text = _stripped(source)
        return Shown(from_text(text), text)
    if _elements(source) > ELEMENTS_LIMIT:
        problems.append("the HTML's bold, italics and colours are too tangled to show")
        # A space, so that what stood around the tag cannot become one.
        source = FORMATTING.sub(" ", source)
    safe = _sanitised(source, {})
    if not MAY_HIDE.search(source):
        return Shown(safe, _to_text(safe))
    marked = _sanitised(source, {"*": {"style", "hidden"}})
    text, hidden = _to_text(marked), _to_text(marked, hidden=True)
    # A mail that shows nothing else is read whole.
    return Shown(_sanitised(_without_hidden(marked), {}) if text and hidden else safe, text, hidden)


def _sanitised(source: str, marks: dict[str, set[str]]) -> str:
    """Well-formed, as a browser would read it: every element that is no void one has its end tag."""
    attributes = {"a": {"href"}, "img": {"alt"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}
    return nh3.clean(
        source,
        tags=set(TAGS),
        attributes=attributes | marks,
        url_schemes=set(SCHEMES),
        url_relative="deny",
        clean_content_tags=set(DROPPED_WITH_CONTENT),
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    ).strip()


def from_text(text: str) -> str:
    """Plain text as harmless HTML."""
    return f"<pre>{escape(text)}</pre>"


def _to_text(safe: str, *, hidden: bool = False) -> str:
    """Sanitised HTML as plain text: blocks on lines of their own, list items dashed, link targets in brackets."""
    writer = _TextWriter(hidden=hidden)
    writer.feed(safe)
    writer.close()
    return _tidy("".join(writer.pieces))


def _depth(source: str) -> int:
    """At least how many elements stand open at once; end tags of other names do not count."""
    open_now: Counter[str] = Counter()
    deepest = total = 0
    for match in TAG.finditer(source):
        name = match[2].lower()
        if name in UNNESTED:
            continue
        step = -1 if match[1] else 1
        if open_now[name] + step >= 0:
            open_now[name] += step
            total += step
            deepest = max(deepest, total)
    return deepest


def _elements(source: str) -> int:
    """At most how many elements a parser makes of it.

    Formatting that is left open is opened again in every later block (HTML standard, section 13.2.4.3, which keeps
    three of each kind), so a small message could become gigabytes.
    """
    kinds = {match[0].lower() for match in FORMATTING.finditer(source) if not match[0].startswith("</")}
    return source.count("<") * (3 * len(kinds) + 1)


def _stripped(source: str) -> str:
    """What remains without tags, style sheets and scripts."""
    for name in ("style", "script"):
        source = _without(source, f"<{name}", f"</{name}")
    lined = LINE_TAG.sub("\n", _without(source, "<!--", "--"))
    return _tidy(unescape(ANY_TAG.sub(" ", lined)))


def _tidy(text: str) -> str:
    """Runs of spaces as one, runs of empty lines as one."""
    lines = [" ".join(line.split()) for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _without(source: str, start: str, end: str) -> str:
    """The source without each stretch from ``start`` to ``end``; one without an end stays."""
    lower = source.lower()
    kept, position = [], 0
    while (opening := lower.find(start, position)) >= 0 and (closing := lower.find(end, opening + len(start))) >= 0:
        kept.append(source[position:opening] + "<")
        position = closing + len(end)
    return "".join([*kept, source[position:]])


class _TextWriter(HTMLParser):
    """Reads what the sanitiser wrote, which is well formed: what it shows, or only what it hides."""

    def __init__(self, *, hidden: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._wanted = hidden
        self._hidden_in = 0
        self.pieces: list[str] = []
        self._verbatim = 0
        self._link = ""
        self._link_from = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in VOID and (self._hidden_in or _hides(given)):
            self._hidden_in += 1
        if self._hidden_here():
            return
        self._break(tag)
        if tag == "pre":
            self._verbatim += 1
        elif tag == "li":
            self.pieces.append("- ")
        elif tag in ("td", "th"):
            self.pieces.append(" ")
        elif tag == "br":
            self.pieces.append("\n")
        elif tag == "img" and given.get("alt"):
            self.pieces.append(f"[{given['alt']}]")
        elif tag == "a":
            self._link, self._link_from = given.get("href") or "", len(self.pieces)

    def handle_endtag(self, tag: str) -> None:
        passed_over = self._hidden_here()
        self._hidden_in = max(0, self._hidden_in - 1)
        if passed_over:
            return
        if self._hidden_here():
            self.pieces.append("\n")  # what is hidden elsewhere is no part of this word
        if tag == "a":
            self._end_link()
        elif tag == "pre":
            self._verbatim -= 1
        self._break(tag)

    def handle_data(self, data: str) -> None:
        if self._hidden_here():
            return
        if self._verbatim:
            self.pieces.append(data)
        elif data.strip() or not self._at_line_start():
            self.pieces.append(re.sub(r"\s+", " ", data))

    def _hidden_here(self) -> bool:
        """Whether this is none of what is wanted."""
        return bool(self._hidden_in) != self._wanted

    def _break(self, tag: str) -> None:
        if tag in PARAGRAPHS:
            self.pieces.append("\n\n")
        elif tag in BLOCKS and not self._at_line_start():
            self.pieces.append("\n")

    def _at_line_start(self) -> bool:
        return not self.pieces or self.pieces[-1].endswith("\n")

    def _end_link(self) -> None:
        words = "".join(self.pieces[self._link_from :]).strip()
        target = self._link.removeprefix("mailto:").removeprefix("tel:")
        if target and target != words:
            self.pieces.append(f" [{target}]")
        self._link = ""


def _without_hidden(marked: str) -> str:
    writer = _VisibleWriter()
    writer.feed(marked)
    writer.close()
    return "".join(writer.pieces)


class _VisibleWriter(HTMLParser):
    """Copies what the sanitiser wrote, with a note in place of each element that is hidden."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self._hidden_in = 0
        self.pieces: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID and (self._hidden_in or _hides(dict(attrs))):
            if not self._hidden_in:
                self.pieces.append(HIDDEN_NOTE)
            self._hidden_in += 1
        self._copy(self.get_starttag_text() or "")

    def handle_endtag(self, tag: str) -> None:
        self._copy(f"</{tag}>")
        self._hidden_in = max(0, self._hidden_in - 1)

    def handle_data(self, data: str) -> None:
        self._copy(data)

    def handle_entityref(self, name: str) -> None:
        self._copy(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._copy(f"&#{name};")

    def _copy(self, piece: str) -> None:
        if not self._hidden_in:
            self.pieces.append(piece)


def _hides(attributes: dict[str, str | None]) -> bool:
    return "hidden" in attributes or bool(HIDING.search(attributes.get("style") or ""))
