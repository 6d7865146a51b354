"""The text of an HTML page with nothing but the standard library: title, headings, paragraphs, links.

It keeps everything that is text; what of it is the article and what is navigation, `readable.py` can tell better.
"""

import re
from html.parser import HTMLParser

import msgspec

_SILENT = {"script", "style", "noscript", "template", "svg", "math", "head", "iframe", "object"}
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BREAKING = """
    address article aside blockquote body br caption dd details div dl dt fieldset figcaption figure footer form header
    hr li main nav ol option p pre section summary table td th tr ul
"""
_BREAKS = frozenset(_BREAKING.split())


class Block(msgspec.Struct, frozen=True):
    """A heading (`level` 1 to 6) or a paragraph (0)."""

    level: int
    text: str


class Link(msgspec.Struct, frozen=True):
    text: str
    url: str


class Page(msgspec.Struct, frozen=True):
    title: str
    blocks: tuple[Block, ...]
    links: tuple[Link, ...]


def read_html(html: str) -> Page:
    """Never fails: whatever stands in angle brackets and is no HTML is left out."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    reader.end_block()
    return Page(_one_line(reader.title), tuple(reader.blocks), tuple(reader.links))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self.blocks: list[Block] = []
        self.links: list[Link] = []
        self._level = 0
        self._text: list[str] = []
        self._silent: list[str] = []
        self._in_title = False
        self._pre = 0
        self._href: str | None = None
        self._link: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "title":
            self._in_title = not self.title
        elif tag in _SILENT:
            self._silent.append(tag)
        elif tag == "body":
            self._silent.clear()
        if tag in _BREAKS or tag in _HEADINGS:
            self.end_block()
            self._level = _HEADINGS.get(tag, 0)
            self._pre += tag == "pre"
        elif tag == "a":
            self._href, self._link = dict(attrs).get("href"), []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _SILENT:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        elif tag in self._silent:
            del self._silent[self._silent.index(tag) :]
        elif tag in _BREAKS or tag in _HEADINGS:
            self.end_block()
            self._level = 0
            self._pre = max(0, self._pre - (tag == "pre"))
        elif tag == "a" and self._href:
            self.links.append(Link(_one_line("".join(self._link)), self._href))
            self._href = None

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        elif not self._silent:
            self._text.append(data)
            if self._href:
                self._link.append(data)

    def end_block(self) -> None:
        text = "".join(self._text)
        text = text.strip("\n") if self._pre else _one_line(text)
        if text.strip():
            self.blocks.append(Block(self._level, text))
        self._text = []


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
