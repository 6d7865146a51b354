"""The key of a server: from the environment, or given. It stands in one header and nowhere else."""

import os
import re
from typing import Final

from counterpoint.engines.http.address import Address
from counterpoint.errors import ConfigurationError

VARIABLE: Final = "OPENAI_API_KEY"
"""Read without being named, but only where nobody can listen on the way: over TLS, or on this machine."""

_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]*")


class Key:
    """`source`: where it comes from, in words. Its text is never shown."""

    __slots__ = ("_text", "source")

    def __init__(self, text: str, source: str) -> None:
        self.source = source
        self._text = text.strip()
        if not self._text or not self._text.isascii() or not self._text.isprintable():
            raise ConfigurationError(f"{source} is no key: it is empty, or has characters that no key has")

    def __repr__(self) -> str:
        return f"Key({self.source})"

    @property
    def header(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._text}"}

    def hidden_in(self, text: str) -> str:
        """The text without the key: servers repeat what they refuse."""
        return text.replace(self._text, "(the key)")


def key_of(address: Address, given: str | None = None) -> Key | None:
    """`given` wins, then the variable that the address names. Raises `ConfigurationError` if that is not set."""
    if given is not None:
        return Key(given, "the key that was given")
    name = address.options.get("key")
    if name is not None:
        if not _NAME.fullmatch(name):
            raise ConfigurationError("key= names an environment variable, such as OPENAI_API_KEY; it is not the key")
        if not os.environ.get(name):
            raise ConfigurationError(f"the environment has no {name}, which the address of {address.host} names")
        return Key(os.environ[name], name)
    text = os.environ.get(VARIABLE, "") if address.secure or address.local else ""
    return Key(text, VARIABLE) if text else None
