"""How vLLM is started; known without it being installed."""

from typing import Any

import msgspec

from counterpoint.errors import ConfigurationError


class CoreOptions(msgspec.Struct, frozen=True):
    """`max_length`: tokens of a request, None for as many as the model was made for. `max_sessions`: requests at once.

    `kv_gibibytes`: memory for keys and values on a CPU; on a GPU vLLM takes `gpu_share` of the device's. `dtype`: None
    is the model's own on a GPU, and on a CPU bfloat16 where the hardware multiplies it, else float32. `threads`: of the
    core on a CPU; None takes half the cores: threads that fight for a core are many times slower than one thread.
    `more`: any other argument of vLLM's `AsyncEngineArgs`.
    """

    max_length: int | None = None
    max_sessions: int = 16
    kv_gibibytes: float = 1.0
    gpu_share: float = 0.9
    dtype: str | None = None
    threads: int | None = None
    temperature: float = 0.0
    seed: int = 0
    more: dict[str, Any] = {}

    def __post_init__(self) -> None:
        least = {"max_length": 16, "max_sessions": 1, "threads": 1, "kv_gibibytes": 0.01, "temperature": 0.0}
        for name, bound in least.items():
            if (value := getattr(self, name)) is not None and value < bound:
                raise ConfigurationError(f"{name} is {value}; it must be at least {bound}")
