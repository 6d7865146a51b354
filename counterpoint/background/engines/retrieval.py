"""A background model without a language model: it searches, reads, and answers with quoted sentences and sources."""

from collections.abc import AsyncGenerator, Sequence
from typing import Final

from counterpoint.background.engines.passages import FoundPassage, passages_of
from counterpoint.background.engines.quoting import Quote, quote, sentence
from counterpoint.background.engines.searching import (
    Wanted,
    came_of,
    nothing_found,
    search_call,
    search_tools,
    wanted_of,
)
from counterpoint.background.model import Answer, Observation, Step
from counterpoint.shared_context.package import ContextPackage
from counterpoint.tools.schema import ToolSchema

NOTHING_BRIEFLY: Final = "Sorry, nothing found."


class RetrievalBackground:
    """Asks one search tool after the other until something fits; a correction makes it search anew. `brief`: the best
    sentence that answers and nothing around it, for a voice with few words.
    """

    operation = "retrieval"
    """What a round of it is called in traces: no language model is asked."""

    def __init__(self, *, brief: bool = False) -> None:
        self._brief = brief

    @property
    def name(self) -> str:
        return "retrieval:brief" if self._brief else "retrieval"

    async def think(
        self, package: ContextPackage, tools: Sequence[ToolSchema], observations: Sequence[Observation]
    ) -> AsyncGenerator[Step, None]:
        wanted = wanted_of(package, observations)
        if not wanted.text:
            yield Answer("I was asked to look something up, but not what.")
            return
        failures: list[str] = []
        for tool in search_tools(tools):
            call = search_call(tool, wanted.text)
            observation = came_of(call, observations)
            if observation is None:
                yield call
                return
            if observation.failed:
                failures.append(observation.text)
            elif found := self._quoted(wanted, passages_of(observation.text)):
                yield Answer(found.text, sources=found.sources)
                return
        if self._brief:
            yield Answer(NOTHING_BRIEFLY)
        else:
            yield Answer(nothing_found(wanted.text, failures, able=bool(search_tools(tools))))

    def _quoted(self, wanted: Wanted, passages: Sequence[FoundPassage]) -> Quote | None:
        return (sentence if self._brief else quote)(wanted.text, passages, wanted.correction)
