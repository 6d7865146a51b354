"""Several conversations on the local engine, in passes that they share and one by one."""

import anyio.to_thread
from engine_beats import BEAT_MS, at_once
from measuring import resident_mb

from counterpoint.engines.load import EngineOptions, load_engine

CONVERSATIONS = (1, 2, 4, 8)


async def local(beats: int) -> dict[str, object]:
    figures: dict[str, object] = {}
    kept_up = 0
    for together in (True, False):
        engine = await anyio.to_thread.run_sync(load_engine, "smollm2", EngineOptions(together=together))
        await at_once(engine, 1, begin=500, beats=2)
        for conversations in CONVERSATIONS:
            found = await at_once(engine, conversations, begin=500, beats=beats)
            name = f"local_{conversations}_{'together' if together else 'one_by_one'}"
            figures |= {f"{name}_{key}": value for key, value in found.items()}
            if together and found["p95_ms"] <= BEAT_MS:
                kept_up = conversations
        if together:
            figures["local_memory_mb"] = resident_mb()
        await engine.aclose()
    return {**figures, "local_conversations_kept_up": kept_up}
