"""From a name to a local engine. The one way in for those who must not import torch themselves."""

import importlib.util
import os
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from counterpoint.engines.chat import ChatFormat, plain_format, template_format
from counterpoint.engines.smollm2 import Progress, smollm2_folder
from counterpoint.errors import ConfigurationError, MissingExtra

if TYPE_CHECKING:
    from counterpoint.engines.torch_engine import LocalEngine
    from counterpoint.engines.vocabulary import Vocabulary

SMOLLM2 = "smollm2"
DEFAULT_LENGTH = 8192
"""For models that name no longest sequence of their own."""


class EngineOptions(msgspec.Struct, frozen=True):
    """`dtype`: "float32", "bfloat16", "float16"; None takes bfloat16 where the hardware multiplies it, else float32.

    `threads`: of torch, for one operation; None takes half the cores, at most 4: the event loop, and whatever else runs
    here, need one, and threads that fight for a core are many times slower than one thread. `max_length`: tokens per
    streaming session, None for as many as the model was made for.
    """

    dtype: str | None = None
    device: str = "cpu"
    threads: int | None = None
    max_length: int | None = None
    max_sessions: int = 16
    temperature: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"threads": 1, "max_length": 1, "max_sessions": 1, "temperature": 0.0}
        for name, bound in least.items():
            if (value := getattr(self, name)) is not None and value < bound:
                raise ConfigurationError(f"{name} is {value}; it must be at least {bound}")


_loading = threading.Lock()
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


def _folder(name: str) -> Path:
    folder = Path(name).expanduser()
    if not (folder / "config.json").is_file():
        raise ConfigurationError(
            f"{name!r} is no local engine: it must be {SMOLLM2!r}, or a folder with a Hugging Face causal language "
            "model (config.json, weights, tokenizer.json)"
        )
    return folder


def _load(name: str, folder: Path, options: EngineOptions) -> "LocalEngine":
    from counterpoint.engines.model_folder import load_causal_model  # noqa: PLC0415 (torch is an extra)
    from counterpoint.engines.torch_engine import LocalEngine  # noqa: PLC0415

    vocabulary, chat = _words(folder)
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
    )


def _words(folder: Path) -> "tuple[Vocabulary, ChatFormat]":
    from counterpoint.engines.hugging_face import tokenizer  # noqa: PLC0415 (an extra)
    from counterpoint.engines.vocabulary import Vocabulary  # noqa: PLC0415

    try:
        words = tokenizer(folder)
        definition: str = words.backend_tokenizer.to_str()
    except (OSError, ValueError, ImportError, AttributeError, KeyError) as error:
        raise ConfigurationError(f"{folder} has no tokenizer that can be read: {error}") from error
    vocabulary = Vocabulary(definition, _ends(folder, words))
    if not words.chat_template:
        begin = (words.bos_token_id,) if words.bos_token_id is not None else ()
        return vocabulary, plain_format(vocabulary, begin)

    def render(messages: Sequence[dict[str, str]], opened: bool) -> str:
        return words.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=opened)

    chat = template_format(vocabulary, render)
    if (end := chat.assistant.closing[0]) in vocabulary.control:
        vocabulary.end_of_turn |= {end}
    return vocabulary, chat


def _ends(folder: Path, words: Any) -> frozenset[int]:
    """What the tokenizer and the generation settings call the end, and the usual names for the end of a turn."""
    ends: set[int] = set()
    settings = folder / "generation_config.json"
    if settings.is_file():
        named: Any = msgspec.json.decode(settings.read_bytes()).get("eos_token_id")
        ends.update([named] if isinstance(named, int) else named or ())
    if words.eos_token_id is not None:
        ends.add(words.eos_token_id)
    known: dict[str, int] = words.get_added_vocab()
    return frozenset(ends | {known[name] for name in ("<|im_end|>", "<|eot_id|>", "<end_of_turn>") if name in known})


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
