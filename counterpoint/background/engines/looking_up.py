"""Search first, with the request as it is, then answer from what was found: for models too small to know what to look
for. Only those of their sentences are passed on that say what was found; where none does, what was found is quoted.
Pure.
"""

from collections.abc import Sequence

import msgspec

from counterpoint.background.engines import prompting
from counterpoint.background.engines.passages import FoundPassage, passages_of, sources_of
from counterpoint.background.engines.quoting import Quote, quote
from counterpoint.background.engines.ranking import backed
from counterpoint.background.engines.searching import Wanted, came_of, nothing_found, search_call, search_tools
from counterpoint.background.model import Answer, Call, Observation
from counterpoint.tools.schema import ToolSchema

SHORT_TOKENS = 80
"""Written by a model that answers from what was found: two spoken sentences."""


class Found(msgspec.Struct, frozen=True):
    """What there is to answer from."""

    wanted: Wanted
    passages: tuple[FoundPassage, ...]
    quoted: Quote

    @property
    def prompt(self) -> str:
        return prompting.small_prompt(self.wanted, self.passages)

    def backs(self, sentence: str) -> bool:
        return backed(sentence, self.wanted.text, self.passages)

    def answer(self, said: Sequence[str]) -> Answer:
        """`said`: the sentences of the model's that it backs."""
        if said:
            return Answer(" ".join(said), sources=sources_of(self.passages[: prompting.PASSAGES]))
        return Answer(self.quoted.text, sources=self.quoted.sources)


def look_up(wanted: Wanted, tools: Sequence[ToolSchema], observations: Sequence[Observation]) -> Call | Answer | Found:
    """The next search to be made; what they all found; or, where that was nothing, the answer that says so."""
    outcomes: list[Observation] = []
    for call in (search_call(tool, wanted.text) for tool in search_tools(tools)):
        outcome = came_of(call, observations)
        if outcome is None:
            return call
        outcomes.append(outcome)
    passages = tuple(passage for each in outcomes if not each.failed for passage in passages_of(each.text))
    quoted = quote(wanted.text, passages, wanted.correction)
    if quoted is None:
        return Answer(nothing_found(wanted.text, [each.text for each in outcomes if each.failed], able=True))
    return Found(wanted, passages, quoted)
