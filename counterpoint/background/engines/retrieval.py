"""A background model without a language model: it searches, reads, and answers with quoted sentences and sources."""

from collections.abc import AsyncGenerator, Sequence

from counterpoint.background.engines.passages import FoundPassage, passages_of
from counterpoint.background.engines.quoting import quote
from counterpoint.background.engines.searching import came_of, search_call, search_tools, wanted_of
from counterpoint.background.model import Answer, Observation, Step
from counterpoint.shared_context.escaping import shorten
from counterpoint.shared_context.package import ContextPackage
from counterpoint.tools.schema import ToolSchema

LONGEST_REASON = 160


class RetrievalBackground:
    """Asks one search tool after the other until something fits; a correction makes it search anew."""

    @property
    def name(self) -> str:
        return "retrieval"

    async def think(
        self, package: ContextPackage, tools: Sequence[ToolSchema], observations: Sequence[Observation]
    ) -> AsyncGenerator[Step, None]:
        wanted = wanted_of(package, observations)
        if not wanted:
            yield Answer("I was asked to look something up, but not what.")
            return
        failures: list[str] = []
        for tool in search_tools(tools):
            call = search_call(tool, wanted)
            observation = came_of(call, observations)
            if observation is None:
                yield call
                return
            if observation.failed:
                failures.append(observation.text)
            elif found := quote(wanted, _read(observation)):
                yield Answer(found.text, sources=found.sources)
                return
        yield Answer(_without_result(wanted, failures, able=bool(search_tools(tools))))


def _read(observation: Observation) -> list[FoundPassage]:
    return passages_of(observation.text)


def _without_result(wanted: str, failures: Sequence[str], *, able: bool) -> str:
    subject = shorten(wanted.rstrip(" .!?"), 80)
    if not able:
        return f'I cannot look things up here, so I have no answer to "{subject}".'
    if failures:
        reason = shorten(" ".join(failures[-1].split()), LONGEST_REASON).rstrip(".")
        return f"The search did not work: {reason}."
    return f'I searched, but found nothing about "{subject}".'
