"""Streaming sessions on the local engine, with a model of random weights: what a caller may rely on."""

from functools import wraps

import anyio
import anyio.lowlevel
import pytest
import torch
import transformers
from tiny_models import break_weights, forget_template, llama, save_model, save_tokenizer

from counterpoint.engines.load import EngineOptions, load_engine
from counterpoint.engines.torch_engine import LocalEngine
from counterpoint.engines.turnstile import Lane
from counterpoint.errors import ConfigurationError, ContextExhausted, EngineError, EngineFull, MissingExtra

pytestmark = pytest.mark.real

FLOAT = EngineOptions(dtype="float32")
WORDS = "It was the best of times, it was the worst of times, it was the age of wisdom"


async def loaded(folder, **options) -> LocalEngine:
    return await anyio.to_thread.run_sync(load_engine, str(folder), EngineOptions(**{"dtype": "float32", **options}))


async def taken(session, count, **options):
    return [token async for token in session.generate(count, **options)]


def one_pass(folder, tokens):
    """Log-probabilities of what follows, by the stock model and without a cache."""
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.inference_mode():
        return torch.log_softmax(model(torch.tensor([tokens])).logits[0, -1], -1).tolist()


async def after(engine: LocalEngine, tokens, count=8, **options):
    """What follows these tokens in a session of their own."""
    session = await engine.open()
    await session.append(tokens)
    following = await taken(session, count, **options)
    await session.aclose()
    return following


async def test_what_is_generated_is_in_the_sequence_and_counts(tiny):
    session = await tiny.open()
    await session.append(tiny.tokenizer.encode(WORDS))
    made = await taken(session, 5)
    assert session.length == len(WORDS) + 5
    assert session.tokens == (*tiny.tokenizer.encode(WORDS), *made)
    await session.aclose()


async def test_a_stop_token_ends_it_and_is_not_in_the_sequence(tiny):
    tokens = tiny.tokenizer.encode(WORDS)
    free = await after(tiny, tokens)
    stop = free[3]
    expected = free[: free.index(stop)]
    session = await tiny.open()
    await session.append(tokens)
    assert await taken(session, 8, stop=frozenset({stop})) == expected
    assert session.length == len(tokens) + len(expected)
    await session.aclose()


async def test_banned_tokens_are_never_chosen(tiny):
    tokens = tiny.tokenizer.encode(WORDS)
    free = await after(tiny, tokens)
    assert not set(free) & set(await after(tiny, tokens, banned=frozenset(free)))
    with pytest.raises(EngineError, match="banned"):
        await after(tiny, tokens, banned=frozenset(range(259)))


async def test_scores_are_log_probabilities_and_add_nothing(tiny):
    session = await tiny.open()
    tokens = tiny.tokenizer.encode(WORDS)
    await session.append(tokens)
    scores = await session.score(range(259))
    assert sum(2.718281828459045**score for score in scores) == pytest.approx(1, abs=1e-4)
    assert session.length == len(tokens)
    (best,) = await taken(session, 1)
    assert scores[best] == max(scores)
    with pytest.raises(EngineError, match="9999"):
        await session.score([9999])
    await session.aclose()


async def test_the_same_seed_makes_the_same_choices_and_another_makes_others(tiny_folder):
    engines = [await loaded(tiny_folder, temperature=3.0, seed=seed) for seed in (1, 1, 2)]
    once, again, other = [await after(engine, engine.tokenizer.encode(WORDS), 16) for engine in engines]
    assert once == again
    assert once != other


async def test_what_does_not_fit_is_refused_before_anything_happens(tiny_folder):
    engine = await loaded(tiny_folder, max_length=40)
    session = await engine.open()
    await session.append([1] * 38)
    with pytest.raises(ContextExhausted, match="38 of 40"):
        await session.append([2] * 3)
    assert session.length == 38
    made = []
    with pytest.raises(ContextExhausted):
        async for token in session.generate(9):
            made.append(token)  # noqa: PERF401 (it raises in the middle)
    assert len(made) == 2
    assert session.length == 40
    await session.truncate(10)
    await session.append([3] * 30)
    assert session.length == 40


