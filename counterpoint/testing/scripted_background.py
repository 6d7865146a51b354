"""A background model that does what a script says, when it says, and complains of what was left over.

It plays the script from its first step for every delegation. A round ends behind a call, and the next step comes when
the call has returned; calls that follow each other without a delay are made in one round. A round that the reasoner
stops (a correction) goes on in the next one where it was: no step is made twice.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import anyio
import msgspec

from counterpoint.background import model
from counterpoint.errors import ConfigurationError
from counterpoint.shared_context.ids import CallId, DelegationId
from counterpoint.shared_context.notes import Delivery, Source
from counterpoint.shared_context.package import ContextPackage
from counterpoint.tools.schema import ToolSchema


@dataclass(frozen=True)
class Say:
    """Part of the answer, `after` seconds."""

    text: str
    after: float = 0.0


@dataclass(frozen=True)
class Progress:
    text: str
    after: float = 0.0


@dataclass(frozen=True)
class Call:
    """`arguments`: by name, or JSON text exactly as a model would write it, right or wrong."""

    tool: str
    arguments: Mapping[str, object] | str = field(default_factory=dict[str, object])
    after: float = 0.0


@dataclass(frozen=True)
class Answer:
    text: str
    after: float = 0.0
    delivery: Delivery | None = None
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True)
class Fail:
    """The model raises."""

    error: Exception
    after: float = 0.0


ScriptStep = Say | Progress | Call | Answer | Fail
Script = Sequence[ScriptStep]
_Place = tuple[DelegationId | None, str]
"""A delegation, and the text by which its script was found."""


@dataclass(frozen=True)
class Round:
    """What the model was given for one round of thinking."""

    package: ContextPackage
    tools: tuple[ToolSchema, ...]
    observations: tuple[model.Observation, ...]


class ScriptedBackground:
    """`script`: one for every request, or several by a text that the request (with its corrections) contains; the text
    that comes last in it decides. `answer`: short for a script that answers `after` seconds.

    Use it in a `with` block, or call `assert_done()`: every script must have been played to its end, and no request
    may have come that none is for. `rounds` holds what the model was given, `thinking` counts the rounds under way.
    """

    def __init__(
        self,
        script: Script | Mapping[str, Script] | None = None,
        *,
        answer: str | None = None,
        after: float = 0.0,
        name: str = "scripted",
    ) -> None:
        self.name = name
        self.rounds: list[Round] = []
        self.thinking = 0
        self._scripts = _scripts(script, answer, after)
        self._reached: dict[_Place, int] = {}
        self._made: dict[_Place, set[CallId]] = {}
        self._played: set[str] = set()
        self._calls = 0
        self._unexpected: list[str] = []

    @property
    def packages(self) -> list[ContextPackage]:
        return [each.package for each in self.rounds]

    async def think(
        self, package: ContextPackage, tools: Sequence[ToolSchema], observations: Sequence[model.Observation]
    ) -> AsyncGenerator[model.Step, None]:
        self.rounds.append(Round(package, tuple(tools), tuple(observations)))
        place = (package.delegation, self._key_for(package.request))
        returned = {each.call.id for each in observations if each.call}
        self.thinking += 1
        try:
            while (step := self._next(place)) is not None and self._made.get(place, set[CallId]()) <= returned:
                await anyio.sleep(step.after)
                self._pass(place)
                yield self._as_model(step, place)
                while isinstance(step, Call) and (step := self._at_once(place)) is not None:
                    self._pass(place)
                    yield self._as_model(step, place)
        finally:
            self.thinking -= 1

    def assert_done(self) -> None:
        """Raises `AssertionError` saying what was not played and what was not expected."""
        left = [key for key in self._scripts if key not in self._played]
        complaints = [
            f"the script for {key!r} was not played to its end" if key else "not played to its end" for key in left
        ]
        complaints += [f"no script is for the request {request!r}" for request in self._unexpected]
        if self.thinking:
            complaints.append(f"{self.thinking} rounds are still under way")
        if complaints:
            raise AssertionError(f"{self.name}: {'; '.join(complaints)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is None:
            self.assert_done()

    def _key_for(self, request: str) -> str:
        folded = request.casefold()
        found = [key for key in self._scripts if key.casefold() in folded]
        if not found:
            self._unexpected.append(request)
            raise AssertionError(f"no script is for the request {request!r}")
        return max(found, key=lambda key: (folded.rindex(key.casefold()) if key else -1, len(key)))

    def _next(self, place: _Place) -> ScriptStep | None:
        reached, script = self._reached.get(place, 0), self._scripts[place[1]]
        return script[reached] if reached < len(script) else None

    def _at_once(self, place: _Place) -> Call | None:
        """A call that is made in the same round as the one before it."""
        step = self._next(place)
        return step if isinstance(step, Call) and not step.after else None

    def _pass(self, place: _Place) -> None:
        self._reached[place] = self._reached.get(place, 0) + 1
        if self._next(place) is None:
            self._played.add(place[1])

    def _as_model(self, step: ScriptStep, place: _Place) -> model.Step:
        match step:
            case Say(text=text):
                return model.Say(text)
            case Progress(text=text):
                return model.Progress(text)
            case Call(tool=tool, arguments=arguments):
                self._calls += 1
                made = CallId(f"call-{self._calls}")
                self._made.setdefault(place, set()).add(made)
                written = arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()
                return model.Call(made, tool, written)
            case Answer(text=text, delivery=delivery, sources=sources):
                return model.Answer(text, delivery, sources)
            case Fail(error=error):
                raise error


def _scripts(script: Script | Mapping[str, Script] | None, answer: str | None, after: float) -> dict[str, Script]:
    """By the text that a request must contain."""
    if script is not None and answer is None:
        return dict(script) if isinstance(script, Mapping) else {"": script}
    if answer is not None and script is None:
        return {"": [Answer(answer, after)]}
    raise ConfigurationError("a scripted background model takes either a script or an answer")
