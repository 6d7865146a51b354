"""What the demo with a camera tells of what was seen: numbers and things, in time, wrong, missed, or without need; and
the film and its pictures.
"""

from __future__ import annotations

import base64
import gzip
import struct
import zlib
from array import array
from pathlib import Path
from xml.etree import ElementTree as ET

import anyio
import pytest

from counterpoint.cli.demo_film import CAMERA_SECONDS, FILM, Sight, load_sights, project, save_sights
from counterpoint.cli.demo_heard import Heard, Said
from counterpoint.cli.demo_performed import Performed, Seen
from counterpoint.cli.demo_script import WATCHING
from counterpoint.cli.demo_watched import Watched
from counterpoint.cli.score_picture import Strip, score_picture
from counterpoint.cli.stills import Still, png, stills
from counterpoint.errors import ConfigurationError
from counterpoint.evaluation.items import Answer, Count, Item, Suite, load_items
from counterpoint.evaluation.sound import read_wav
from counterpoint.evaluation.video import read_frames
from counterpoint.interaction.microturn import MicroTurn
from counterpoint.runtime import Runtime
from counterpoint.shared_context.chunks import VideoChunk
from counterpoint.shared_context.ids import Beat
from counterpoint.testing import ScriptedInteraction

RATE = 1_000
ITEM = Item(
    "watch",
    Suite.REPCOUNT,
    "unseen synthesizers",
    20.0,
    expect=(Count(((2.0, 3.0), (3.0, 4.0))), Answer((8.0, 10.0), (8.0, 11.0), (("red",), ("ball",)))),
)
SIGHTS = (
    Sight("jump", 2.0, 3.0),
    Sight("jump", 3.0, 4.0),
    Sight("red ball", 8.0, 10.0),
    Sight("blue hat", 12.0, 14.0),
)


def account(*said: tuple[float, str], until: float = 20.0) -> str:
    return "\n".join(Watched(ITEM, SIGHTS, [Said(begin, begin + 0.3, word) for begin, word in said], until).lines())


def test_numbers_and_things_are_told_with_how_soon_they_came() -> None:
    told = account((3.2, "one"), (4.4, "two"), (8.5, "red"), (8.9, "ball"))
    assert '0:03.2  jump 1: "one", 0.20 s after its end' in told
    assert '0:04.4  jump 2: "two", 0.40 s after its end' in told
    assert '0:08.4  red ball: "red ball", 0.50 s after it appeared' in told
    assert "0:12.0  blue hat, which nobody asked for: nothing was said" in told
    assert "numbers: 2 of 2 in time, 0.30 s after the end of the repetition (median)" in told
    assert "things asked for: 1 of 1 in time, 0.50 s after it appeared (median)" in told
    assert "what nobody asked for: 0 of 1 told" in told
    assert "without need" not in told


def test_a_number_may_come_a_little_before_the_end_and_not_as_late_as_the_next() -> None:
    assert 'jump 1: "one", 0.30 s before its end' in account((2.7, "one"))
    assert 'jump 1: "one" was due; nothing was said' in account((3.7, "one"))


def test_what_is_missed_or_wrong_is_said_so() -> None:
    told = account((4.3, "one"), (9.0, "red"), (9.4, "hat"), (12.6, "blue"), (17.0, "three"))
    assert 'jump 1: "one" was due; nothing was said' in told
    assert 'jump 2: "two" was due; "one" was said' in told
    assert 'red ball: "red ball" was due; "red hat" was said' in told
    assert 'blue hat, which nobody asked for: "blue" was said' in told
    assert '0:17.0  without need: "three"' in told
    assert "numbers: 0 of 2 in time\n" in told
    assert "things asked for: 0 of 1 in time\n" in told
    assert "what nobody asked for: 1 of 1 told" in told
    assert "words without need: 1" in told


def test_who_says_nothing_is_told_all_that_was_due() -> None:
    told = account()
    assert told.count("nothing was said") == 4
    assert "median" not in told


def test_what_was_not_yet_due_when_it_was_broken_off_is_left_out() -> None:
    told = account((3.1, "one"), until=3.5)
    assert "jump 1" in told
    assert "jump 2" not in told
    assert "ball" not in told


def test_each_word_counts_where_its_sound_begins() -> None:
    heard, played = Heard(RATE), array("h", bytes(2 * RATE * 4))
    words = {3: "red", 5: " ball", 12: "two"}
    for beat in range(20):
        sounds = beat in (2, 3, 4, 5, 11, 12)
        at = beat * 0.2
        if sounds:
            first = round(at * RATE) + (50 if beat == 2 else 0)
            played[first : first + 150] = array("h", [5_000] * 150)
        heard.take(MicroTurn(Beat(beat), text=words.get(beat, ""), audio=b"\1\1" * 200 if sounds else b""), at)
    assert [(round(each.begin, 2), each.text) for each in heard.words(played)] == [
        (0.45, "red"),
        (0.8, "ball"),
        (2.2, "two"),
    ]


def test_without_a_voice_each_word_counts_when_it_comes() -> None:
    heard = Heard(RATE)
    for beat in range(6):
        heard.take(MicroTurn(Beat(beat), text="one" if beat == 2 else ""), beat * 0.2)
    assert [(each.begin, each.text) for each in heard.words(array("h"))] == [(0.4, "one")]


def frame(number: int, colour: bytes = b"\x10\x20\x30") -> VideoChunk:
    return VideoChunk(colour * 12, 4, 3, number, number * 0.2)


