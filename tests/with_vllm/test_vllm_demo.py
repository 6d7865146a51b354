"""The two models side by side through the command line: vLLM embedded here, and `vllm serve` behind HTTP."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.real

PAGES = {
    "beat.md": "# Beat\n\nA beat is a slot of 200 milliseconds, counted from the start of the conversation.\n",
    "horizon.md": "# Horizon\n\nThe horizon is how far composed output may run ahead of playback.\n",
}
INTERACTION = "vllm:smollm2?max_length=2048&kv_gibibytes=0.5&max_sessions=2"
LANES = ("beat", "person", "agent", "background")


def test_a_question_is_delegated_looked_up_with_a_tool_and_woven_into_speech(url: str, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for name, page in PAGES.items():
        (docs / name).write_text(page)
    command = [str(Path(sys.executable).with_name("counterpoint")), "demo", "--docs", str(docs), "--store", "memory://"]
    command += ["--interaction", INTERACTION, "--background", f"{url}?tools=search&temperature=0#smollm2"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
    assert ran.returncode == 0, ran.stderr[-5_000:]
    assert "Traceback" not in ran.stderr
    lanes = spoken(ran.stdout)
    assert "What is a beat?" in lanes["person"]
    assert "d1 asked: What is a beat? d1 taken d1 calls search(" in lanes["background"]
    assert "d1 done" in lanes["background"]
    assert lanes["agent"].startswith("Hello!")
    before, woven, after = lanes["agent"].partition("A beat is a slot of 200 milliseconds")
    assert "Let me check." in before
    assert woven
    assert woven not in after
    assert "d1 done: What is a beat?" in ran.stdout


def spoken(output: str) -> dict[str, str]:
    """What stands in each lane, from its first row to its last."""
    rows = [line.split("|") for line in output.splitlines() if line.count("|") == 3]
    return {name: " ".join(" ".join(row[at] for row in rows[1:]).split()) for at, name in enumerate(LANES)}
