"""Work that nobody waits for: an event loop in a thread of its own, for what ears and a voice ask of servers.

Its futures may be looked at, awaited from any loop, or cancelled; what is cancelled is stopped at once.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from threading import Lock, Thread
from typing import Any, TypeVar

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from counterpoint.errors import CounterpointError, EngineError

T = TypeVar("T")
Work = Callable[[], Coroutine[Any, Any, None]]


class Aside:
    """The thread begins with the first work. `name`: of the thread. `kept`: entered as long as it runs; it should work
    without as well.
    """

    def __init__(self, name: str, kept: AbstractAsyncContextManager[Any]) -> None:
        self._name = name
        self._kept = kept
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._send: MemoryObjectSendStream[Work] | None = None
        self._closed = False

    def start(self, work: Callable[[], Awaitable[T]]) -> Future[T]:
        """Never waits. After `close` the future fails."""
        made: Future[T] = Future()
        with self._lock:
            if self._closed:
                made.set_exception(EngineError(f"{self._name} was closed"))
                return made
            loop, send = self._running()
            loop.call_soon_threadsafe(send.send_nowait, lambda: self._do(work, made))
        return made

    def close(self) -> None:
        """What is under way is stopped, and its futures fail. Does not wait for that."""
        with self._lock:
            if not self._closed and self._loop is not None and self._send is not None:
                self._loop.call_soon_threadsafe(self._send.close)
            self._closed = True

    def _running(self) -> tuple[asyncio.AbstractEventLoop, MemoryObjectSendStream[Work]]:
        if self._loop is None or self._send is None:
            self._loop = asyncio.new_event_loop()
            self._send, receive = anyio.create_memory_object_stream[Work](math.inf)
            Thread(target=self._run, args=(self._loop, receive), name=self._name, daemon=True).start()
        return self._loop, self._send

    def _run(self, loop: asyncio.AbstractEventLoop, receive: MemoryObjectReceiveStream[Work]) -> None:
        try:
            loop.run_until_complete(self._serve(receive))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            with self._lock:
                self._closed = True
                loop.close()

    async def _serve(self, receive: MemoryObjectReceiveStream[Work]) -> None:
        async with AsyncExitStack() as stack:
            with suppress(CounterpointError):  # each piece of work meets it anew, and says so
                await stack.enter_async_context(self._kept)
            async with anyio.create_task_group() as tasks, receive:
                async for work in receive:
                    tasks.start_soon(work)
                tasks.cancel_scope.cancel()

    async def _do(self, work: Callable[[], Awaitable[T]], made: Future[T]) -> None:
        """An error is the future's; it ends nothing else."""
        loop = asyncio.get_running_loop()
        with anyio.CancelScope() as scope:

            def stop(over: Future[T]) -> None:
                if over.cancelled():
                    with suppress(RuntimeError):  # the loop has been closed: it is stopped already
                        loop.call_soon_threadsafe(scope.cancel)

            made.add_done_callback(stop)
            try:
                result = await work()
            except Exception as error:  # noqa: BLE001 (whoever looks at the future gets it)
                if made.set_running_or_notify_cancel():
                    made.set_exception(error)
            except BaseException:
                if made.set_running_or_notify_cancel():
                    made.set_exception(EngineError(f"{self._name} was closed"))
                raise
            else:
                if made.set_running_or_notify_cancel():
                    made.set_result(result)