@pytest.mark.virtual
async def test_pictures_come_soon_after_they_were_taken() -> None:
    async with Runtime(ScriptedInteraction()).session() as session, anyio.create_task_group() as tasks:
        start = anyio.current_time()
        await project([frame(0), frame(1), frame(5)], session)
        assert anyio.current_time() - start == pytest.approx(1.0 + CAMERA_SECONDS)
        tasks.cancel_scope.cancel()


def decoded(data: bytes) -> tuple[int, int, bytes]:
    """Width, height and pixels of a PNG whose rows are differences from the row above."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    place, parts = 8, dict[bytes, bytes]()
    while place < len(data):
        (size,) = struct.unpack_from(">I", data, place)
        kind, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + size]
        assert struct.unpack_from(">I", data, place + 8 + size) == (zlib.crc32(kind + body),)
        parts[kind] = body
        place += size + 12
    width, height, *how = struct.unpack(">IIBBBBB", parts[b"IHDR"])
    assert how == [8, 2, 0, 0, 0]
    rows, above, pixels = zlib.decompress(parts[b"IDAT"]), bytes(width * 3), b""
    for number in range(height):
        row = rows[number * (width * 3 + 1) : (number + 1) * (width * 3 + 1)]
        assert row[0] == 2
        above = bytes((each + upper) & 255 for each, upper in zip(row[1:], above, strict=True))
        pixels += above
    return width, height, pixels


def test_a_still_is_the_picture_that_was_taken() -> None:
    pixels = bytes(range(200, 236))
    assert decoded(png(VideoChunk(pixels, 4, 3, 0, 0.0))) == (4, 3, pixels)


def test_stills_are_so_far_apart() -> None:
    found = stills([frame(number) for number in range(12)], 1.0)
    assert [each.at for each in found] == [0.0, 1.0, 2.0]
    head, data = found[0].uri.split(",")
    assert head == "data:image/png;base64"
    assert decoded(base64.b64decode(data))[:2] == (4, 3)


def test_the_picture_shows_what_was_seen_above_the_voices() -> None:
    strip = Strip([Still(0.0, "data:,a"), Still(13.0, "data:,b")], [Sight("<red> ball", 12.0, 14.0)])
    samples = array("h", [0, 20_000] * 7_000)
    drawn = score_picture("", {"person": samples, "agent": array("h")}, RATE, (), strip)
    tree = ET.fromstring(drawn)  # noqa: S314 (we wrote it)
    svg = "{http://www.w3.org/2000/svg}"
    images = list(tree.iter(f"{svg}image"))
    assert [each.get("href") for each in images] == ["data:,a", "data:,b"]
    assert len({each.get("x") for each in images}) == 1
    assert float(images[0].get("y") or 0) < float(images[1].get("y") or 0)
    texts = [each.text for each in tree.iter(f"{svg}text")]
    assert texts.count("camera") == 2
    assert texts.count("<red> ball") == 1
    bars = [each for each in tree.iter(f"{svg}rect") if each.get("height") == "3"]
    assert len(bars) == 2  # it goes on in the next system
    without = score_picture("", {"person": samples, "agent": array("h")}, RATE, ())
    assert "camera" not in without
    assert len(without) < len(drawn)


def test_what_was_broken_off_shows_what_was_seen_until_then() -> None:
    heard = Heard(RATE)
    heard.take(MicroTurn(Beat(0)), 0.2)
    seen = Seen([frame(number) for number in range(100)], SIGHTS)
    performed = Performed(ITEM, heard, bytes(4 * 3 * RATE), RATE, (), seen)
    picture = performed.picture()
    assert picture.count("<image") == 3
    assert ">jump<" in picture
    assert "ball" not in picture
    assert "blue hat" not in "\n".join(performed.account())


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"sights\.json"):
        load_sights(tmp_path)
    (tmp_path / "sights.json").write_text("[{}]")
    with pytest.raises(ConfigurationError, match="what"):
        load_sights(tmp_path)
    save_sights(SIGHTS, tmp_path)
    assert load_sights(tmp_path) == SIGHTS
    whole = gzip.compress(b"P6\n4 3\n255\n" + bytes(36))
    for broken in (b"no gzip", whole[:-9], whole[:20] + b"\0\0\0" + whole[23:]):
        (tmp_path / FILM).write_bytes(broken)
        with pytest.raises(ConfigurationError, match="cannot be read"):
            read_frames(tmp_path / FILM, 5.0)
    (tmp_path / FILM).write_bytes(whole)
    assert len(read_frames(tmp_path / FILM, 5.0)) == 1


def test_the_bundled_film_is_what_its_script_says() -> None:
    (item,) = load_items(WATCHING)
    frames, sights = read_frames(WATCHING / item.frames, item.frame_rate), load_sights(WATCHING)
    assert len(frames) == round(item.seconds * 5)
    assert {(each.width, each.height) for each in frames} == {(80, 80)}
    assert len(read_wav(WATCHING / item.sound, 16_000)) == round(item.seconds * 32_000)
    assert (WATCHING / FILM).stat().st_size < 400_000
    begins = {begin for each in item.expect if isinstance(each, Count) for begin, _ in each.cycles}
    begins |= {each.related[0] for each in item.expect if isinstance(each, Answer)}
    shown = {each.begin for each in sights}
    assert begins < shown  # and some that nobody asks for
    for each in sights:
        assert 0 < each.begin < each.end < item.seconds
        before, amid = (frames[int(second * 5)].pixels for second in (each.begin, (each.begin + each.end) / 2))
        assert sum(abs(one - other) > 60 for one, other in zip(before, amid, strict=True)) > 100
