"""Token ids are part of every checkpoint."""

from __future__ import annotations

import hashlib

from counterpoint.interaction.nn import vocabulary as v


def test_there_are_1024_distinct_tokens_and_padding_is_the_first() -> None:
    assert len(v.TOKENS) == v.SIZE == len(set(v.TOKENS))
    assert v.TOKENS[v.PAD] == "<pad>"
    assert v.USED <= v.SIZE


def test_ids_of_the_words_in_use_have_not_moved_since_the_first_checkpoint() -> None:
    assert hashlib.sha256(" ".join(v.TOKENS[:FIRST_WORDS]).encode()).hexdigest() == FIRST_DIGEST


def test_a_phrase_survives_encoding_and_unknown_words_are_marked() -> None:
    assert v.decode(v.encode("say blue in five seconds")) == "say blue in five seconds"
    assert v.encode("xylophone") == [v.UNKNOWN]


def test_longer_words_take_longer_to_say() -> None:
    assert [v.beats_to_say(v.IDS[word]) for word in ("the", "seven", "seventeen", "<delegate>")] == [1, 2, 3, 1]


FIRST_WORDS = 409
FIRST_DIGEST = "5e05da5cdef1872a0600090147d20d7ccd8e3cecaa8fc39cf741e9e7002dd741"
