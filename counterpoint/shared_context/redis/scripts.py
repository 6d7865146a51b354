"""The scripts that decide and write on the server: `.lua` files, each whole in one slot and in one step."""

from hashlib import sha1
from importlib.resources import files
from typing import NamedTuple


class Script(NamedTuple):
    """`sha`: the name that the server gives it."""

    name: str
    text: str
    sha: str


_FOLDER = files("counterpoint.shared_context.redis") / "lua"
_ALONE = ("intend", "place", "take", "letters")


def _load(name: str) -> Script:
    """The script, with what the scripts of a conversation share after its first line, which holds its flags."""
    flags, _, body = (_FOLDER / f"{name}.lua").read_text(encoding="utf-8").partition("\n")
    shared = "" if name in _ALONE else (_FOLDER / "conversation.lua").read_text(encoding="utf-8")
    text = f"{flags}\n{shared}{body}"
    return Script(name, text, sha1(text.encode(), usedforsecurity=False).hexdigest())


OPEN = _load("open")
APPEND = _load("append")
READ = _load("read")
SNAPSHOT = _load("snapshot")
LAST_SNAPSHOT = _load("last_snapshot")
TRIM = _load("trim")
CLOSE = _load("close")
FORGET = _load("forget")
PUT_MEDIA = _load("put_media")
GET_MEDIA = _load("get_media")

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
