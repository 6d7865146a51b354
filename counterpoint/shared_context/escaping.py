"""Text from outside made harmless: it cannot act, hide, or leave the lines it is given.

Every replacement is one character for one, so counts of characters (voiced, heard) hold for escaped text as well.
"""

import re
from typing import Final

_TAG: Final = re.compile(r"[<＜﹤](?![\s=])")
"""Whatever opens a tag in any model's protocol (`<delegate>`, `</s>`, `<|im_start|>`), also one cut off by the end of
the text, and the full-width forms that some tokenizers fold into `<`. Comparisons (`a < b`, `a <= b`) are left alone.
"""

_BRACKET: Final = re.compile(r"[\[［](?=/?[a-z]?[A-Z][A-Z_]+(?:[\]］]|$)|/?$)")
"""`[INST]`, `[/INST]`, `[TOOL_CALLS]`, `[gMASK]`, and what may be the beginning of one."""

_HIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
"""Control characters, those that reorder what a reader sees, and the invisible alphabet used to smuggle commands."""

_LINE_END: Final = re.compile("\r\n|[\n\r\u2028\u2029]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_BLANK: Final = re.compile("[\n\r\t\u2028\u2029]")


def escape_control(text: str) -> str:
    """The same text, as long as before, in which nothing is a control token of any model any more. Idempotent."""
    if not text.isprintable():  # nothing printable is hidden, and most of what is said is printable
        text = _HIDDEN.sub(" ", text)
    if "<" in text or "＜" in text or "﹤" in text:
        text = _TAG.sub("‹", text)
    return _BRACKET.sub("⟦", text) if "[" in text or "［" in text else text


def one_line(text: str) -> str:
    """Escaped, with line ends and tabs turned into spaces; as long as before."""
    return escape_control(text if text.isprintable() else _BLANK.sub(" ", text))


def shown(text: str) -> str:
    """For people, on one line of a terminal that obeys nothing of it: what is hidden is seen to be there."""
    if text.isprintable():
        return text
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", _HIDDEN.sub("\N{REPLACEMENT CHARACTER}", _BLANK.sub(" ", text)))


def lines_of(text: str) -> list[str]:
    """Escaped lines, none of which a reader of any kind would split further."""
    if text.isprintable():
        return [escape_control(text)]
    return [one_line(line) for line in _LINE_END.split(text)]


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, saying with an ellipsis that there was more."""
    if len(text) <= limit:
        return text
    return text[: limit - 1].rstrip() + "…" if limit > 0 else ""


def cut(text: str, limit: int) -> str:
    """The beginning and the end of a text that is too long, told so in between; at most `limit` characters."""
    if len(text) <= limit:
        return text
    told = f" [... shortened from {len(text)} characters ...] "
    kept = max(0, limit - len(told))
    end = kept // 4
    return (text[: kept - end] + told + text[len(text) - end :])[:limit]
