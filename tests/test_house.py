"""What holds for the package as a whole."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import counterpoint
import counterpoint.testing

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("module", ["counterpoint", "counterpoint.testing"])
def test_every_public_name_is_there(module: str) -> None:
    loaded = importlib.import_module(module)
    assert all(getattr(loaded, name) is not None for name in loaded.__all__)
    assert loaded.__all__ == sorted(loaded.__all__)


def test_the_four_nouns_of_the_first_day() -> None:
    assert counterpoint.__all__ == ["MicroTurn", "Runtime", "Session", "tool"]
    with pytest.raises(AttributeError, match="Orchestrator"):
        counterpoint.Orchestrator  # noqa: B018


def test_the_package_is_typed() -> None:
    assert (ROOT / "counterpoint" / "py.typed").exists()


def test_importing_the_runtime_loads_nothing_heavy_and_starts_nothing() -> None:
    heavy = ["torch", "transformers", "trafilatura", "redis", "numpy", "vllm", "sqlite3"]
    script = (
        "import sys, threading, counterpoint.runtime\n"
        f"print([name for name in {heavy!r} if name in sys.modules], threading.active_count())"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.split("\n")[0] == "[] 1"


def test_each_room_can_be_imported_alone() -> None:
    rooms = ["shared_context.store", "tools.toolbox", "interaction.model", "background.model", "testing.virtual_time"]
    for room in rooms:
        subprocess.run([sys.executable, "-c", f"import counterpoint.{room}"], check=True)
