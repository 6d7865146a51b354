"""The text of an HTML page: title, headings, paragraphs, links. Pure, and linear in the length of the page.

The standard library's parser takes minutes for 100 kB of hostile input; this one looks at each character a few times at
most. It keeps everything that is text; what of it is the article, `readable.py` can tell better.
"""

import html as entities
import re
from collections.abc import Iterator

import msgspec

_RAW = frozenset(("script", "style", "textarea", "title", "iframe", "noscript", "template", "svg", "math"))
"""Elements that hold no text for a reader, up to their end tag wherever it is."""

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BREAKING = """
    address article aside blockquote body br caption dd details div dl dt fieldset figcaption figure footer form header
    hr li main nav ol option p pre section summary table td th tr ul
"""
_BREAKS = frozenset(_BREAKING.split())
_NAME = re.compile(r"</?([a-zA-Z][a-zA-Z0-9:-]*)")
_HREF = re.compile(r"""\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)


class Block(msgspec.Struct, frozen=True):
    """A heading (`level` 1 to 6) or a paragraph (0)."""

    level: int
    text: str


class Link(msgspec.Struct, frozen=True):
    text: str
    url: str


class HtmlPage(msgspec.Struct, frozen=True):
    title: str
    blocks: tuple[Block, ...]
    links: tuple[Link, ...]


def read_html(html: str) -> HtmlPage:
    """Never fails: whatever stands in angle brackets and is no HTML is left out."""
    reader = _Reader()
    for tag, text in _tokens(html):
        if tag:
            reader.tag(tag, text)
        else:
            reader.text(text)
    reader.end_block()
    return HtmlPage(reader.title, tuple(reader.blocks), tuple(reader.links))


def _tokens(html: str) -> Iterator[tuple[str, str]]:
    """Pieces of text ("", text), and tags (name, or /name, in lower case; with what the tag or raw element holds)."""
    position = 0
    while (start := html.find("<", position)) >= 0:
        yield "", html[position:start]
        opening = html.startswith("<!--", start)
        if not (opening or html.startswith(("<!", "<?"), start) or _NAME.match(html, start)):
            yield "", "<"
            position = start + 1
            continue
        end = html.find("-->", start) + 2 if opening else _tag_end(html, start)
        if end <= start:
            return
        position = end + 1
        if name := _NAME.match(html, start):
            tag = name[1].lower() if html[start + 1] != "/" else f"/{name[1].lower()}"
            held = html[start:position]
            if tag in _RAW and not held.endswith("/>"):
                closing = re.compile(rf"</{tag}\b", re.IGNORECASE).search(html, position)
                held = html[position : closing.start() if closing else None]
                position = html.find(">", closing.end()) + 1 if closing else 0
            yield tag, held
            if not position:
                return
    yield "", html[position:]


def _tag_end(html: str, start: int) -> int:
    """Where a tag ends: at the first ">" that is not inside an attribute, as far as that can be told."""
    end = html.find(">", start)
    if html.count('"', start, end) % 2 == 0:
        return end
    return max(end, html.find('">', end) + 1)


class _Reader:
    """Collects blocks and links from the tokens of one page."""

    def __init__(self) -> None:
        self.title = ""
        self.blocks: list[Block] = []
        self.links: list[Link] = []
        self._level = 0
        self._block: list[str] = []
        self._preformatted = 0
        self._href = ""
        self._link: list[str] = []

    def tag(self, tag: str, held: str) -> None:
        name = tag.removeprefix("/")
        if name == "title":
            self.title = self.title or _one_line(_unescaped(held))
        elif name == "a":
            self._anchor(tag, held)
        elif name in _BREAKS or name in _HEADINGS:
            self.end_block()
            self._level = _HEADINGS.get(tag, 0)
            if name == "pre":
                self._preformatted = max(0, self._preformatted + (1 if tag == "pre" else -1))

    def text(self, text: str) -> None:
        text = _unescaped(text)
        self._block.append(text)
        if self._href:
            self._link.append(text)

    def end_block(self) -> None:
        text = "".join(self._block)
        text = text.strip("\n") if self._preformatted else _one_line(text)
        if text.strip():
            self.blocks.append(Block(self._level, text))
        self._block = []

    def _anchor(self, tag: str, held: str) -> None:
        if self._href:
            self.links.append(Link(_one_line("".join(self._link)), self._href))
        found = _HREF.search(held) if tag == "a" else None
        self._href = _unescaped(found[1] or found[2] or found[3] or "").strip() if found else ""
        self._link = []


def _unescaped(text: str) -> str:
    try:
        return entities.unescape(text) if "&" in text else text
    except ValueError:  # a character reference with thousands of digits
        return text


def _one_line(text: str) -> str:
    return " ".join(text.split())
