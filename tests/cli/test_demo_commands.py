"""`counterpoint demo` as a command: Ctrl-C, weights that are no weights, and what another model gets."""

import os
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import pytest

from counterpoint.cli.demo_search import NAME
from counterpoint.cli.options import Options
from counterpoint.cli.parsing import parser

ROOT = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-m", "counterpoint.cli.main", "demo", "--store", "memory://"]


def options_of(*arguments: str) -> Options:
    from counterpoint.cli.parsing import _options

    return _options(parser().parse_args(arguments), lambda: "memory://")


def test_without_options_our_own_model_hears_and_the_bundled_documents_are_searched() -> None:
    options = options_of("demo")
    assert (options.interaction, options.background, options.tools) == ("native", "retrieval:brief", (NAME,))


def test_documents_and_tools_of_ones_own_take_the_place_of_the_bundled_ones() -> None:
    assert options_of("demo", "--docs", "docs").tools == ()
    assert options_of("demo", "--tools", "a:b").tools == ("a:b",)
    assert options_of("demo", "--background", "retrieval").background == "retrieval"


@pytest.mark.parametrize(
    ("arguments", "interaction", "background"),
    [
        (("demo", "--interaction", "local:smollm2"), "local:smollm2", "retrieval"),
        (("demo", "--wav", "q.wav"), "native", "retrieval:brief"),
        (("demo", "--wav", "q.wav", "--ears", "whisper", "--voice", "pico"), "local:smollm2", "retrieval"),
        (("talk",), "local:smollm2", "retrieval"),
        (("talk", "--interaction", "native"), "native", "retrieval:brief"),
        (("talk", "--interaction", "native", "--served"), "native", None),
    ],
)
def test_who_talks_and_who_looks_things_up(
    arguments: tuple[str, ...], interaction: str, background: str | None
) -> None:
    options = options_of(*arguments)
    assert (options.interaction, options.background, options.tools) == (interaction, background, ())


@pytest.mark.real
def test_ctrl_c_ends_with_what_was_heard_so_far(tmp_path: Path) -> None:
    answer = tmp_path / "answer.wav"
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [*COMMAND, "--answer", str(answer)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        env=environment, start_new_session=True,
    ) as ran:  # fmt: skip
        assert ran.stdout is not None
        deadline = time.perf_counter() + 90
        while not ran.stdout.readline().strip()[:1].isdigit():  # the first row of what happens
            assert time.perf_counter() < deadline
        ran.send_signal(signal.SIGINT)
        out, errors = ran.communicate(timeout=60)
    assert ran.returncode == 0, errors
    assert "Traceback" not in errors
    assert "understood" in out
    assert "result" not in out  # it was not due yet
    assert "answer.svg" in errors
    with wave.open(str(answer)) as file:
        assert 1 < file.getnframes() / file.getframerate() < 30
    assert answer.with_suffix(".svg").read_text().endswith("</svg>\n")


@pytest.mark.parametrize("broken", ["native.safetensors", "native.json", "voice.safetensors", "voice.json"])
@pytest.mark.real
def test_weights_that_are_no_weights_are_told_in_a_sentence(broken: str, tmp_path: Path) -> None:
    code = f"""
import shutil, sys
from pathlib import Path
from counterpoint.interaction.nn import checkpoint

shutil.copytree(checkpoint.SHIPPED.parent, {str(tmp_path / "weights")!r})
weights = Path({str(tmp_path / "weights")!r})
(weights / {broken!r}).write_bytes(b"no weights")
checkpoint.load_model.__defaults__ = (weights / "native.safetensors",)
checkpoint.load_mouth.__defaults__ = (weights / "voice.safetensors",)
from counterpoint.cli.main import main
sys.exit(main(["demo", "--store", "memory://"]))
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=100, check=False
    )
    assert ran.returncode == 1
    assert broken in ran.stderr
    assert "Traceback" not in ran.stderr
    assert len(ran.stderr.strip().splitlines()[-1]) < 300
