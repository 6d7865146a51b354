"""vLLM's streaming sessions, with real weights on this machine's processor: the contract, and what is vLLM's own."""

import subprocess
import sys
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from core_process import kill_core

pytest.register_assert_rewrite("counterpoint.testing.engine_contract")

from counterpoint.engines.core_options import CoreOptions  # noqa: E402 (after the rewriting of asserts is arranged)
from counterpoint.engines.load import load_vllm  # noqa: E402 (the same)
from counterpoint.engines.smollm2 import smollm2_folder  # noqa: E402 (the same)
from counterpoint.engines.vllm_core import Request  # noqa: E402 (the same)
from counterpoint.engines.vllm_engine import VllmEngine, start_vllm  # noqa: E402 (the same)
from counterpoint.engines.vllm_session import AT_ONCE  # noqa: E402 (the same)
from counterpoint.errors import ConfigurationError, EngineError  # noqa: E402 (the same)
from counterpoint.testing.engine_contract import WORDS, EngineContract, after, opened, taken  # noqa: E402 (the same)

pytestmark = [
    pytest.mark.real,
    pytest.mark.asyncio(loop_scope="session"),
]


class TestVllm(EngineContract):
    @pytest.fixture
    def engine(self, vllm: VllmEngine) -> VllmEngine:
        return vllm


async def test_it_goes_on_like_the_local_engine_with_the_same_weights(vllm):
    local = await anyio.to_thread.run_sync(local_engine)
    words = vllm.tokenizer.encode(WORDS)
    assert local.tokenizer.encode(WORDS) == words
    assert await after(vllm, words, 12) == await after(local, words, 12)
    await local.aclose()


def local_engine():
    from counterpoint.engines.load import EngineOptions, load_engine

    return load_engine("smollm2", EngineOptions(dtype="float32"))


async def test_the_background_shares_the_engine_and_its_room(vllm):
    words = vllm.tokenizer.encode(WORDS)
    async with opened(vllm.background()) as background, opened(vllm) as live:
        await background.append(words)
        await live.append(words)
        assert await taken(live, 3) == await taken(background, 3)


async def test_a_long_text_is_read_in_pieces_so_that_beats_of_others_come_in_between(vllm, monkeypatch):
    sizes: list[int] = []
    whole = Request.next

    async def measured(self: Request, tokens, parameters) -> int:
        sizes.append(len(tokens))
        return await whole(self, tokens, parameters)

    monkeypatch.setattr(Request, "next", measured)
    words = vllm.tokenizer.encode(WORDS) * 9
    async with opened(vllm.background()) as session:
        await session.append(words)
        assert len(await taken(session, 2)) == 2
    assert len(words) > 4 * AT_ONCE
    assert max(sizes) <= AT_ONCE
    assert sum(sizes) == len(words) + 1  # the first token that was made goes in at the head of the next chunk


async def test_a_core_that_dies_is_an_error_for_its_sessions_and_started_again_for_the_next(vllm):
    words = vllm.tokenizer.encode(WORDS)
    expected = await after(vllm, words, 3)
    session = await vllm.open()
    await session.append(words)
    await taken(session, 1)
    kill_core()
    with anyio.fail_after(60), pytest.raises(EngineError, match="gave up"):
        while True:
            await taken(session, 1)
    await session.aclose()
    assert await after(vllm, words, 3) == expected


async def test_more_than_its_memory_holds_is_refused_when_it_is_started():
    too_long = CoreOptions(max_length=8192, kv_gibibytes=0.1)
    with pytest.raises(EngineError, match="memory"):
        await anyio.to_thread.run_sync(start_vllm, smollm2_folder(), "smollm2", too_long)


async def test_an_engine_that_runs_is_not_given_to_whoever_wants_it_otherwise(vllm):
    other = CoreOptions(max_length=512)
    with pytest.raises(ConfigurationError, match="close that engine first"):
        await anyio.to_thread.run_sync(load_vllm, "smollm2", other)
    assert await anyio.to_thread.run_sync(load_vllm, "smollm2") is vllm


async def test_its_core_ends_with_the_process_that_started_it_even_if_that_is_killed(tmp_path: Path):
    script = tmp_path / "host.py"
    script.write_text(
        "import time\n"
        "from counterpoint.engines.core_options import CoreOptions\n"
        "from counterpoint.engines.load import load_vllm\n"
        "if __name__ == '__main__':\n"
        "    engine = load_vllm('smollm2', CoreOptions(max_length=256, kv_gibibytes=0.1))\n"
        "    print('started', flush=True)\n"
        "    time.sleep(600)\n"
    )
    async with await anyio.open_process([sys.executable, str(script)], stderr=subprocess.DEVNULL) as host:
        assert host.stdout is not None
        with anyio.fail_after(180):
            assert b"started" in await host.stdout.receive()
        below = await anyio.to_thread.run_sync(descendants, host.pid)
        assert below
        host.kill()
    with anyio.fail_after(30):
        while await anyio.to_thread.run_sync(living, below):
            await anyio.sleep(0.2)


def living(processes: list[int]) -> bool:
    return any(Path(f"/proc/{pid}").exists() for pid in processes)


def descendants(parent: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, check=False)
    direct = [int(number) for number in listed.stdout.split()]
    return direct + [pid for child in direct for pid in descendants(child)]


async def test_a_folder_without_a_model_is_refused_by_name(tmp_path):
    with pytest.raises(ConfigurationError, match=str(tmp_path)):
        await anyio.to_thread.run_sync(load_vllm, str(tmp_path))