async def test_a_number_that_is_no_token_is_refused_before_anything_happens(tiny):
    session = await tiny.open()
    with pytest.raises(EngineError, match="9999"):
        await session.append([1, 9999])
    with pytest.raises(EngineError, match="-1"):
        await session.append([-1])
    assert session.length == 0
    await session.aclose()


async def test_an_empty_sequence_has_nothing_to_go_on_from(tiny):
    session = await tiny.open()
    await session.append([])
    with pytest.raises(ConfigurationError, match="append"):
        await taken(session, 1)
    await session.aclose()


async def test_truncating_beyond_what_is_there_is_refused(tiny):
    session = await tiny.open()
    await session.append([1, 2, 3])
    for wrong in (4, -1):
        with pytest.raises(ConfigurationError, match="3 tokens"):
            await session.truncate(wrong)
    await session.aclose()


async def test_closing_makes_room_for_another_session_and_ends_this_one(tiny_folder):
    engine = await loaded(tiny_folder, max_sessions=2)
    first, second = await engine.open(), await engine.open()
    with pytest.raises(EngineFull, match="2"):
        await engine.open()
    await first.aclose()
    await first.aclose()
    third = await engine.open()
    for use in (first.append([1]), taken(first, 1), first.score([1]), first.truncate(0)):
        with pytest.raises(EngineError, match="closed"):
            await use
    await third.append([1])
    del second
    await engine.open()


async def test_a_closed_engine_refuses_and_its_sessions_are_closed(tiny_folder):
    engine = await loaded(tiny_folder, seed=99)
    session = await engine.open()
    await session.append([1])
    await engine.aclose()
    await engine.aclose()
    with pytest.raises(EngineError, match="closed"):
        await engine.open()
    with pytest.raises(EngineError, match="closed"):
        await session.append([1])
    assert await loaded(tiny_folder, seed=99) is not engine


async def test_weights_are_held_once_however_often_they_are_asked_for(tiny, tiny_folder):
    assert await loaded(tiny_folder) is tiny
    assert await loaded(tiny_folder, dtype="bfloat16") is not tiny


async def test_two_callers_of_one_session_are_told_apart(tiny):
    session = await tiny.open()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(session.append, [2] * 100)
        await anyio.lowlevel.checkpoint()
        with pytest.raises(EngineError, match="one caller"):
            await session.score([3])
    assert session.length == 100
    await session.aclose()


async def test_a_live_session_does_not_wait_for_the_rest_of_a_long_prompt_of_the_background(tiny):
    background, live = await tiny.background().open(), await tiny.open()
    order = []

    async def read():
        await background.append([5] * 500)
        order.append("background")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        await anyio.lowlevel.checkpoint()
        for _ in range(3):
            await live.append([6] * 10)
            order.append("live")
    assert order == ["live", "live", "live", "background"]
    await background.aclose()
    await live.aclose()


async def test_a_session_prepared_in_the_background_becomes_live(tiny):
    session = await tiny.open(Lane.BACKGROUND)
    await session.append([1, 2, 3])
    session.lane = Lane.LIVE
    assert len(await taken(session, 2)) == 2
    await session.aclose()


async def test_the_event_loop_goes_on_while_the_model_computes(tiny):
    session = await tiny.open()
    beats = 0

    async def count():
        nonlocal beats
        while True:
            beats += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(count)
        await session.append([7] * 400)
        tasks.cancel_scope.cancel()
    assert beats > 5
    await session.aclose()


async def test_an_engine_serves_one_event_loop_after_another(tiny):
    assert await anyio.to_thread.run_sync(lambda: anyio.run(after, tiny, [1, 2, 3])) == await after(tiny, [1, 2, 3])


