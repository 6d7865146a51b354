"""The body of an answer, unpacked and read as text, of bounded size at every step.

A page decides neither how much memory it takes (a gzip bomb unpacks a thousandfold) nor which codec reads it.
"""

import codecs
import re
import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

import httpx
import msgspec

from counterpoint.errors import ToolError

_PACKED = frozenset(("gzip", "x-gzip", "deflate"))

_WEB_CODECS = re.compile(
    r"utf-(8(-sig)?|16(-[bl]e)?|32(-[bl]e)?)|ascii|iso8859-\d+|cp(125\d|866|874|932|949|950)|koi8-[rtu]|mac-\w+"
    r"|gbk|gb2312|gb18030|big5(hkscs)?|euc_(jp|kr|jis_2004)|shift_jis(_2004|x0213)?|iso2022_(jp|kr)(_\w+)?|tis-620|johab"
)
"""Charsets, among Python's codecs; others of them unpack archives or run escapes."""

_META = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w:.-]{2,40})""", re.IGNORECASE)


class Body(msgspec.Struct, frozen=True):
    """`cut`: there was more of it."""

    data: bytes
    cut: bool = False


async def read_body(response: httpx.Response, limit: int) -> Body:
    """At most `limit` bytes, of what is sent as well as of what it unpacks to. Raises `ToolError`."""
    packing = response.headers.get("content-encoding", "identity").strip().lower()
    if packing not in _PACKED and packing not in ("", "identity"):
        raise ToolError(f"{response.url} is packed in a way that was not asked for ({packing[:40]}).")
    unpacker = _Unpacker() if packing in _PACKED else None
    data, sent = bytearray(), 0
    try:
        async with aclosing(cast("AsyncGenerator[bytes, None]", response.aiter_raw())) as parts:
            async for part in parts:
                sent += len(part)
                data += unpacker.unpack(part, limit + 1 - len(data)) if unpacker else part
                if max(len(data), sent) > limit:
                    return Body(bytes(data[:limit]), cut=True)
    except zlib.error as error:
        raise ToolError(f"{response.url} says that it is packed, but cannot be unpacked.") from error
    return Body(bytes(data))


class _Unpacker:
    """For gzip and for both things that servers call deflate."""

    def __init__(self) -> None:
        self._zlib = None

    def unpack(self, part: bytes, most: int) -> bytes:
        if self._zlib is None:
            wrapped = part[:2] == b"\x1f\x8b" or part[:1] == b"\x78"
            self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32 if wrapped else -zlib.MAX_WBITS)
        return self._zlib.decompress(part, most)


def body_text(body: Body, declared: str | None) -> str:
    """By the charset that is declared, in the header or in the page, if it fits; or else UTF-8, or Windows-1252."""
    inside = _META.search(body.data, 0, 4096)
    for name in (_marked(body.data), declared, inside[1].decode("ascii", "replace") if inside else None, "utf-8"):
        if name and (text := _decoded(body, name)) is not None:
            return text
    return body.data.decode("cp1252", "replace")


def _marked(data: bytes) -> str | None:
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    return "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else None


def _decoded(body: Body, charset: str) -> str | None:
    """None if the charset is none or does not fit. A cut may have gone through a character."""
    try:
        name = codecs.lookup(charset.strip("\"' ")).name
    except (LookupError, ValueError):
        return None
    if not _WEB_CODECS.fullmatch(name):
        return None
    try:
        decoder = codecs.getincrementaldecoder("cp1252" if name in ("iso8859-1", "ascii") else name)
        return decoder("strict").decode(body.data, final=not body.cut)
    except UnicodeError:
        return None
