"""Through loudspeakers a model hears its own voice: late, as much quieter as was asked for, and over the person's."""

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from test_items import write

from counterpoint.config import AUDIO_RATE, BEAT_SECONDS
from counterpoint.evaluation.echo import WAY_SECONDS
from counterpoint.evaluation.items import Item, Say, Suite
from counterpoint.evaluation.living import live
from counterpoint.evaluation.track import Track
from counterpoint.interaction.model import Capabilities, Modality, Offer, Perceived, Span, Start
from counterpoint.shared_context.expressed import Expressed, Yield
from counterpoint.shared_context.ids import SessionId

BEATS = 8
SAMPLES = round(AUDIO_RATE * BEAT_SECONDS)
SPOKEN = 20_000
"""Every sample of what the model says."""


class Speaks:
    """Says two beats of sound in the given beat, and remembers all that it heard."""

    def __init__(self, at: int, yields_at: int = -1) -> None:
        both = frozenset({Modality.TEXT, Modality.AUDIO})
        self.capabilities = Capabilities("speaks", both, both)
        self.heard: list[bytes] = []
        self._at = at
        self._yields_at = yields_at

    def place(self, session: SessionId) -> float | None:
        return None

    async def open(self, start: Start) -> "Speaks":
        self.heard = []
        return self

    async def step(self, perceived: Perceived, woven: tuple[Offer, ...], span: Span) -> Expressed:
        self.heard.append(perceived.audio)
        if span.first == self._yields_at:
            return Expressed(actions=(Yield(),))
        return Expressed(audio=np.full(2 * SAMPLES, SPOKEN, "<i2").tobytes() if span.first == self._at else b"")

    async def aclose(self) -> None: ...


async def heard_by(model: Speaks, folder: Path, person: int, echo: float | None) -> NDArray[np.int16]:
    sound = np.full(BEATS * SAMPLES, person, "<i2").tobytes()
    write(folder / "a.wav", 2, 1, AUDIO_RATE, sound)
    item = Item("a", Suite.CUESPEAK, "s", BEATS * BEAT_SECONDS, sound="a.wav", expect=(Say("cue", 0.2, 0.8, ("go",)),))
    await live(model, item, folder, echo=echo)
    return np.frombuffer(b"".join(model.heard), "<i2")


async def test_a_voice_comes_back_late_and_quieter_over_the_person_s(tmp_path: Path) -> None:
    heard = await heard_by(Speaks(at=1), tmp_path, 100, echo=20.0)
    own = np.flatnonzero(heard != 100)
    assert own[0] == 2 * SAMPLES + round(WAY_SECONDS * AUDIO_RATE)
    assert len(own) == 2 * SAMPLES
    assert set(heard[own].tolist()) == {100 + SPOKEN // 10}


async def test_with_headphones_there_is_the_person_alone(tmp_path: Path) -> None:
    heard = await heard_by(Speaks(at=1), tmp_path, 100, echo=None)
    assert set(heard.tolist()) == {100}


async def test_what_it_yielded_before_it_was_played_never_comes_back(tmp_path: Path) -> None:
    heard = await heard_by(Speaks(at=1, yields_at=2), tmp_path, 0, echo=0.0)
    assert np.count_nonzero(heard) == SAMPLES


async def test_two_loud_voices_are_clipped_and_do_not_wrap_around(tmp_path: Path) -> None:
    heard = await heard_by(Speaks(at=1), tmp_path, 20_000, echo=0.0)
    assert heard.max() == 32767
    assert heard.min() == 20_000


async def test_an_item_without_sound_has_no_microphone_for_it_to_come_back_through(tmp_path: Path) -> None:
    model = Speaks(at=1)
    item = Item("a", Suite.CUESPEAK, "s", BEATS * BEAT_SECONDS, expect=(Say("cue", 0.2, 0.8, ("go",)),))
    await live(model, item, tmp_path, echo=0.0)
    assert set(model.heard) == {b""}


async def test_the_same_item_without_the_overlap_is_heard_through_them_as_well(tmp_path: Path) -> None:
    model = Speaks(at=1)
    write(tmp_path / "a.wav", 2, 1, AUDIO_RATE, bytes(2 * BEATS * SAMPLES))
    item = Item("a", Suite.DUPLEX, "s", BEATS * BEAT_SECONDS, sound="a.wav", expect=(Say("cue", 0.2, 0.8, ("go",)),))
    await live(model, msgspec.structs.replace(item, clean="a.wav"), tmp_path, echo=0.0)
    assert any(np.frombuffer(sound, "<i2").any() for sound in model.heard)


def test_a_part_of_a_track_is_silent_before_its_beginning_and_after_its_end() -> None:
    track = Track(10)
    track.add(np.arange(1, 5, dtype="<i2").tobytes(), 0.0)
    parts = [np.frombuffer(track.part(first, 3), "<i2").tolist() for first in (-5, -1, 1, 3, 9)]
    assert parts == [[0, 0, 0], [0, 1, 2], [2, 3, 4], [4, 0, 0], [0, 0, 0]]
