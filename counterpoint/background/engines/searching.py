"""Which tools can search, and how to call them with words. Pure."""

from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec

from counterpoint.background.model import Call, Observation
from counterpoint.shared_context.escaping import shorten
from counterpoint.shared_context.ids import CallId
from counterpoint.shared_context.package import ContextPackage, Speaker
from counterpoint.tools.schema import ToolSchema

LONGEST_QUERY = 300
LONGEST_REASON = 160
PASSAGES = 8
"""How many are asked for, where that can be said: the best sentence is often not in the best passage."""

_COUNTS: Final = frozenset({"k", "limit", "count", "max_results"})
_PARAMETERS: Final = ("query", "q", "question", "words", "text")


class Wanted(msgspec.Struct, frozen=True):
    """`text`: all of it in plain words; `correction`: the latest part of it, where the person changed their mind."""

    text: str
    correction: str = ""


def search_tools(tools: Sequence[ToolSchema]) -> list[ToolSchema]:
    """Those with "search" in their name; one that is called just that comes first."""
    return sorted((tool for tool in tools if "search" in tool.name.lower()), key=lambda tool: tool.name != "search")


def search_call(tool: ToolSchema, words: str) -> Call:
    """A call with these words, cut to what the tool takes."""
    properties = cast("dict[str, dict[str, Any]]", tool.parameters.get("properties") or {})
    texts = [name for name, schema in properties.items() if schema.get("type") == "string"]
    name = next((name for name in _PARAMETERS if name in properties), texts[0] if texts else "query")
    longest = min(LONGEST_QUERY, int(properties.get(name, {}).get("maxLength", LONGEST_QUERY)))
    given: dict[str, str | int] = {name: words[:longest]}
    for counted in _COUNTS & properties.keys():
        given[counted] = min(PASSAGES, int(properties[counted].get("maximum", PASSAGES)))
    arguments = msgspec.json.encode(given, order="sorted").decode()
    return Call(CallId(f"{tool.name}:{arguments}"), tool.name, arguments)


def came_of(call: Call, observations: Sequence[Observation]) -> Observation | None:
    """What came of the same call, made in an earlier round."""
    for observation in reversed(observations):
        made = observation.call
        if made is not None and (made.tool, made.arguments) == (call.tool, call.arguments):
            return observation
    return None


def nothing_found(wanted: str, failures: Sequence[str], *, able: bool) -> str:
    """What is said then, in words for the ear. `failures`: what failed calls were told; `able`: there is a search."""
    subject = shorten(wanted.rstrip(" .!?"), 80)
    if not able:
        return f'I cannot look things up here, so I have no answer to "{subject}".'
    if failures:
        reason = shorten(" ".join(failures[-1].split()), LONGEST_REASON).rstrip(".")
        return f"The search did not work: {reason}."
    return f'I searched, but found nothing about "{subject}".'


def wanted_of(package: ContextPackage, observations: Sequence[Observation]) -> Wanted:
    """The request with its corrections, also those that the package doesn't know of yet; without a request, what the
    person said last.
    """
    work = package.current
    corrections = [] if work is None else list(work.amendments)
    corrections += [each.text for each in observations if each.call is None]
    request = "" if work is None else work.delegation.request
    spoken = (each.text for each in reversed(package.utterances) if each.speaker is Speaker.PERSON)
    parts = [part for text in (request, *corrections) if (part := " ".join(text.split()))]
    if not parts:
        return Wanted(" ".join(next(spoken, "").split()))
    latest = parts[-1] if corrections else ""
    return Wanted(" ".join(dict.fromkeys(parts)), latest)
