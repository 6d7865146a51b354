"""The text of a document, taken apart by its headings: Markdown, reStructuredText, HTML, code and plain text.

Pure. It knows neither files nor indexes; malformed markup is text like any other.
"""

import re
from collections.abc import Callable, Iterator

import msgspec

from counterpoint.tools.html_text import read_html

PASSAGE = 900
"""Characters that a passage has at most, except where a single word is longer: a few sentences, good to quote."""


class Section(msgspec.Struct, frozen=True):
    """`heading`: where it stands in the document, outermost first: "Guide > Install"."""

    heading: str
    text: str


class Document(msgspec.Struct, frozen=True):
    title: str
    passages: tuple[Section, ...]


def take_apart(text: str, suffix: str) -> Document:
    """`suffix` (with its dot, lower case) says what the text is. `title` is empty where the text has none."""
    title, sections = _READERS.get(suffix, _plain)(text.replace("\r\n", "\n").replace("\r", "\n"))
    pieces = (Section(section.heading, piece) for section in sections for piece in _pieces(section.text))
    return Document(title, tuple(pieces))


class _Outline:
    """Lines so far, under the headings that they stand under."""

    def __init__(self) -> None:
        self.title = ""
        self.sections: list[Section] = []
        self._headings: list[tuple[int, str]] = []
        self._lines: list[str] = []

    def heading(self, level: int, text: str) -> None:
        self._close()
        self.title = self.title or text
        self._headings = [*((above, name) for above, name in self._headings if above < level), (level, text)]

    def line(self, text: str) -> None:
        self._lines.append(text)

    def unline(self) -> None:
        """The last line turned out to be a heading."""
        self._lines.pop()

    def read(self) -> tuple[str, list[Section]]:
        self._close()
        return self.title, self.sections

    def _close(self) -> None:
        if text := "\n".join(self._lines).strip():
            self.sections.append(Section(" > ".join(name for _, name in self._headings), text))
        self._lines = []


_FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
_ATX = re.compile(r"^ {0,3}(#{1,6})\s+(.+?)\s*#*\s*(?:\{#[^}]*\})?\s*$")
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n(?:---|\.\.\.)(?:\n|\Z)", re.DOTALL)


def _markdown(text: str) -> tuple[str, list[Section]]:
    outline, fence, previous = _Outline(), "", ""
    if front := _FRONT_MATTER.match(text):
        text = text[front.end() :]
        if named := re.search(r"^title:\s*(.+?)\s*$", front[1], re.MULTILINE):
            outline.title = named[1].strip("\"'")
    for line in text.split("\n"):
        marker, heading = _FENCE.match(line), _ATX.match(line)
        if fence or marker:
            fence = _fence_after(fence, marker[1] if marker else "")
            outline.line(line)
        elif heading:
            outline.heading(len(heading[1]), heading[2])
        elif re.fullmatch(r" {0,3}(=+|-{2,})\s*", line) and previous.strip() and not previous.startswith(("|", "    ")):
            outline.unline()
            outline.heading(1 if "=" in line else 2, previous.strip())
            previous = ""
            continue
        else:
            outline.line(line)
        previous = "" if fence or marker or heading else line
    return outline.read()


def _fence_after(open_fence: str, marker: str) -> str:
    if not open_fence:
        return marker
    return "" if marker.startswith(open_fence) else open_fence


def _rst(text: str) -> tuple[str, list[Section]]:
    """Levels of headings are in the order in which their underlines first appear."""
    outline, styles, lines = _Outline(), list[str](), text.split("\n")
    for number, line in enumerate(lines):
        below = lines[number + 1] if number + 1 < len(lines) else ""
        above = lines[number - 1] if number else ""
        if line.strip() and not _is_rule(line) and _is_rule(below) and len(below.rstrip()) >= len(line.rstrip()):
            style = below[0] + ("!" if _is_rule(above) and above[0] == below[0] else "")
            if style not in styles:
                styles.append(style)
            outline.heading(styles.index(style) + 1, line.strip())
        elif not _is_rule(line):
            outline.line(line)
    return outline.read()


def _is_rule(line: str) -> bool:
    return re.fullmatch(r"([!-/:-@\[-`{-~])\1{2,}\s*", line) is not None


def _html(text: str) -> tuple[str, list[Section]]:
    outline = _Outline()
    page = read_html(text)
    for block in page.blocks:
        if block.level:
            outline.heading(block.level, block.text)
        else:
            outline.line(f"{block.text}\n")
    title, sections = outline.read()
    return page.title or title, sections


_DEFINITION = re.compile(
    r"^(?:export |default |public |private |protected |static |pub(?:\([^)]*\))? |abstract |final |async )*"
    r"(?:def|class|function|func|fn|struct|enum|interface|trait|impl|module|type)\s+[^\s({:=<]+"
)


def _code(text: str) -> tuple[str, list[Section]]:
    outline = _Outline()
    for line in text.split("\n"):
        if definition := _DEFINITION.match(line):
            outline.heading(1, definition[0])
        outline.line(line)
    return "", outline.read()[1]


def _plain(text: str) -> tuple[str, list[Section]]:
    return "", [Section("", text.strip())] if text.strip() else []


_READERS: dict[str, Callable[[str], tuple[str, list[Section]]]] = {
    **dict.fromkeys((".md", ".markdown", ".mdx", ".mkd"), _markdown),
    **dict.fromkeys((".rst", ".rest"), _rst),
    **dict.fromkeys((".html", ".htm", ".xhtml"), _html),
    **dict.fromkeys(
        (".py", ".pyi", ".js", ".mjs", ".ts", ".tsx", ".jsx", ".go", ".rs", ".java", ".kt", ".rb", ".php", ".swift"),
        _code,
    ),
    **dict.fromkeys((".c", ".h", ".cc", ".cpp", ".hpp", ".cs", ".scala", ".ex", ".exs", ".lua", ".sh"), _code),
}


def _pieces(text: str) -> Iterator[str]:
    """Whole paragraphs while they fit, then lines, sentences, words; a longer word is cut."""
    piece = ""
    for part in _parts(text, ("\n\n", "\n", ". ", " ")):
        if piece and len(piece) + len(part) > PASSAGE:
            yield piece.strip()
            piece = ""
        piece += part
    if piece.strip():
        yield piece.strip()


def _parts(text: str, separators: tuple[str, ...]) -> Iterator[str]:
    """Parts that make up the text again, none longer than a passage."""
    if len(text) <= PASSAGE:
        yield text
    elif not separators:
        yield from (text[start : start + PASSAGE] for start in range(0, len(text), PASSAGE))
    else:
        for part in re.split(f"(?<={re.escape(separators[0])})", text):
            yield from _parts(part, separators[1:])
