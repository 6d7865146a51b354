"""A background model without a language model: it searches, reads, and answers with quoted sentences and sources."""

from collections.abc import AsyncGenerator, Sequence

from counterpoint.background.engines.passages import passages_of
from counterpoint.background.engines.quoting import quote
from counterpoint.background.engines.searching import came_of, nothing_found, search_call, search_tools, wanted_of
from counterpoint.background.model import Answer, Observation, Step
from counterpoint.shared_context.package import ContextPackage
from counterpoint.tools.schema import ToolSchema


class RetrievalBackground:
    """Asks one search tool after the other until something fits; a correction makes it search anew."""

    operation = "retrieval"
    """What a round of it is called in traces: no language model is asked."""

    @property
    def name(self) -> str:
        return "retrieval"

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
            elif found := quote(wanted.text, passages_of(observation.text), wanted.correction):
                yield Answer(found.text, sources=found.sources)
                return
        yield Answer(nothing_found(wanted.text, failures, able=bool(search_tools(tools))))
