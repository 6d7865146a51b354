"""Interaction models by name: "local:smollm2", "local:FOLDER" (a Hugging Face causal LM that can chat),
"vllm:FOLDER" (the same in vLLM), "http://localhost:8000/v1#model", and "native", our own small one, which hears and,
where the weights of its voice are, speaks.

Settings may follow: "local:FOLDER?delegate=tags&notes=context", "vllm:FOLDER?max_length=4096", "https://host/v1?key=NAME&notes=context#model".
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl

import msgspec

from counterpoint.engines.core_options import CoreOptions
from counterpoint.engines.http.address import address_of, is_address
from counterpoint.engines.load import load_engine, load_vllm
from counterpoint.engines.names import LOCAL, SERVER, VLLM, no_such_model
from counterpoint.engines.smollm2 import Progress
from counterpoint.errors import ConfigurationError, MissingExtra
from counterpoint.interaction.engines.instruct import InstructInteraction
from counterpoint.interaction.engines.settings import SERVED_MODEL, SMALL_MODEL, Settings
from counterpoint.interaction.model import InteractionModel

NATIVE = "native"
KNOWN = f"{NATIVE}, {LOCAL}, {VLLM}, {SERVER}"


def load_interaction(name: str, *, progress: Progress = lambda _what, _share: None) -> InteractionModel:
    """Loads the weights: seconds, and the first time longer; where an event loop runs, call it in a worker thread. A
    server is not asked for anything yet.

    `progress` is told what is being done and how much of it is (0 to 1). Raises `ConfigurationError` for a name or a
    setting that is not known, `MissingWeights`, `MissingExtra`.
    """
    if is_address(name):
        return _at(name)
    if name == NATIVE:
        return _native()
    kind, _, rest = name.partition(":")
    which, _, query = rest.partition("?")
    if kind not in {"local", "vllm"} or not which:
        raise no_such_model("interaction", name, KNOWN)
    if kind == "vllm":
        return _in_vllm(which, query, progress)
    settings = settings_of(query)
    engine = load_engine(which, progress=progress)
    return InstructInteraction(engine, settings, engine.chat)


def _in_vllm(which: str, query: str, progress: Progress) -> InteractionModel:
    given = _given(query)
    core = {name: given.pop(name) for name in CoreOptions.__struct_fields__ if name in given}
    settings = _changed(SMALL_MODEL, given, CoreOptions.__struct_fields__)
    try:
        options = msgspec.convert(core, CoreOptions, strict=False)
    except (ValueError, msgspec.ValidationError) as error:
        raise _unusable(query, error, CoreOptions.__struct_fields__) from error
    engine = load_vllm(which, options, progress=progress)
    return InstructInteraction(engine, settings, engine.chat)


def fingerprint(name: str) -> str:
    """What stands for a model in a report: its name, and for our own the checksums of its weights."""
    if name != NATIVE:
        return name
    from counterpoint.interaction.nn.checkpoint import SHIPPED, SHIPPED_VOICE, digest

    voice = f" with voice {digest(SHIPPED_VOICE)[:12]}" if SHIPPED_VOICE.is_file() else ""
    return f"{NATIVE}{voice} sha256:{digest(SHIPPED)}"


def _native() -> InteractionModel:
    try:
        from counterpoint.interaction.engines.native import NativeInteraction
        from counterpoint.interaction.nn.checkpoint import SHIPPED_VOICE, load_model, load_mouth
        from counterpoint.interaction.nn.synthesiser import Synthesiser
        from counterpoint.interaction.nn.voice import Voice
    except ImportError as error:
        raise MissingExtra("the native model", "native") from error
    voice = Voice(load_mouth(), Synthesiser()) if SHIPPED_VOICE.is_file() else None
    return NativeInteraction(load_model(), voice=voice)


def settings_of(query: str) -> Settings:
    """The settings of "delegate=tags&words_per_beat=0.6", on top of those for a small model."""
    return _changed(SMALL_MODEL, _given(query))


def _given(query: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError as error:
        raise _unusable(query, error) from error


def _at(url: str) -> InteractionModel:
    from counterpoint.interaction.engines.chat import ChatInteraction

    given = {name: value for name, value in address_of(url).options.items() if name != "key"}
    temperature = given.pop("temperature", None)
    try:
        warmth = None if temperature is None else float(temperature)
    except ValueError as error:
        raise _unusable(f"temperature={temperature}", error) from error
    return ChatInteraction(url, settings=_changed(SERVED_MODEL, given), temperature=warmth)


def _changed(settings: Settings, given: Mapping[str, str], more: tuple[str, ...] = ()) -> Settings:
    """`more`: what else may be given beside these settings."""
    try:
        return msgspec.convert({**msgspec.to_builtins(settings), **given}, Settings, strict=False)
    except (ValueError, msgspec.ValidationError) as error:
        raise _unusable("&".join(f"{name}={value}" for name, value in given.items()), error, more) from error


def _unusable(query: str, error: Exception, more: tuple[str, ...] = ()) -> ConfigurationError:
    known = ", ".join((*more, *Settings.__struct_fields__))
    return ConfigurationError(f"cannot use the settings {query!r}: {error}; known are: {known}")
