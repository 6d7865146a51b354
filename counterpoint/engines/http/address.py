"""Where an OpenAI-compatible server is and which of its models is meant: "http://localhost:8000/v1?key=NAME#model".

A key is never part of an address; `key=` names the environment variable that holds it.
"""

from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from counterpoint.errors import ConfigurationError

SCHEMES: Final = ("http://", "https://")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PATH: Final = "/v1"
_ENDPOINT: Final = "/chat/completions"


class Address(msgspec.Struct, frozen=True):
    """`base`: the URL that paths are put behind. `model`: empty for the only one that the server has.

    `options`: what stood between "?" and "#". `local`: on this machine.
    """

    base: str
    host: str
    model: str = ""
    options: dict[str, str] = {}
    local: bool = False

    @property
    def secure(self) -> bool:
        return self.base.startswith("https:")

    def __str__(self) -> str:
        return f"{self.model or 'the model'} at {self.host}"


def is_address(name: str) -> bool:
    return name.startswith(SCHEMES)


def address_of(url: str, model: str | None = None) -> Address:
    """`model` wins over what stands after "#". Without a path it is `/v1`. Raises `ConfigurationError`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError as error:
        raise ConfigurationError(f"the address of the server cannot be read: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigurationError(f"the address of the server is none: write http(s)://host:port/v1#model, not {url!r}")
    if parts.username or parts.password:
        raise ConfigurationError(
            f"an address is shown and logged, so it holds no key: write http(s)://{host}/v1?key=NAME#model, where NAME "
            "is the environment variable that holds it"
        )
    path = parts.path.rstrip("/").removesuffix(_ENDPOINT) or _PATH
    bare = f"[{host}]" if ":" in host else host
    where = bare if port is None else f"{bare}:{port}"
    named = model or unquote(parts.fragment)
    return Address(f"{parts.scheme}://{where}{path}", where, named, options, local=host in _LOOPBACK)
