"""What a model folder says about its words: the vocabulary, and how the model wants its turns written."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from counterpoint.engines.chat import ChatFormat, plain_format, template_format
from counterpoint.engines.hugging_face import tokenizer
from counterpoint.engines.vocabulary import Vocabulary
from counterpoint.errors import ConfigurationError


def words_of(folder: Path) -> tuple[Vocabulary, ChatFormat]:
    """Raises `ConfigurationError` where the folder has no tokenizer that can be read."""
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
