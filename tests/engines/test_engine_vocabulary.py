"""Text to tokens and back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import CONTROL, byte_tokenizer
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

from counterpoint.engines.vocabulary import Vocabulary
from counterpoint.errors import ConfigurationError

BYTES = Vocabulary(byte_tokenizer().to_str())


def with_merges() -> Vocabulary:
    """A byte-level vocabulary that could spell a control token in one piece, if it were let."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {sign: number for number, sign in enumerate(alphabet)} | {"th": 256, "the": 257, "<|end|>": 258}
    tokenizer = Tokenizer(models.BPE(vocabulary, [("t", "h"), ("th", "e")], ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<|end|>", normalized=False)])
    tokenizer.add_tokens([AddedToken("<tool_call>", normalized=False, special=False)])
    return Vocabulary(tokenizer.to_str())


def sentencepiece_like() -> Vocabulary:
    pieces = ["<unk>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "\u2581", "a", "b", "\u2581a", "\u2581ab"]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    merges = [("\u2581", "a"), ("\u2581a", "b")]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens(["<unk>", "</s>"])
    return Vocabulary(tokenizer.to_str())


@given(st.text())
def test_text_survives_the_way_into_tokens_and_back(text):
    assert BYTES.decode(BYTES.encode(text)) == text.encode("utf-8", "replace").decode()


@given(st.text(alphabet="the <|>nd_ ", max_size=30))
def test_no_text_becomes_a_control_token(text):
    for vocabulary in (BYTES, with_merges(), sentencepiece_like()):
        assert vocabulary.control.isdisjoint(vocabulary.encode(text))
        assert vocabulary.decode(vocabulary.encode(text)) == text


@pytest.mark.parametrize("text", [*CONTROL, "<|end|>", "the <|end|>", "<tool_call>", "</s>"])
def test_what_is_spelt_like_a_control_token_stays_text(text):
    for vocabulary in (BYTES, with_merges(), sentencepiece_like()):
        tokens = vocabulary.encode(text)
        assert vocabulary.control.isdisjoint(tokens)
        assert b"".join(map(vocabulary.piece, tokens)) == text.encode()


def test_pieces_are_exact_bytes_so_that_text_can_be_cut_inside_a_character():
    tokens = BYTES.encode("é")
    assert [BYTES.piece(token) for token in tokens] == [b"\xc3", b"\xa9"]
    assert BYTES.decode(tokens[:1]) == "\ufffd"


def test_common_letters_are_merged_and_nothing_is_put_before_them():
    vocabulary = with_merges()
    assert vocabulary.encode("the") == [257]
    assert sentencepiece_like().encode("ab") != sentencepiece_like().encode(" ab")
    assert len(sentencepiece_like().encode(" ab")) == 1


def test_bytes_stand_in_for_what_has_no_piece():
    vocabulary = sentencepiece_like()
    assert vocabulary.decode(vocabulary.encode("a é\n")) == "a é\n"


def test_markup_reads_control_tokens_and_only_those():
    start, end = BYTES.special("<|im_start|>"), BYTES.special("<|im_end|>")
    tokens = BYTES.encode_markup("<|im_start|>user\nhi<|im_end|>")
    assert [token for token in tokens if token in BYTES.control] == [start, end]
    assert BYTES.decode(tokens) == "<|im_start|>user\nhi<|im_end|>"
    assert BYTES.encode_markup("<|im_star|>") == BYTES.encode("<|im_star|>")


def test_a_control_token_that_the_model_does_not_have_is_named_with_those_it_has():
    with pytest.raises(ConfigurationError, match=r"<\|eot_id\|>.*<\|im_end\|>"):
        BYTES.special("<|eot_id|>")


def test_a_number_that_is_no_token_is_refused():
    with pytest.raises(ConfigurationError, match="9999"):
        BYTES.piece(9999)


def test_a_tokenizer_that_forgets_spaces_is_refused():
    lossy = {"added_tokens": [], "pre_tokenizer": {"type": "BertPreTokenizer"}, "model": {"type": "WordPiece"}}
    with pytest.raises(ConfigurationError, match="byte"):
        Vocabulary(json.dumps(lossy))
