"""`counterpoint demo` as it ships: a voice that the model was never trained on is heard, acted on in time, and what is
found is told so that an independent recogniser understands it.
"""

from __future__ import annotations

import io
import wave
from array import array
from contextlib import redirect_stdout

import anyio
import msgspec
import pytest
from patient_time import Unhurried, patiently

from counterpoint.cli.demo_aloud import demo_aloud
from counterpoint.cli.demo_script import SCRIPT
from counterpoint.cli.demo_search import search
from counterpoint.cli.options import Options
from counterpoint.evaluation.items import Item, Recite, Say, load_items
from counterpoint.evaluation.judge import load_judge
from counterpoint.evaluation.lived import At, Lived
from counterpoint.interaction.engines.load import load_interaction
from counterpoint.runtime import Runtime
from counterpoint.shared_context import dates

pytestmark = pytest.mark.real


class Shown(msgspec.Struct):
    """What the person gets: lines of the terminal, the model's side of the recording as it is heard, the picture."""

    terminal: str
    heard: tuple[At, ...]
    picture: str
    seconds: float


@pytest.fixture(scope="module")
def item() -> Item:
    (item,) = load_items(SCRIPT)
    return item


@pytest.fixture(scope="module")
def shown(item: Item, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """The demo, lived through at full speed: its clock waits for the model only."""
    answer = tmp_path_factory.mktemp("demo") / "answer.wav"
    model = Unhurried(load_interaction("native"))
    began = dates.now()

    async def perform() -> None:
        runtime = Runtime(model, "retrieval:brief", tools=[search], clock=lambda: began + anyio.current_time())
        async with runtime:
            await demo_aloud(runtime, Options(interaction="native", answer=str(answer)))

    terminal = io.StringIO()
    with redirect_stdout(terminal):
        patiently(model, perform)
    with wave.open(str(answer)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 16_000)
        both = array("h", file.readframes(file.getnframes()))
    lived = Lived(sound=both[1::2].tobytes(), rate=16_000)
    heard = load_judge([item]).judged(item.suite, lived).said
    return Shown(terminal.getvalue(), heard, answer.with_suffix(".svg").read_text(), len(both) / 2 / 16_000)


def said(shown: Shown, begin: float, end: float) -> list[str]:
    return [each.word for each in shown.heard if begin <= each.time <= end]


def test_cues_are_answered_in_time_so_that_it_is_heard(shown: Shown, item: Item) -> None:
    cues = [each for each in item.expect if isinstance(each, Say) and each.category == "cue"]
    answered = [cue for cue in cues if set(cue.words) & set(said(shown, cue.begin, cue.end))]
    assert len(answered) >= 2


def test_work_is_handed_over_and_what_is_found_is_understood_by_the_judge(shown: Shown, item: Item) -> None:
    terminal = " ".join(shown.terminal.replace("|", " ").split())
    assert "d1 asked: " in terminal
    assert "d1 done" in terminal
    (told,) = [each for each in item.expect if isinstance(each, Recite)]
    paused = max(end for _, end in item.speaking if end <= told.begin + 0.2)
    assert {"train", "leaves", "seven", "tonight"} <= set(said(shown, paused, told.end))


def test_the_terminal_says_what_was_answered_when_and_the_score_is_drawn(shown: Shown, item: Item) -> None:
    assert "understood " in shown.terminal
    assert "cue: " in shown.terminal
    assert "after the person paused" in shown.terminal
    assert shown.picture.startswith("<svg")
    assert "result: The train leaves at seven tonight." in shown.picture
    assert item.seconds <= shown.seconds < item.seconds + 10
