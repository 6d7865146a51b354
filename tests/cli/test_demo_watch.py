"""`counterpoint demo --watch`: sound and pictures stream through a session to the model itself, in time. Whether it
counts and tells what it sees can be tested of weights that see alone.
"""

from __future__ import annotations

import io
import re
import wave
from array import array
from contextlib import redirect_stdout
from pathlib import Path

import anyio
import msgspec
import pytest
import torch
from patient_time import Unhurried, UnhurriedStream, patiently

from counterpoint.cli.demo_aloud import demo_aloud
from counterpoint.cli.demo_film import Sight, load_sights
from counterpoint.cli.demo_script import WATCHING
from counterpoint.cli.options import Options
from counterpoint.cli.parsing import _options, parser
from counterpoint.errors import ConfigurationError
from counterpoint.evaluation.items import Count, Item, load_items
from counterpoint.evaluation.judge import load_judge
from counterpoint.evaluation.lived import At, Lived
from counterpoint.evaluation.spelling import numbers
from counterpoint.interaction.engines.native import NativeInteraction
from counterpoint.interaction.model import Offer, Perceived, Span, Start
from counterpoint.interaction.nn.checkpoint import load_model, load_mouth
from counterpoint.interaction.nn.model import Config, InteractionNet
from counterpoint.interaction.nn.synthesiser import Synthesiser
from counterpoint.interaction.nn.voice import Voice
from counterpoint.runtime import Runtime
from counterpoint.shared_context import dates
from counterpoint.shared_context.expressed import Expressed

pytestmark = pytest.mark.real


class Looking(Unhurried):
    """Notes what the model is given to see."""

    def __init__(self, model: NativeInteraction) -> None:
        super().__init__(model)
        self.seen: list[list[float]] = []

    async def open(self, start: Start) -> UnhurriedStream:
        stream = await super().open(start)
        return LookingStream(self, stream._stream)


class LookingStream(UnhurriedStream):
    async def step(self, perceived: Perceived, woven: tuple[Offer, ...], span: Span) -> Expressed:
        assert isinstance(self._model, Looking)
        self._model.seen.append([each.media_time for each in perceived.frames])
        return await super().step(perceived, woven, span)


class Shown(msgspec.Struct):
    """Lines of the terminal, the model's side as it sounds, the picture of the score; and what the model saw."""

    terminal: str
    sound: bytes
    seconds: float
    picture: str
    seen: list[list[float]]


@pytest.fixture(scope="module")
def item() -> Item:
    (item,) = load_items(WATCHING)
    return item


@pytest.fixture(scope="module")
def weights() -> InteractionNet:
    return load_model()


@pytest.fixture(scope="module")
def shown(weights: InteractionNet, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """The demo by the shipped weights, lived through at full speed. Eyes that were never trained are opened: what they
    see says nothing then, and goes the same way.
    """
    if not weights.eyes.see:
        weights = load_model()
        with torch.no_grad():
            weights.eyes.out.weight.fill_(1e-9)
    answer = tmp_path_factory.mktemp("watch") / "answer.wav"
    model = Looking(NativeInteraction(weights, voice=Voice(load_mouth(), Synthesiser())))
    terminal = io.StringIO()
    with redirect_stdout(terminal):
        perform(model, Options(interaction="native", watch=True, answer=str(answer)))
    with wave.open(str(answer)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 16_000)
        both = array("h", file.readframes(file.getnframes()))
    picture = answer.with_suffix(".svg").read_text()
    return Shown(terminal.getvalue(), both[1::2].tobytes(), len(both) / 32_000, picture, model.seen)


def perform(model: Unhurried, options: Options) -> None:
    began = dates.now()

    async def performed() -> None:
        async with Runtime(model, "retrieval:brief", clock=lambda: began + anyio.current_time()) as runtime:
            await demo_aloud(runtime, options)

    patiently(model, performed)


def test_every_picture_reaches_the_model_one_a_beat(shown: Shown, item: Item) -> None:
    film = [round(number / 5, 3) for number in range(round(item.seconds * 5))]
    assert [round(each, 3) for beat in shown.seen for each in beat] == film
    first = next(number for number, beat in enumerate(shown.seen) if beat)
    assert all(len(beat) == 1 for beat in shown.seen[first : first + len(film)])


def test_the_account_has_a_line_for_all_that_was_to_be_seen(shown: Shown) -> None:
    account = shown.terminal.partition("understood ")[2]
    sights: dict[str, int] = {}
    for sight in load_sights(WATCHING):
        sights[sight.what] = sights.get(sight.what, 0) + 1
    for what, count in sights.items():
        assert len(re.findall(rf"  {what}\b[^\n]*: ", account)) == count
    assert "numbers: " in account
    assert "things asked for: " in account


def test_sound_and_score_are_kept_with_a_strip_of_pictures(shown: Shown, item: Item) -> None:
    assert item.seconds <= shown.seconds < item.seconds + 20
    assert shown.picture.count("<image") == int(item.seconds - 0.001) + 1
    assert shown.picture.count("data:image/png;base64,") == shown.picture.count("<image")
    assert len(shown.picture) < 1_000_000


def test_what_it_is_asked_for_is_counted_and_told_so_that_it_is_heard(
    weights: InteractionNet, shown: Shown, item: Item
) -> None:
    if not weights.eyes.see:
        pytest.skip("the shipped weights do not see")
    counted = re.search(r"numbers: (\d+) of (\d+) in time", shown.terminal)
    asked = re.search(r"things asked for: (\d+) of (\d+) in time", shown.terminal)
    assert counted is not None
    assert asked is not None
    assert int(counted[1]) >= int(counted[2]) - 1
    assert asked[1] == asked[2]
    judged = heard(item, shown)
    for cycles in [each.cycles for each in item.expect if isinstance(each, Count)]:
        end = cycles[-1][1]
        assert len(cycles) in numbers(each.word for each in judged if end - 0.5 <= each.time <= end + 2.0)


def heard(item: Item, shown: Shown) -> tuple[At, ...]:
    """By an independent recogniser."""
    return load_judge([item]).judged(item.suite, Lived(sound=shown.sound, rate=16_000)).said


def test_a_model_without_eyes_is_told_to_be_blind_before_anything_is_said(tmp_path: Path) -> None:
    model = Unhurried(NativeInteraction(InteractionNet(Config())))
    with pytest.raises(ConfigurationError, match=r"--watch: native does not see"):
        perform(model, Options(interaction="native", watch=True, answer=str(tmp_path / "answer.wav")))
    assert not list(tmp_path.iterdir())


def test_a_film_goes_with_the_demo_and_not_with_a_question_of_ones_own() -> None:
    def options_of(*arguments: str) -> Options:
        return _options(parser().parse_args(arguments), lambda: "memory://")

    options = options_of("demo", "--watch", "--answer", "told.wav")
    assert (options.interaction, options.watch, options.answer) == ("native", True, "told.wav")
    assert not options_of("demo").watch
    with pytest.raises(ConfigurationError, match="--watch and --wav"):
        options_of("demo", "--watch", "--wav", "question.wav")


def test_the_sights_are_in_the_order_of_time() -> None:
    sights: tuple[Sight, ...] = load_sights(WATCHING)
    assert [each.begin for each in sights] == sorted(each.begin for each in sights)
