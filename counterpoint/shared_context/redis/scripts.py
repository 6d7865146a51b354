"""The scripts that decide and write on the server: `.lua` files, each whole in one slot and in one step."""

from hashlib import sha1
from pkgutil import get_data
from typing import NamedTuple

from counterpoint.errors import ConfigurationError


class Script(NamedTuple):
    """`sha`: the name that the server gives it."""

    name: str
    text: str
    sha: str


_PACKAGE = "counterpoint.shared_context.redis"
_ALONE = ("intend", "place", "take", "letters", "sweep")


def _load(name: str) -> Script:
    """The script, with what the scripts of a conversation share after its first line, which holds its flags."""
    flags, _, body = _read(name).partition("\n")
    shared = "" if name in _ALONE else _read("conversation")
    text = f"{flags}\n{shared}{body}"
    return Script(name, text, sha1(text.encode(), usedforsecurity=False).hexdigest())


def _read(name: str) -> str:
    """Read as modules are read, when this one is imported."""
    data = get_data(_PACKAGE, f"lua/{name}.lua")
    if data is None:
        raise ConfigurationError("counterpoint is installed without the scripts of its Redis store")
    return data.decode()


OPEN = _load("open")
APPEND = _load("append")
READ = _load("read")
SNAPSHOT = _load("snapshot")
LAST_SNAPSHOT = _load("last_snapshot")
TRIM = _load("trim")
CLOSE = _load("close")
FORGET = _load("forget")
STANDING = _load("standing")
RESTORE = _load("restore")
PUT_MEDIA = _load("put_media")
GET_MEDIA = _load("get_media")
ADOPT = _load("adopt")

OFFER = _load("offer")
AMEND = _load("amend")
WITHDRAW = _load("withdraw")
CLAIM = _load("claim")
RENEW = _load("renew")
RELEASE = _load("release")
SETTLE = _load("settle")
GIVE_UP = _load("give_up")
DEAD_LETTER = _load("dead_letter")
RETRY = _load("retry")

INTEND = _load("intend")
PLACE = _load("place")
TAKE = _load("take")
LETTERS = _load("letters")
SWEEP = _load("sweep")
