"""Written text as it is read aloud: without markup, in sentences. Pure."""

import re
from collections.abc import Iterator
from typing import Final

_FENCED: Final = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)
_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_HTML: Final = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_IMAGE: Final = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK: Final = re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\[[^\]]*\])")
_ROLE: Final = re.compile(r":[a-z:]+:`([^`<]*?)\s*(?:<[^>]*>)?`")
_CODE: Final = re.compile(r"`{1,2}([^`\n]+)`{1,2}_{0,2}")
_STRONG: Final = re.compile(r"(\*{1,3}|_{2,3}|~~)(?=\S)(.+?)(?<=\S)\1")
_SLANTED: Final = re.compile(r"(?<!\w)_(?=\S)(.+?)(?<=\S)_(?!\w)")
_ADDRESS: Final = re.compile(r"<?https?://(?:www\.)?([^\s/<>)]+)[^\s<>)]*>?")
_LOOSE: Final = re.compile(r" (?=[.,;:!?](?:\s|$))")
_RULE: Final = re.compile(r"^[\s|:=~^*_-]+$")
_START: Final = re.compile(r"^\s*(?:#{1,6}\s+|>\s?|[-*+•]\s+|\d{1,3}[.)]\s+)+")
_CELL: Final = re.compile(r"\s*(?<!\\)\|\s*")
_END: Final = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+(?=[\"'“‘(\[]*[A-Z0-9À-Þ])|(?<=[。！？])")
_ABBREVIATION: Final = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|etc|approx|Dr|Mr|Mrs|Ms|St|No|Fig|Sec|p|pp)|\b[A-Z])\.\s*$", re.IGNORECASE
)


def sentences_of(text: str) -> list[str]:
    """Complete sentences and, where a text has none, its fragments (titles, table rows), in order."""
    return [sentence for block in _blocks(text) for sentence in _split(block) if re.search(r"\w", sentence)]


def without_markup(line: str) -> str:
    """One line or paragraph without Markdown, reStructuredText or HTML around its words."""
    line = _ADDRESS.sub(r"\1", _LINK.sub(r"\1", _IMAGE.sub("", line)))
    line = _CODE.sub(r"\1", _ROLE.sub(r"\1", _HTML.sub(" ", line)))
    line = _SLANTED.sub(r"\1", _STRONG.sub(r"\2", line))
    return _LOOSE.sub("", " ".join(line.replace("\\", "").split()))


def _blocks(text: str) -> Iterator[str]:
    """Paragraphs, list items, headings and table rows, each on one line."""
    block: list[str] = []
    for line in [*_COMMENT.sub("", _FENCED.sub("", text)).splitlines(), ""]:
        row = _row(line)
        begins = row is not None or _START.match(line) is not None
        if block and (begins or not line.strip() or _RULE.match(line)):
            yield without_markup(" ".join(block))
            block = []
        if row is not None:
            yield without_markup(row)
        elif line.strip() and not _RULE.match(line):
            block.append(_START.sub("", line).strip())
            if line.lstrip().startswith("#"):
                yield without_markup(block.pop())


def _row(line: str) -> str | None:
    """A table row as "first: the rest"; None if it is none."""
    line = line.strip()
    if not (line.startswith("|") and line.endswith("|") and len(line) > 1) or _RULE.match(line):
        return None
    cells = [cell for cell in _CELL.split(line.strip("|").strip()) if cell]
    return cells[0] if len(cells) == 1 else f"{cells[0]}: {', '.join(cells[1:])}" if cells else ""


def whole_sentences(text: str) -> tuple[list[str], str]:
    """Of a text that is still being written: what is complete, and the rest."""
    sentences: list[str] = []
    start = 0
    for end in _END.finditer(text):
        if not _ABBREVIATION.search(text[start : end.start()]):
            sentences.append(text[start : end.end()].strip())
            start = end.end()
    return sentences, text[start:]


def _split(block: str) -> list[str]:
    sentences, rest = whole_sentences(block)
    return [*sentences, rest.strip()] if rest.strip() else sentences
