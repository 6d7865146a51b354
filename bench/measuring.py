"""What the benches share: quantiles, fresh processes, the machine's name, and the JSON line at the end."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def resident_mb() -> float:
    """Resident memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def in_a_process_of_its_own(script: str, *arguments: str) -> dict[str, Any]:
    """Run `script ARGUMENTS` and take its last line as JSON."""
    ran = subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        sys.exit(f"{script} {' '.join(arguments)} failed:\n{ran.stderr[-2000:]}")
    return json.loads(ran.stdout.strip().splitlines()[-1])


def machine() -> str:
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def finish(figures: dict[str, Any], *, as_json: bool) -> None:
    """A readable table, and as the last line the JSON if asked for."""
    for name, value in figures.items():
        print(f"{name:<44} {value:.3f}" if isinstance(value, float) else f"{name:<44} {value}")
    if as_json:
        print(json.dumps(figures))
