"""Every block of Python in the README and the docs runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def named(wanted: bool) -> list[object]:
    return [
        pytest.param(block, id=f"{page.name}-{number}")
        for page in PAGES
        for number, block in enumerate(blocks(page))
        if ("async def test_" in block) is wanted and "# conftest.py" not in block
    ]


@pytest.mark.parametrize("block", named(wanted=True))
def test_a_test_from_the_docs_passes(block: str, tmp_path: Path) -> None:
    (conftest,) = [each for each in blocks(ROOT / "docs" / "testing.md") if "# conftest.py" in each]
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "test_block.py").write_text(block)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=strict", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.real
@pytest.mark.parametrize("block", named(wanted=False))
def test_an_example_from_the_docs_runs(block: str, tmp_path: Path) -> None:
    """An example that would go on for ever is stopped after a while; it must not have failed by then."""
    script = tmp_path / "block.py"
    script.write_text(block)
    process = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 0, errors
    except subprocess.TimeoutExpired:
        process.terminate()
        _, errors = process.communicate()
        assert "Traceback" not in errors, errors
