"""What stands for `sounddevice` where there is no sound: the names that are used of it, one device, and a thread of the
test's own that calls back. Its errors are those that sounddevice raises.
"""

from typing import Any


class PortAudioError(Exception):
    pass


class Status:
    def __init__(self, *, input_overflow: bool = False) -> None:
        self.input_overflow = input_overflow


class Library:
    """`rates`: that the device can do. `devices`: of which kinds there is one. `broken`: opening it fails."""

    PortAudioError = PortAudioError

    def __init__(
        self,
        rates: tuple[int, ...] = (16_000, 48_000),
        devices: tuple[str, ...] = ("input", "output"),
        broken: str = "",
    ) -> None:
        self.rates = rates
        self.devices = devices
        self.broken = broken
        self.streams: list[RawStream] = []

    def query_devices(self, device: Any = None, kind: str = "") -> dict[str, Any]:
        if kind not in self.devices:
            raise (
                PortAudioError("Error querying device -1", -9996) if kind == "input" else ValueError("No output device")
            )
        return {"name": "a card", "default_samplerate": float(self.rates[-1])}

    def check_input_settings(self, *, channels: int, dtype: str, samplerate: int) -> None:
        if samplerate not in self.rates:
            raise PortAudioError("Invalid sample rate", -9997)

    check_output_settings = check_input_settings

    def RawStream(self, **options: Any) -> "RawStream":  # noqa: N802 (sounddevice calls it so)
        if self.broken:
            raise PortAudioError(self.broken, -9985)
        self.streams.append(RawStream(options))
        return self.streams[-1]


class RawStream:
    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.active = False
        self.closed = False

    def start(self) -> None:
        self.active = True

    def close(self) -> None:
        self.active, self.closed = False, True

    def call_back(self, recorded: bytes, *, lost: bool = False) -> bytes:
        """As PortAudio does for a block; both buffers are memory of the device's."""
        played = bytearray(len(recorded))
        self.options["callback"](
            memoryview(recorded), memoryview(played), len(recorded) // 2, None, Status(input_overflow=lost)
        )
        return bytes(played)
