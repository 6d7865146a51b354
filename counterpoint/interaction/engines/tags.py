"""The in-band tags of a model that delegates by itself, parsed as its text is made. Fed with sampled text only.

    <delegate>what is wanted</delegate>   <amend>the correction</amend>   <withdraw>why</withdraw>   <withdraw/>

What is control text (these, any other tag, the turn markers of chat models) is never speech.
"""

import enum
import re

import msgspec

from counterpoint.shared_context.escaping import escape_control

LONGEST_TAG = 600
"""Characters inside a tag. A model that writes more has forgotten to close it."""


class TagName(enum.Enum):
    DELEGATE = "delegate"
    AMEND = "amend"
    WITHDRAW = "withdraw"


class Speech(msgspec.Struct, frozen=True, tag="speech"):
    text: str


class Tag(msgspec.Struct, frozen=True, tag="tag"):
    """`closed`: by the model itself; otherwise at its limit, or when the turn was over."""

    name: TagName
    text: str
    closed: bool = True


Piece = Speech | Tag

_NAMES = "|".join(name.value for name in TagName)
_ATTRIBUTES = r"(?:\s+[\w:-]+\s*=[^<>]{0,80})?"
_OPENING = re.compile(rf"<\s*({_NAMES}){_ATTRIBUTES}\s*>", re.IGNORECASE)
_EMPTY = re.compile(rf"<\s*({_NAMES})\s*/\s*>", re.IGNORECASE)
_MARKER = re.compile(r"<\|[^|<>\s]{0,40}\|>")
_STRAY = re.compile(rf"</?[A-Za-z][\w.:-]{{0,30}}{_ATTRIBUTES}\s*/?>")
_HALF_CLOSED = re.compile(r"<\s*/?\s*\w*\s*$")
_BEGUN = re.compile(
    r"<(?:\|[^|<>\s]{0,40}\|?|\s*/?(?:[A-Za-z][\w.:-]{0,30}(?:\s+[\w:-]*(?:\s*=[^<>]{0,80})?)?\s*/?\s*)?)"
)
"""What may still become one of them, as far as it is known."""


def written(tag: Tag) -> str:
    """The tag as the model is to see that it has written it."""
    return f"<{tag.name.value}>{escape_control(tag.text)}</{tag.name.value}>"


class TagParser:
    """One utterance's parser. `inside`: a tag is open, so what is sampled now is not speech.

    `over`: the model wrote out a turn marker, or ran past the limit of a tag; nothing after it is its speech.
    """

    def __init__(self) -> None:
        self._text = ""
        self._open: TagName | None = None
        self._over = False

    @property
    def over(self) -> bool:
        return self._over

    @property
    def inside(self) -> bool:
        return self._open is not None

    def feed(self, text: str) -> list[Piece]:
        self._text += text
        pieces: list[Piece] = []
        while not self._over and (piece := self._next()) is not None:
            pieces.append(piece)
        return pieces

    def finish(self) -> list[Piece]:
        """The utterance is over: an open tag is closed with what there is, half a marker is dropped."""
        text, self._text = self._text, ""
        if self._over:
            return []
        self._over = True
        if self._open is not None:
            name, self._open = self._open, None
            return [Tag(name, _HALF_CLOSED.sub("", text).strip(), closed=False)]
        return [Speech(text)] if text and (text == "<" or not text.startswith("<")) else []

    def _next(self) -> Piece | None:
        if self._open is not None:
            return self._inside(self._open)
        at = self._text.find("<")
        if at != 0:
            spoken, self._text = (self._text, "") if at < 0 else (self._text[:at], self._text[at:])
            return Speech(spoken) if spoken else None
        return self._control()

    def _control(self) -> Piece | None:
        """The text begins with "<": a tag, a marker, the beginning of one, or just a character."""
        text = self._text
        if _MARKER.match(text):
            self._over = True
            return None
        if match := _OPENING.match(text):
            self._open = TagName(match.group(1).lower())
            self._text = text[match.end() :]
            return self._next()
        if match := _EMPTY.match(text):
            self._text = text[match.end() :]
            return Tag(TagName(match.group(1).lower()), "")
        if match := _STRAY.match(text):
            self._text = text[match.end() :]
            return Speech("")
        if _BEGUN.fullmatch(text):
            return None
        self._text = text[1:]
        return Speech("<")

    def _inside(self, name: TagName) -> Piece | None:
        end = re.search(rf"<\s*/\s*{name.value}\s*>", self._text, re.IGNORECASE)
        marker = _MARKER.search(self._text)
        if end is not None and (marker is None or end.start() < marker.start()):
            self._open = None
            inner, self._text = self._text[: end.start()], self._text[end.end() :]
            return Tag(name, inner.strip())
        if marker is not None or len(self._text) > LONGEST_TAG:
            self._open, self._over = None, True
            inner = self._text[: marker.start()] if marker else self._text[:LONGEST_TAG]
            return Tag(name, inner.strip(), closed=False)
        return None
