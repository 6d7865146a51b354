"""What a local instruct model is shown: the context package, what was found, and what is wanted. Pure."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from counterpoint.background.engines.calling import CLOSING, OPENING
from counterpoint.background.engines.passages import FoundPassage, passages_of
from counterpoint.background.engines.ranking import ranking
from counterpoint.background.engines.searching import Wanted
from counterpoint.background.model import Observation
from counterpoint.shared_context.escaping import cut, escape_control, one_line, shorten
from counterpoint.shared_context.package import ContextPackage
from counterpoint.shared_context.render import WARNING, render, untrusted
from counterpoint.tools.schema import ToolSchema

ROLE: Final = (
    "You are the colleague who looks things up during a live conversation. Answer the request at the end in one or two "
    "short sentences that can be read aloud, from what was found. If it was not found, say so."
)
SMALL_ROLE: Final = "Answer the question in one or two short sentences, using only this information."

SENTENCES: Final = 5
"""Shown to a small model: more than it needs is more than it can tell apart."""

LONG_SENTENCE: Final = 400
"""Characters shown of one."""

PASSAGES: Final = 4
_KEPT: Final = (10_000, 64, 24, 12, 6, 3, 1, 0)
"""Utterances that are kept, newest first; the next is tried if it is still too much."""


def system_prompt(tools: Sequence[ToolSchema]) -> str:
    """`tools`: those that the model may call; a small one does best without."""
    if not tools:
        return ROLE
    described = "\n".join(
        f"- {tool.name}: {one_line(tool.description)} Arguments: {msgspec.json.encode(tool.parameters).decode()}"
        for tool in tools
    )
    call = '{"name": "its name", "arguments": {...}}'
    return (
        f"{ROLE}\n\nYou may call these tools:\n{described}\n"
        f"To call one, write {OPENING}{call}{CLOSING} and stop; you get its result then."
    )


def small_prompt(wanted: Wanted, passages: Sequence[FoundPassage]) -> str:
    """The sentences that fit best, in the order in which they stand, and the question; nothing else."""
    best = sorted(
        (each.sentence for each in ranking(wanted.text, passages, wanted.correction)[:SENTENCES]),
        key=lambda each: (each.rank, each.place),
    )
    found = untrusted("\n".join(shorten(each.text, LONG_SENTENCE) for each in best))
    return "\n".join([SMALL_ROLE, "", *found, "", f"Question: {escape_control(wanted.text)}"])


def user_prompt(
    package: ContextPackage, wanted: str, observations: Sequence[Observation], size: Callable[[str], int], budget: int
) -> str:
    """At most `budget` by `size`, half of it for what was found. The request is never cut, however long."""
    question = f"Question: {escape_control(wanted)}"
    found = _found(observations, size, budget // 2)
    room = budget - size(question) - size(found)
    scores = (render(_newest(package, kept)) for kept in _KEPT)
    score = next((score for score in scores if size(score) <= room), "")
    return "\n".join(part for part in (score, found, question) if part)


def _newest(package: ContextPackage, kept: int) -> ContextPackage:
    """Without the current calls, which are shown with what came of them."""
    works = (replace(each, calls=()) if each.delegation.id == package.delegation else each for each in package.work)
    return replace(
        package,
        earlier=cut(package.earlier, 100 * kept),
        utterances=package.utterances[max(0, len(package.utterances) - kept) :],
        work=tuple(works)[-max(1, kept) :],
        notes=package.notes[max(0, len(package.notes) - kept) :],
        media=(),
    )


def _found(observations: Sequence[Observation], size: Callable[[str], int], room: int) -> str:
    """What calls came to, as data that instructs nobody; each gets its share of the room."""
    made = [each for each in observations if each.call is not None]
    if not made:
        return ""
    share = room // len(made) - 16
    blocks = (line for each in made for line in untrusted(_told(each, size, share)))
    return "\n".join(["FOUND", WARNING, *blocks, ""])


def _told(observation: Observation, size: Callable[[str], int], room: int) -> str:
    if observation.failed:
        return f"The call failed: {shorten(observation.text, 200)}"
    passages = passages_of(observation.text)[:PASSAGES]
    text = "\n".join(map(_passage, passages)) or observation.text
    return text if (tokens := size(text)) <= room else cut(text, max(80, len(text) * room // tokens))


def _passage(passage: FoundPassage) -> str:
    return f"{passage.title}: {passage.text}" if passage.title else passage.text
