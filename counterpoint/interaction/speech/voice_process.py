"""A voice whose synthesizer runs in a child process: asked by a thread, ended if it hangs, started anew for the next
clause.
"""

import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock, Timer
from typing import IO, Final

import msgspec

from counterpoint.config import AUDIO_RATE
from counterpoint.errors import EngineError
from counterpoint.interaction.speech.voice import Spoken, VoiceCapabilities

SECONDS: Final = 10.0
"""A clause takes milliseconds, the start of the process about a second: one that takes longer hangs."""

_MODULE: Final = "counterpoint.interaction.speech.voice_child"


class _Head(msgspec.Struct, frozen=True):
    samples: int
    ends: tuple[float, ...]


class ProcessVoice:
    """`synthesizer`: "pico" or "espeak". `language`: as it names them. `seconds`: for one clause."""

    def __init__(self, synthesizer: str, language: str, *, timed: bool, seconds: float = SECONDS) -> None:
        self.capabilities = VoiceCapabilities(f"{synthesizer}:{language}", AUDIO_RATE, timed)
        self._command = [sys.executable, "-m", _MODULE, synthesizer, language]
        self._seconds = seconds
        self._thread = ThreadPoolExecutor(1, "counterpoint-voice")
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = Lock()
        self._closed = False

    def say(self, clause: str) -> Future[Spoken]:
        return self._thread.submit(self._say, clause)

    def close(self) -> None:
        """At once: what is being said fails."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._closed = True
            self._end()

    def _say(self, clause: str) -> Spoken:
        name = self.capabilities.name
        with self._lock:
            if self._closed:
                raise EngineError(f"the voice {name} was closed")
            child = self._child = self._child or self._start()
        watch = Timer(self._seconds, child.kill)
        watch.daemon = True
        watch.start()
        try:
            return _asked(child, clause)
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            with self._lock:
                self._end()
            raise EngineError(f"{name} could not say {clause[:60]!r}: its process broke off, or hung") from error
        finally:
            watch.cancel()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 (our own module)
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    _close(pipe)


def _asked(child: subprocess.Popen[bytes], clause: str) -> Spoken:
    if child.stdin is None or child.stdout is None:
        raise ValueError("it has no pipes")
    child.stdin.write(msgspec.json.encode(clause) + b"\n")
    child.stdin.flush()
    head = msgspec.json.decode(child.stdout.readline(), type=_Head)
    audio = child.stdout.read(2 * head.samples)
    if len(audio) < 2 * head.samples:
        raise ValueError("its answer is cut off")
    return Spoken(audio, head.ends)


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except OSError:  # what was written to it is of no use any more
        return
