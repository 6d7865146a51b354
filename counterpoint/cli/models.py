"""Models behind servers, as commands use them: asked at the start whether they are there, connected while they last."""

from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Protocol, cast, runtime_checkable


@runtime_checkable
class Served(Protocol):
    async def check(self) -> None:
        """Raises `EngineError` if no server answers, `ConfigurationError` for a wrong address, key or model."""
        ...


async def check(*models: object) -> None:
    """Raises what is wrong with the first of them that is behind a server."""
    for model in models:
        if isinstance(model, Served):
            await model.check()


def connected(model: object) -> AbstractAsyncContextManager[object]:
    """While entered it keeps its connections, if it has any."""
    if isinstance(model, AbstractAsyncContextManager):
        return cast("AbstractAsyncContextManager[object]", model)
    return nullcontext(model)
