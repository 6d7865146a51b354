"""What is different about servers and models: known beforehand (the table), or learned from what they refuse. Pure.

The names of parameters and roles are OpenAI's; everybody copies them, each a little differently.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec
from msgspec.structs import replace

LEAST_FILL: Final = 0.1
CUT: Final = 0.6
ASSUMED_LENGTH: Final = 8_192
"""Tokens of a context that a server called too small without saying how large it is."""


class Quirks(msgspec.Struct, frozen=True):
    """`limit`: what the bound on an answer's length is called. `room`: tokens that thoughts need on top of it.

    `system`: the role of instructions; `late_system`: it may stand in the middle. `alternate`: user and assistant have
    to take turns, beginning with the user. `tools`: false where calls have to be asked for in the text. `must_call`: a
    call can be forced; `strict`: and held to its schema; `guides`: a whole answer can be held to one, a call cannot.
    `usage`: tokens are counted if one asks for it. `max_length`: of the context, in tokens; at most `fill` of it is
    used, since tokens are only estimated here.
    """

    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    room: int = 0
    system: Literal["system", "developer", "user"] = "system"
    late_system: bool = True
    alternate: bool = False
    temperature: bool = True
    tools: bool = True
    must_call: bool = True
    strict: bool = True
    guides: bool = False
    usage: bool = True
    max_length: int | None = None
    fill: float = 0.8

    @property
    def spare(self) -> int:
        """`room`, but never more than half of the context."""
        return self.room if self.max_length is None else min(self.room, self.max_length // 2)


class _Row(msgspec.Struct, frozen=True):
    """Where both patterns are found in the names of host and model, these fields are different."""

    host: str
    model: str
    differs: Mapping[str, Any]


_THINKS: Final = 8_000

KNOWN: Final = (
    _Row(r"^api\.openai\.com", r"", {"limit": "max_completion_tokens"}),
    _Row(
        r"^api\.openai\.com|\.azure\.com",
        r"^(o\d|gpt-5)",
        {"limit": "max_completion_tokens", "system": "developer", "temperature": False, "room": _THINKS},
    ),
    _Row(r"", r"(?i)deepseek-r|qwq|magistral|-thinking", {"room": _THINKS}),
    _Row(r"", r"(?i)gemma", {"late_system": False, "alternate": True}),
    _Row(r"", r"(?i)mistral|mixtral|ministral", {"late_system": False, "alternate": True}),
    _Row(r"^api\.anthropic\.com", r"", {"late_system": False, "alternate": True}),
)


def known_quirks(host: str, model: str) -> Quirks:
    """Later rows win."""
    quirks = Quirks()
    for row in KNOWN:
        if re.search(row.host, host) and re.search(row.model, model):
            quirks = replace(quirks, **row.differs)
    return quirks


LLAMA_CPP: Final = "llamacpp"
"""Whom its server names as the owner of its models."""


def of_llama_cpp(quirks: Quirks, *, tools: bool) -> Quirks:
    """A call that is required may come after any amount of text, in which a small model gets lost; an answer that has
    to be JSON is nothing else. `tools`: its template knows them, else it leaves them out without a word.
    """
    return replace(quirks, guides=True, tools=tools)


_NO_TOOLS: Final = re.compile(
    r"(?i)not support tools|tools? (param|are|is|use|calling)[^.]{0,40}(requires|not supported|not enabled)"
    r"|enable-auto-tool-choice|function.calling (is|are) not|does not support (tools|function)|no tool support"
)
_CONTEXT: Final = re.compile(
    r"(?i)context (length|size|window)|context_length_exceeded|max_model_len|exceeds? the (available|maximum) context"
    r"|exceed_context_size|prompt is too long|maximum (input|sequence) length"
)
_LENGTH: Final = re.compile(
    r"(?i)(?:maximum context length (?:is|of)|max_model_len\D{0,9}|context (?:size|length|window)\D{0,12}|n_ctx\D{0,6})"
    r"\s*(\d{3,8})"
)
_TURNS: Final = re.compile(
    r"(?i)alternat|optional system|system message must be|(first|last) message|conversation roles"
)
_ROLE: Final = re.compile(r"(?i)(system|developer)\W[^.]{0,60}(not support|unsupported|unknown|invalid|not allowed)")
_ROLE_AFTER: Final = re.compile(
    r"(?i)(not support|unsupported|unknown|unexpected|invalid)[^.]{0,60}\b(system|developer)\b"
)


def adjusted(quirks: Quirks, message: str) -> Quirks | None:
    """What to try instead, after a server refused a request with this message; None if it says nothing of the kind."""
    changed = _adjusted(quirks, message)
    return None if changed == quirks else changed


def _adjusted(quirks: Quirks, message: str) -> Quirks:
    if quirks.tools and _NO_TOOLS.search(message):
        return replace(quirks, tools=False)
    if _CONTEXT.search(message):
        return _shorter(quirks, message)
    if re.search(r"max_completion_tokens' instead|'?max_tokens'? is not supported", message):
        return replace(quirks, limit="max_completion_tokens")
    if "max_completion_tokens" in message:
        return replace(quirks, limit="max_tokens")
    if re.search(r"stream_options|include_usage", message):
        return replace(quirks, usage=False)
    if quirks.guides and re.search(r"(?i)response_format|json.schema|grammar", message):
        return replace(quirks, guides=False)
    if quirks.strict and re.search(r"(?i)\bstrict\b|invalid schema", message):
        return replace(quirks, strict=False)
    if "tool_choice" in message:
        return replace(quirks, must_call=False)
    if "temperature" in message:
        return replace(quirks, temperature=False)
    if _TURNS.search(message):
        return replace(quirks, late_system=False, alternate=True)
    if _ROLE.search(message) or _ROLE_AFTER.search(message):
        return _other_role(quirks)
    return quirks


def _other_role(quirks: Quirks) -> Quirks:
    if quirks.system == "developer":
        return replace(quirks, system="system")
    return replace(quirks, late_system=False) if quirks.late_system else replace(quirks, system="user")


def _shorter(quirks: Quirks, message: str) -> Quirks:
    """The first time the length may be news; then our estimate of tokens is what was wrong."""
    found = _LENGTH.search(message)
    told = int(found.group(1)) if found else quirks.max_length or ASSUMED_LENGTH
    if told != quirks.max_length and found:
        return replace(quirks, max_length=told)
    fill = quirks.fill * CUT
    return replace(quirks, max_length=told, fill=fill) if fill >= LEAST_FILL else quirks


class SpeechQuirks(msgspec.Struct, frozen=True):
    """`transcription`: what is asked for, "json" telling no times; `word_times`: words may be asked for by themselves.
    `sound`: the format of speech; PCM tells no rate.
    """

    transcription: Literal["verbose_json", "json"] = "verbose_json"
    word_times: bool = True
    sound: Literal["wav", "pcm"] = "wav"


def known_speech_quirks(model: str) -> SpeechQuirks:
    if re.search(r"(?i)^gpt-4o.*transcribe|voxtral", model):
        return SpeechQuirks(transcription="json", word_times=False)
    return SpeechQuirks()


def adjusted_transcription(quirks: SpeechQuirks, message: str) -> SpeechQuirks | None:
    """What to try instead, after a server refused a request with this message; None if it says nothing of the kind."""
    if quirks.word_times and "timestamp_granularit" in message:
        return replace(quirks, word_times=False)
    if quirks.transcription == "verbose_json" and re.search("verbose_json|response_format", message):
        return replace(quirks, transcription="json", word_times=False)
    return None


def adjusted_sound(quirks: SpeechQuirks, message: str) -> SpeechQuirks | None:
    """As `adjusted_transcription`."""
    if quirks.sound == "wav" and re.search(r"(?i)response_format|\bwav\b", message):
        return replace(quirks, sound="pcm")
    return None
