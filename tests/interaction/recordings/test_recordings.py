"""A recorded session runs its model again, and says where it came out otherwise."""

from pathlib import Path

import anyio
import pytest

from counterpoint import Runtime
from counterpoint.errors import ConfigurationError, CorruptRecord
from counterpoint.interaction.model import Perceived, Span, Start
from counterpoint.interaction.recordings import SUFFIX, fingerprint_of, rerun
from counterpoint.interaction.recordings.frames import (
    Begun,
    Ended,
    Missed,
    Stepped,
    StreamOpened,
    encode_frame,
    frames_in,
)
from counterpoint.interaction.recordings.recorder import FrameRecorder
from counterpoint.shared_context.ids import Beat, ConversationId, SessionId
from counterpoint.testing import Line, ScriptedInteraction, delegate, play, say, shows, sounds, types

SCRIPT = (say("Good morning, how are you?", at=1), delegate("look it up", on="train", saying="One moment."))


async def talked(folder: Path, *script: Line, **options) -> Path:
    """Two seconds, really."""
    model = ScriptedInteraction(*script, hears=True, **options)
    runtime = Runtime(model)
    person = types("a train?", at=4, keys_per_beat=4) + sounds(range(6)) + shows(range(6))
    await play(runtime, person, 10, conversation="c", record=folder)
    files = await anyio.to_thread.run_sync(lambda: sorted(folder.glob(f"*{SUFFIX}")))
    return files[-1]


def frames_of(path: Path) -> list:
    with path.open("rb") as file:
        return list(frames_in(file))


async def frames(path: Path) -> list:
    return await anyio.to_thread.run_sync(frames_of, path)


async def test_the_same_model_says_the_same_again(tmp_path: Path) -> None:
    path = await talked(tmp_path, *SCRIPT, partial=True)
    again = await rerun(path, ScriptedInteraction(*SCRIPT, hears=True, partial=True))
    assert (again.difference, again.stopped) == (None, "")
    assert again.same >= 10
    kept = await frames(path)
    steps = [frame for frame in kept if isinstance(frame, Stepped)]
    assert any(len(step.perceived.audio) == 6400 for step in steps)
    assert any(step.perceived.frames for step in steps)
    assert again.same == len(steps)
    assert isinstance(kept[-1], Ended)
    assert path.stat().st_mode & 0o077 == 0


async def test_another_model_differs_from_the_step_on_where_it_does(tmp_path: Path) -> None:
    path = await talked(tmp_path, *SCRIPT)
    again = await rerun(path, ScriptedInteraction(say("Good evening, how are you?", at=1), SCRIPT[1], hears=True))
    assert again.difference is not None
    assert again.difference.span.first == 2
    assert (again.difference.expected.text, again.difference.got.text) == (" morning,", " evening,")
    assert again.same == 2


async def test_a_stream_that_failed_is_followed_by_the_next_one(tmp_path: Path) -> None:
    path = await talked(tmp_path, *SCRIPT, raises={3: RuntimeError("broken")})
    again = await rerun(path, ScriptedInteraction(*SCRIPT, hears=True))
    assert (again.difference, again.stopped) == (None, "")
    assert [frame.failed for frame in await frames(path) if isinstance(frame, Stepped) and frame.failed] == [
        "RuntimeError: broken"
    ]
    assert sum(isinstance(frame, StreamOpened) for frame in await frames(path)) == 2


async def test_what_cannot_be_made_is_said_before_the_session_begins(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot record"):
        await talked(tmp_path / "file", *SCRIPT)


async def test_a_recording_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / f"s{SUFFIX}").write_bytes(b"precious")
    with pytest.raises(ConfigurationError, match="exists"):
        await FrameRecorder(tmp_path / f"s{SUFFIX}").start()
    assert (tmp_path / f"s{SUFFIX}").read_bytes() == b"precious"


def step(beat: int, sound: int = 0) -> Stepped:
    return Stepped(Span(Beat(beat)), Perceived(audio=bytes(sound)))


async def test_what_is_too_much_for_the_disk_is_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / f"s{SUFFIX}"
    recorder = FrameRecorder(path, most_bytes=10_000)
    await recorder.start()
    recorder.put(Begun(1, ConversationId("c"), SessionId("s"), "scripted", "scripted"))
    for beat in range(200):
        recorder.put(step(beat, 6_400))  # faster than any disk: nothing is waited for
    await recorder.aclose()
    kept = await frames(path)
    missed = sum(frame.frames for frame in kept if isinstance(frame, Missed))
    assert missed > 0
    assert missed + sum(isinstance(frame, Stepped) for frame in kept) == 200
    again = await rerun(path, ScriptedInteraction())
    assert again.stopped.endswith("frames are missing: the disk was too slow when it was recorded")


def whole() -> bytes:
    start = Start(ConversationId("c"), SessionId("s"))
    frames = (
        Begun(1, ConversationId("c"), SessionId("s"), "scripted", "scripted"),
        StreamOpened(start),
        step(0),
        step(1),
    )
    return b"".join(map(encode_frame, (*frames, Ended(4))))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda raw: raw[:-5], "cut off"),
        (lambda raw: raw[: len(raw) // 2], "cut off"),
        (lambda raw: raw[:-3] + b"?" + raw[-2:], "damaged"),
        (lambda raw: raw[: -len(encode_frame(Ended(4)))], "its end is missing"),
        (lambda raw: raw + b"tail", ""),
    ],
)
async def test_a_damaged_recording_is_run_as_far_as_it_goes(tmp_path: Path, damage, said: str) -> None:
    path = tmp_path / f"s{SUFFIX}"
    path.write_bytes(damage(whole()))
    again = await rerun(path, ScriptedInteraction())
    assert said in again.stopped
    assert again.difference is None


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "empty"),
        (b"not a recording at all", "none of a recording"),
        (encode_frame(Begun(2, ConversationId("c"), SessionId("s"), "m", "m")), "version 2"),
        (encode_frame(Ended(0)), "does not begin"),
    ],
)
async def test_what_is_no_recording_is_an_error(tmp_path: Path, raw: bytes, said: str) -> None:
    path = tmp_path / f"s{SUFFIX}"
    path.write_bytes(raw)
    with pytest.raises(CorruptRecord, match=said):
        await rerun(path, ScriptedInteraction())


async def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        await rerun(tmp_path / "nothing", ScriptedInteraction())


def test_a_model_without_a_fingerprint_is_known_by_its_name() -> None:
    assert fingerprint_of(ScriptedInteraction()) == "scripted"
