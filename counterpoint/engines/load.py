"""From a name to an engine. The one way in for those who must not import torch or vllm themselves."""

import importlib.util
import os
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from counterpoint.engines.core_options import CoreOptions
from counterpoint.engines.smollm2 import Progress, smollm2_folder
from counterpoint.errors import ConfigurationError, MissingExtra

if TYPE_CHECKING:
    from counterpoint.engines.torch_engine import LocalEngine
    from counterpoint.engines.vllm_engine import VllmEngine

SMOLLM2 = "smollm2"
DEFAULT_LENGTH = 8192
"""For models that name no longest sequence of their own."""


class EngineOptions(msgspec.Struct, frozen=True):
    """`dtype`: "float32", "bfloat16", "float16"; None takes bfloat16 where the hardware multiplies it, else float32.

    `threads`: of torch, for one operation; None takes half the cores, at most 4: the event loop, and whatever else runs
    here, need one, and threads that fight for a core are many times slower than one thread. `max_length`: tokens per
    streaming session, None for as many as the model was made for. `together`: sessions that wait at the same time share
    a pass, which may change the last bits of what is computed; without it, a recording runs again bit for bit even if
    other conversations were on the engine.
    """

    dtype: str | None = None
    device: str = "cpu"
    threads: int | None = None
    max_length: int | None = None
    max_sessions: int = 16
    temperature: float = 0.0
    seed: int = 0
    together: bool = True

    def __post_init__(self) -> None:
        least = {"threads": 1, "max_length": 1, "max_sessions": 1, "temperature": 0.0}
        for name, bound in least.items():
            if (value := getattr(self, name)) is not None and value < bound:
                raise ConfigurationError(f"{name} is {value}; it must be at least {bound}")


_loading = threading.Lock()
_started: "weakref.WeakValueDictionary[Path, VllmEngine]" = weakref.WeakValueDictionary()
_loaded: "weakref.WeakValueDictionary[tuple[Path, EngineOptions], LocalEngine]" = weakref.WeakValueDictionary()


AS_MADE = EngineOptions()


def load_engine(
    name: str, options: EngineOptions = AS_MADE, *, progress: Progress = lambda _what, _share: None
) -> "LocalEngine":
    """`name`: "smollm2", or a folder with a Hugging Face causal language model. Blocks for seconds; no network.

    While an engine is in use, loading it again with the same options gives the same one: weights are held once, and
    both agents' sessions share a thread. Raises `MissingExtra`, `MissingWeights` or `ConfigurationError`.
    """
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("transformers") is None:
        raise MissingExtra("the local engine", "local")
    folder = smollm2_folder(progress) if name == SMOLLM2 else _folder(name)
    key = (folder.resolve(), options)
    with _loading:
        engine = _loaded.get(key)
        if engine is None or engine.closed:
            engine = _loaded[key] = _load(name, folder, options)
        return engine


def load_vllm(
    name: str, options: CoreOptions | None = None, *, progress: Progress = lambda _what, _share: None
) -> "VllmEngine":
    """`name`: as of `load_engine`. Blocks for half a minute while vLLM starts in a process of its own, which ends with
    this one, or with the engine's `aclose`. While it runs, loading the folder again gives the same engine.

    vLLM starts that process by importing the main module anew: a script of yours needs `if __name__ == "__main__":`.
    Raises `MissingExtra`, `MissingWeights`, `EngineError` where vLLM does not start, and `ConfigurationError`, also
    where it runs with other options.
    """
    from counterpoint.engines.vllm_core import check_installed
    from counterpoint.engines.vllm_engine import start_vllm

    check_installed()
    folder = smollm2_folder(progress) if name == SMOLLM2 else _folder(name)
    with _loading:
        engine = _started.get(folder.resolve())
        if engine is None or engine.closed:
            progress("starting vLLM", 0.1)
            engine = start_vllm(folder, name, options or CoreOptions())
            _started[folder.resolve()] = engine
        elif options is not None and options != engine.options:
            raise ConfigurationError(f"vLLM runs with {name!r} already, with {engine.options}: close that engine first")
        return engine


def _folder(name: str) -> Path:
    folder = Path(name).expanduser()
    if not (folder / "config.json").is_file():
        raise ConfigurationError(
            f"{name!r} is no model: it must be {SMOLLM2!r}, or a folder with a Hugging Face causal language model "
            "(config.json, weights, tokenizer.json)"
        )
    return folder


def _load(name: str, folder: Path, options: EngineOptions) -> "LocalEngine":
    from counterpoint.engines.model_folder import load_causal_model
    from counterpoint.engines.torch_engine import LocalEngine
    from counterpoint.engines.words import words_of

    vocabulary, chat = words_of(folder)
    threads = options.threads or max(1, min(4, _cores() // 2))
    model = load_causal_model(folder, dtype=options.dtype, device=options.device, threads=threads)
    longest = model.max_length or DEFAULT_LENGTH
    if (length := options.max_length or longest) > longest:
        raise ConfigurationError(f"max_length is {length}; this model holds 1 to {longest} tokens")
    return LocalEngine(
        model,
        vocabulary,
        chat,
        name=name,
        max_length=length,
        max_sessions=options.max_sessions,
        temperature=options.temperature,
        seed=options.seed,
        threads=threads,
        together=options.together,
        fingerprint=_fingerprint(name, folder, options, threads),
    )


def _fingerprint(name: str, folder: Path, options: EngineOptions, threads: int) -> str:
    from counterpoint.engines.fingerprint import fingerprint_of_folder

    chosen = {"dtype": options.dtype or "auto", "device": options.device, "threads": threads}
    sampled = {"temperature": options.temperature, "seed": options.seed} if options.temperature else {}
    return fingerprint_of_folder(name, folder, {**chosen, **sampled, "max_length": options.max_length or "auto"})


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
