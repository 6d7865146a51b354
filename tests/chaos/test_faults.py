"""Each fault once, between real processes: what was asked is heard or reported, nothing is heard twice.

`make chaos` does the same a thousand times; what is looked at here holds however slow the machine is.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from chaos.kinds import KINDS

ROOT = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def rows() -> Mapping[str, dict[str, object]]:
    """What came of each fault."""
    command = [sys.executable, "bench/faults.py", "--faults", str(len(KINDS)), "--cells", "4", "--json"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False)
    assert ran.stdout, ran.stderr[-3000:]
    return json.loads(ran.stdout.splitlines()[-1])["kinds"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_asked_is_heard_or_reported_and_never_twice(kind: str, rows: Mapping[str, dict[str, object]]) -> None:
    row = rows[kind]
    assert row["asked"]
    assert row["heard"] + row["reported"] == row["asked"]
    assert row["doubled"] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_reported_has_a_reason(kind: str, rows: Mapping[str, dict[str, object]]) -> None:
    assert sum(rows[kind]["reasons"].values()) == rows[kind]["reported"]
    assert all(reason and not reason.startswith("(") for reason in rows[kind]["reasons"])


def test_work_that_kills_whoever_does_it_is_given_up_and_the_person_is_told(
    rows: Mapping[str, dict[str, object]],
) -> None:
    assert "given up: the leases of 3 attempts ran out" in rows["poison"]["reasons"]