@pytest.mark.parametrize(
    "config",
    [
        llama(),
        transformers.GPT2Config(vocab_size=259, n_embd=32, n_layer=2, n_head=4, n_positions=256),
        transformers.MistralConfig(
            vocab_size=259, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, sliding_window=16, max_position_embeddings=256, initializer_range=0.3,
        ),
        transformers.BloomConfig(vocab_size=259, hidden_size=32, n_layer=2, n_head=4),
    ],
    ids=lambda config: config.model_type,
)  # fmt: skip
async def test_any_causal_model_with_attention_streams_like_one_pass(config, tmp_path):
    engine = await loaded(await anyio.to_thread.run_sync(save_model, tmp_path, config))
    assert engine.capabilities.truncatable
    session = await engine.open()
    tokens = engine.tokenizer.encode(WORDS)
    for start in range(0, len(tokens), 13):
        await session.append(tokens[start : start + 13])
        await taken(session, 2)
    expected = await anyio.to_thread.run_sync(one_pass, tmp_path, session.tokens)
    assert await session.score(range(259)) == pytest.approx(expected, abs=1e-3)
    whole = list(session.tokens)
    await session.truncate(30)
    await session.append(whole[30:])
    assert await session.score(range(259)) == pytest.approx(expected, abs=1e-3)
    await engine.aclose()


async def test_a_model_with_a_recurrent_state_streams_and_says_that_it_cannot_go_back(tmp_path):
    config = transformers.Lfm2Config(
        vocab_size=259, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, layer_types=["conv", "full_attention"],
    )  # fmt: skip
    engine = await loaded(await anyio.to_thread.run_sync(save_model, tmp_path, config))
    assert not engine.capabilities.truncatable
    session = await engine.open()
    await session.append([1, 2, 3])
    await session.append([4, 5])
    assert await taken(session, 4) == await after(engine, [1, 2, 3, 4, 5], 4)
    with pytest.raises(ConfigurationError, match="only grow"):
        await session.truncate(2)


def test_a_model_whose_pieces_do_not_add_up_is_refused(tmp_path, monkeypatch):
    forward = transformers.LlamaModel.forward

    @wraps(forward)
    def depends_on_the_piece(self, input_ids=None, **inputs):
        found = forward(self, input_ids=input_ids, **inputs)
        found.last_hidden_state = found.last_hidden_state * input_ids.shape[-1]
        return found

    folder = save_model(tmp_path, llama())
    monkeypatch.setattr(transformers.LlamaModel, "forward", depends_on_the_piece)
    with pytest.raises(ConfigurationError, match="piece by piece"):
        load_engine(str(folder), FLOAT)


def test_weights_that_are_not_numbers_are_refused(tmp_path):
    folder = save_model(tmp_path, llama())
    break_weights(folder)
    with pytest.raises(EngineError, match="not numbers"):
        load_engine(str(folder), FLOAT)


def test_a_model_without_a_template_gets_plain_turns(tmp_path):
    folder = save_model(tmp_path, llama())
    forget_template(folder)
    assert load_engine(str(folder), FLOAT).chat.kind == "plain"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (EngineOptions(dtype="float8"), "float32, bfloat16"),
        (EngineOptions(device="warp"), "warp"),
        (EngineOptions(max_length=513), "1 to 512"),
    ],
)
def test_options_out_of_range_say_what_is_known(tiny_folder, options, complaint):
    with pytest.raises(ConfigurationError, match=complaint):
        load_engine(str(tiny_folder), options)


@pytest.mark.parametrize("wrong", [{"threads": 0}, {"max_length": -1}, {"max_sessions": 0}, {"temperature": -0.1}])
def test_options_that_make_no_sense_are_refused_by_name(wrong):
    (name,) = wrong
    with pytest.raises(ConfigurationError, match=name):
        EngineOptions(**wrong)


def test_a_name_that_is_no_model_says_what_is_known(tmp_path):
    for name in ("gpt", str(tmp_path)):
        with pytest.raises(ConfigurationError, match=r"smollm2.*folder"):
            load_engine(name)


def test_a_folder_with_half_a_model_is_refused_by_name(tmp_path):
    save_tokenizer(tmp_path)
    (tmp_path / "config.json").write_text(llama().to_json_string())
    with pytest.raises(ConfigurationError, match=tmp_path.name):
        load_engine(str(tmp_path))


def test_without_torch_the_extra_is_named(monkeypatch):
    from counterpoint.engines import load

    monkeypatch.setattr(load.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"counterpoint\[local\]"):
        load_engine("smollm2")
