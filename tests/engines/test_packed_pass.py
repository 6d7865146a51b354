"""Several sessions in one forward pass: each hears itself alone, and what goes wrong is its owner's."""

import anyio
import anyio.to_thread
import pytest
import transformers
from test_local_engine import WORDS, after, loaded, taken
from tiny_models import save_model

from counterpoint.engines.packed_pass import shares
from counterpoint.engines.turnstile import Lane
from counterpoint.errors import EngineError

pytestmark = pytest.mark.real


@pytest.fixture
async def engine(tiny_folder):
    engine = await loaded(tiny_folder, seed=11)
    yield engine
    await engine.aclose()


class Passes:
    """Rows of each forward pass."""

    def __init__(self, engine):
        self.rows = []
        embedding = engine._model._model.get_input_embeddings()
        self._hook = embedding.register_forward_pre_hook(lambda _, given: self.rows.append(given[0].shape[1]))

    def __enter__(self):
        return self.rows

    def __exit__(self, *_):
        self._hook.remove()


def lines(engine, count):
    """Beginnings that differ in what they say and in how long they are."""
    words = engine.tokenizer.encode(WORDS)
    return [words[number : number + 9 + 7 * number] for number in range(count)]


async def at_once(engine, beginnings, count, lane=Lane.LIVE):
    made = {}

    async def live(number, tokens):
        session = await engine.open(lane)
        await session.append(tokens)
        made[number] = await taken(session, count)
        await session.append(tokens[:5])
        made[number] += await taken(session, 2)
        assert session.length == len(tokens) + count + 7
        await session.aclose()

    async with anyio.create_task_group() as tasks:
        for number, tokens in enumerate(beginnings):
            tasks.start_soon(live, number, tokens)
    return [made[number] for number in range(len(beginnings))]


async def alone(engine, tokens, count):
    first = await after(engine, tokens, count)
    return first + await after(engine, [*tokens, *first, *tokens[:5]], 2)


async def test_sessions_that_wait_together_share_passes_and_say_what_they_would_say_alone(engine):
    beginnings = lines(engine, 6)
    expected = [await alone(engine, tokens, 8) for tokens in beginnings]
    with Passes(engine) as rows:
        assert await at_once(engine, beginnings, 8) == expected
    assert max(rows) <= 64
    assert len(rows) < 6 * 10 / 3


async def test_a_lone_session_computes_as_if_there_were_no_sharing(engine, tiny_folder):
    apart = await loaded(tiny_folder, seed=11, together=False)
    words = engine.tokenizer.encode(WORDS)
    with Passes(engine) as shared, Passes(apart) as single:
        assert await after(engine, words, 5) == await after(apart, words, 5)
    assert shared == single
    await apart.aclose()


async def test_without_sharing_each_has_passes_of_its_own(tiny_folder):
    apart = await loaded(tiny_folder, seed=12, together=False)
    beginnings = lines(apart, 3)
    with Passes(apart) as rows:
        await at_once(apart, beginnings, 8)
    assert len(rows) >= 3 * 10
    await apart.aclose()


async def test_the_background_shares_among_itself_in_short_passes(engine):
    beginnings = lines(engine, 3)
    expected = [await alone(engine, tokens, 3) for tokens in beginnings]
    with Passes(engine) as rows:
        assert await at_once(engine, beginnings, 3, Lane.BACKGROUND) == expected
    assert max(rows) <= 16


async def test_a_live_pass_takes_no_background_rows_along(engine):
    tokens = engine.tokenizer.encode(WORDS)
    background, live = await engine.open(Lane.BACKGROUND), await engine.open()
    with Passes(engine) as rows:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(live.append, tokens[:40])
            tasks.start_soon(background.append, tokens[:40])
    assert rows[0] == 40
    assert all(count <= 16 for count in rows[1:])
    assert await taken(background, 4) == await taken(live, 4)
    await background.aclose()
    await live.aclose()


async def test_a_shared_pass_that_fails_is_made_one_by_one_and_nobody_notices(engine):
    """The layers before the one that fails have then written their caches."""
    beginnings = lines(engine, 4)
    expected = [await alone(engine, tokens, 4) for tokens in beginnings]
    struck = 0

    def strike(_module, _given, named):
        nonlocal struck
        if named.get("packed") is not None:
            struck += 1
            raise RuntimeError("out of luck")

    hook = engine._model._model.model.layers[-1].register_forward_pre_hook(strike, with_kwargs=True)
    assert await at_once(engine, beginnings, 4) == expected
    assert struck
    hook.remove()


async def test_whoever_is_cancelled_takes_nothing_from_those_who_share_its_pass(engine):
    beginnings = lines(engine, 4)
    expected = [await alone(engine, tokens, 8) for tokens in beginnings]
    made = []

    async with anyio.create_task_group() as tasks:

        async def gone(delay):
            session = await engine.open()
            with anyio.move_on_after(delay):
                await session.append(engine.tokenizer.encode(WORDS))
                await taken(session, 50)
            await session.append(beginnings[0])
            assert await taken(session, 2) == await after(engine, session.tokens[:-2], 2)
            await session.aclose()

        for delay in (0, 0.001, 0.004, 0.01):
            tasks.start_soon(gone, delay)
        made = await at_once(engine, beginnings, 8)
    assert made == expected


async def test_an_error_of_one_choice_is_not_the_others(engine):
    tokens = engine.tokenizer.encode(WORDS)
    expected = await after(engine, tokens, 3)
    one, other = await engine.open(), await engine.open()
    found = []

    async def fails():
        with pytest.raises(EngineError, match="banned"):
            await taken(one, 1, banned=frozenset(range(259)))

    async def goes_on():
        found.extend(await taken(other, 3))

    async with anyio.create_task_group() as tasks:
        for session in (one, other):
            tasks.start_soon(session.append, tokens)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fails)
        tasks.start_soon(goes_on)
    assert found == expected
    await one.aclose()
    await other.aclose()


async def test_a_model_with_a_window_of_attention_computes_one_by_one(tmp_path):
    config = transformers.MistralConfig(
        vocab_size=259, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, sliding_window=16, max_position_embeddings=256, initializer_range=0.3,
    )  # fmt: skip
    engine = await loaded(save_model(tmp_path, config))
    assert not engine._model.packs
    beginnings = lines(engine, 3)
    assert await at_once(engine, beginnings, 3) == [await alone(engine, tokens, 3) for tokens in beginnings]
    await engine.aclose()


@pytest.mark.parametrize(
    ("needs", "room", "given"),
    [
        ([5], 64, [5]),
        ([500], 64, [64]),
        ([1, 1, 500], 64, [1, 1, 62]),
        ([500, 14, 500], 64, [25, 14, 25]),
        ([500, 500, 500], 2, [1, 1, 1]),
        ([], 64, []),
    ],
)
def test_rows_of_a_pass_go_to_those_who_need_few_and_the_rest_is_shared(needs, room, given):
    assert shares(needs, room) == given
