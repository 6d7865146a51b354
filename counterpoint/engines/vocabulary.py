"""A model's vocabulary: text to token ids and back, byte by byte. It knows nothing of models or templates.

Text is data: whatever it contains, `encode` yields no control token. Only `encode_markup`, for chat templates, reads
control tokens out of text.
"""

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import Any, cast

from tokenizers import Tokenizer as Backend

from counterpoint.errors import ConfigurationError


class Vocabulary:
    """The `Tokenizer` of an engine. `definition`: the contents of a `tokenizer.json`.

    `end_of_turn`: the ids that the model ends its turn with.
    """

    def __init__(self, definition: str, end_of_turn: frozenset[int] = frozenset()) -> None:
        parts: dict[str, Any] = json.loads(definition)
        added = {token["content"]: int(token["id"]) for token in parts.get("added_tokens", ())}
        self._control = {text: number for text, number in added.items() if text.strip()}
        self._names = {number: text for text, number in self._control.items()}
        self._markup = re.compile("|".join(map(re.escape, sorted(self._control, key=len, reverse=True))) or r"(?!)")
        self._bytes_of = _spelling(parts)
        self._backend = _plain(parts)
        self.end_of_turn = end_of_turn

    @property
    def control(self) -> frozenset[int]:
        return frozenset(self._names)

    def encode(self, text: str) -> list[int]:
        numbers: list[int] = self._backend.encode(text, add_special_tokens=False).ids
        if len(text) < 2 or self.control.isdisjoint(numbers):
            return [number for number in numbers if number not in self._names]
        return [number for character in text for number in self.encode(character)]

    def encode_markup(self, text: str) -> list[int]:
        """Like `encode`, but control tokens written in the text become control tokens."""
        numbers: list[int] = []
        end = 0
        for found in self._markup.finditer(text):
            numbers += [*self.encode(text[end : found.start()]), self._control[found.group()]]
            end = found.end()
        return numbers + self.encode(text[end:])

    def special(self, name: str) -> int:
        if (number := self._control.get(name)) is None:
            known = ", ".join(sorted(self._control)) or "none"
            raise ConfigurationError(f"the model has no control token {name!r}; it has: {known}")
        return number

    def decode(self, tokens: Sequence[int]) -> str:
        return b"".join(map(self.piece, tokens)).decode("utf-8", "replace")

    def piece(self, token: int) -> bytes:
        if (name := self._names.get(token)) is not None:
            return name.encode()
        piece: str | None = self._backend.id_to_token(token)
        if piece is None:
            raise ConfigurationError(f"{token} is not a token of this model")
        return self._bytes_of(piece)


def _plain(parts: dict[str, Any]) -> Backend:
    """The backend without its control tokens, and without what it would add to the text by itself."""
    kept = [token for token in parts.get("added_tokens", ()) if not token["content"].strip()]
    plain = _unprefixed({**parts, "added_tokens": kept, "post_processor": None})
    return Backend.from_str(json.dumps(plain))


_STEPS = ("normalizer", "pre_tokenizer", "normalizers", "pretokenizers")


def _unprefixed(part: Any) -> Any:
    """Without the space that some tokenizers put before a text: ours is encoded piece by piece."""
    if isinstance(part, list):
        steps = map(_unprefixed, cast("list[Any]", part))
        return [step for step in steps if step is not None]
    if not isinstance(part, dict):
        return part
    step = cast("dict[str, Any]", part)
    if step.get("type") == "Prepend":
        return None
    changed = {key: _unprefixed(value) if key in _STEPS else value for key, value in step.items()}
    never = {"add_prefix_space": False, "prepend_scheme": "never"}
    return changed | {key: value for key, value in never.items() if key in changed}


def _spelling(parts: dict[str, Any]) -> Any:
    """How this vocabulary spells bytes, as a function from a piece to its bytes."""
    steps = json.dumps([parts.get("pre_tokenizer"), parts.get("decoder")])
    if '"ByteLevel"' in steps:
        return _byte_level
    if '"Metaspace"' in steps or '"ByteFallback"' in steps or "\\u2581" in steps:
        return _byte_fallback
    raise ConfigurationError(
        "this tokenizer is neither byte-level nor with byte fallback: its text cannot be cut exactly"
    )


def _byte_level(piece: str) -> bytes:
    table = _byte_alphabet()
    return b"".join(bytes((table[sign],)) if sign in table else sign.encode() for sign in piece)


def _byte_fallback(piece: str) -> bytes:
    if re.fullmatch("<0x[0-9A-F]{2}>", piece):
        return bytes.fromhex(piece[3:5])
    return piece.replace("\u2581", " ").encode()


@cache
def _byte_alphabet() -> dict[str, int]:
    """GPT-2's byte-level alphabet: printable bytes of Latin-1 stand for themselves, the others for U+0100 and on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}
