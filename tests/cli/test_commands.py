"""The commands, run as a person runs them."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-m", "counterpoint.cli.main"]


def run(*arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], input=typed, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False
    )


@pytest.mark.parametrize("arguments", [("--help",), ("talk", "--help"), ("demo", "--help")])
def test_help_helps(arguments: tuple[str, ...]) -> None:
    ran = run(*arguments)
    assert ran.returncode == 0
    assert "usage: counterpoint" in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("talk", "--tools", "no_such_module:tools"), "no_such_module"),
        (("talk", "--tools", "examples.own_tool:nothing"), "nothing"),
        (("talk", "--docs", "no/such/folder"), "not a folder"),
        (("talk", "--store", "carrier-pigeon://"), "carrier-pigeon"),
        (("talk", "--interaction", "local:no/such/model"), "no/such/model"),
        (("talk", "--background", "crystal ball"), "crystal ball"),
    ],
)
def test_a_wrong_option_gets_a_sentence_and_not_a_traceback(arguments: tuple[str, ...], said: str) -> None:
    ran = run(*arguments)
    assert ran.returncode == 1
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
    assert len(ran.stderr.strip().splitlines()[-1]) < 400


@pytest.mark.real
def test_a_question_from_a_pipe_is_looked_up_and_answered_before_it_ends(tmp_path: Path) -> None:
    (tmp_path / "trains.md").write_text("# Trains\n\nThe last train to Bath leaves at ten forty in the evening.\n")
    ran = run("talk", "--docs", str(tmp_path), typed="When does the last train to Bath leave?\n")
    assert ran.returncode == 0, ran.stderr
    assert "\x1b" not in ran.stdout
    assert "d1 asked" in ran.stdout
    assert "ten forty" in " ".join(ran.stdout.split())
    assert "d1 done" in ran.stdout


@pytest.mark.real
def test_ctrl_c_in_a_terminal_ends_cleanly_with_the_summary() -> None:
    primary, secondary = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "talk"], stdin=secondary, stdout=secondary, stderr=secondary, cwd=ROOT, start_new_session=True
    )
    os.close(secondary)
    seen = _until(primary, b"agent", 60)
    os.write(primary, b"hello there")
    seen += _until(primary, b"hello there", 20)
    process.send_signal(signal.SIGINT)
    seen += _until(primary, b"delegations", 30)
    assert process.wait(timeout=20) == 0
    os.close(primary)
    assert b"Traceback" not in seen


def _until(terminal: int, wanted: bytes, seconds: float) -> bytes:
    seen = b""
    deadline = time.perf_counter() + seconds
    while wanted not in seen:
        ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.perf_counter()))
        assert ready, f"never saw {wanted!r}: {seen!r}"
        seen += os.read(terminal, 4096)
    return seen
