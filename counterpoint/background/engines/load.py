"""Background models by name: "retrieval", "retrieval:brief", "local:smollm2", "local:FOLDER", "vllm:FOLDER",
"http://localhost:8000/v1#model".

Settings of a server's may stand in its address: "https://host/v1?key=NAME&answer_tokens=500#model".
"""

import msgspec

from counterpoint.background.engines.retrieval import RetrievalBackground
from counterpoint.background.model import BackgroundModel
from counterpoint.engines.http.address import address_of, is_address
from counterpoint.engines.names import LOCAL, SERVER, VLLM, no_such_model
from counterpoint.errors import ConfigurationError

BRIEF = "retrieval:brief"
KNOWN = f"retrieval, {BRIEF}, {LOCAL}, {VLLM}, {SERVER}"


def load_background(name: str) -> BackgroundModel:
    """Loading a local model blocks for seconds; where an event loop runs, call it in a worker thread. A server is not
    asked for anything yet.

    Raises `ConfigurationError` for a name that is not known, `MissingWeights` and `MissingExtra` from the engine.
    """
    kind, _, which = name.partition(":")
    if name == "retrieval":
        return RetrievalBackground()
    if name == BRIEF:
        return RetrievalBackground(brief=True)
    if is_address(name):
        return _at(name)
    if kind not in {"local", "vllm"} or not which:
        raise no_such_model("background", name, KNOWN)
    from counterpoint.background.engines.local import LocalBackground
    from counterpoint.engines.load import load_engine, load_vllm

    return LocalBackground(load_vllm(which) if kind == "vllm" else load_engine(which))


def _at(url: str) -> BackgroundModel:
    from counterpoint.background.engines.chat import ChatBackground
    from counterpoint.background.engines.chat_prompt import ChatSettings

    given = {name: value for name, value in address_of(url).options.items() if name != "key"}
    try:
        settings = msgspec.convert(given, ChatSettings, strict=False)
    except (ValueError, msgspec.ValidationError) as error:
        known = ", ".join(("key", *ChatSettings.__struct_fields__))
        raise ConfigurationError(
            f"cannot use what stands after '?' in the address: {error}; known are: {known}"
        ) from error
    return ChatBackground(url, settings=settings)
