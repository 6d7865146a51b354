"""Lines and keys from standard input without a thread: a terminal key by key, a pipe line by line."""

import asyncio
import codecs
import os
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager

import anyio
import msgspec

try:
    import termios
    import tty
except ImportError:  # pragma: no cover (Windows has no termios; input is then read by lines)
    termios = tty = None


class Key(msgspec.Struct, frozen=True):
    """The input line as it now stands; `done`: Enter was pressed."""

    line: str
    done: bool = False


class EditedLine:
    """What has been typed since the last Enter. Pure."""

    def __init__(self) -> None:
        self._line = ""

    def feed(self, text: str) -> list[Key]:
        """Characters as they come; erasing keys erase, other control characters are ignored."""
        keys: list[Key] = []
        for character in text:
            if character in "\r\n":
                keys.append(Key(self._line, done=True))
                self._line = ""
                continue
            if character in "\x7f\x08":
                self._line = self._line[:-1]
            elif character == "\x15":
                self._line = ""
            elif character.isprintable():
                self._line += character
            else:
                continue
            keys.append(Key(self._line))
        return keys


@contextmanager
def unbuffered() -> Generator[bool, None, None]:
    """Keys arrive one by one if this is a terminal; it is put back as it was. Ctrl-C stays a signal."""
    if termios is None or tty is None or not sys.stdin.isatty():
        yield False
        return
    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    tty.setcbreak(number)
    try:
        yield True
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)


async def keys() -> AsyncGenerator[Key, None]:
    """Until the end of the input (Ctrl-D on an empty line)."""
    loop = asyncio.get_running_loop()
    number = sys.stdin.fileno()
    ready = anyio.Event()
    line, decoder = EditedLine(), codecs.getincrementaldecoder("utf-8")("replace")

    def readable() -> None:
        loop.remove_reader(number)
        ready.set()

    while True:
        ready = anyio.Event()
        loop.add_reader(number, readable)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(number)
        data = os.read(number, 4096)
        if not data or data == b"\x04":
            return
        for key in line.feed(decoder.decode(data)):
            yield key
