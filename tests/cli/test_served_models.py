"""The commands with models behind a server, run as a person runs them."""

import os
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
import trustme
from chat_server import Wire, answers, asks_for, refuses, serving

ROOT = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-m", "counterpoint.cli.main"]

pytestmark = pytest.mark.real


async def run(*arguments: str, typed: str = "", **variables: str) -> subprocess.CompletedProcess[bytes]:
    with anyio.fail_after(100):
        return await anyio.run_process(
            [*COMMAND, *arguments], input=typed.encode(), check=False, cwd=ROOT, env={**os.environ, **variables}
        )


def told(ran: subprocess.CompletedProcess[bytes]) -> str:
    return " ".join(ran.stdout.decode().split())


async def test_both_models_may_be_behind_one_server(tmp_path: Path) -> None:
    (tmp_path / "trains.md").write_text("# Trains\n\nThe last train to Bath leaves at ten forty in the evening.\n")
    wire = Wire(
        answers("One moment. <delegate>the last train to Bath</delegate>"),
        asks_for("search", '{"query": "last train to Bath"}'),
        answers("It leaves at ten forty."),
    )
    async with serving(wire) as url:
        ran = await run(
            *(
                "talk",
                "--interaction",
                f"{url}#m",
                "--background",
                f"{url}?answer_tokens=99#m",
                "--docs",
                str(tmp_path),
            ),
            typed="When does the last train to Bath leave?\n",
        )
    assert ran.returncode == 0, ran.stderr
    assert "One moment." in told(ran)
    assert "It leaves at ten forty." in told(ran)
    assert "d1 done: the last train to Bath" in told(ran)
    assert "ten forty in the evening" in str(wire.asked[2])


async def test_what_is_wrong_with_a_server_is_said_before_anybody_talks(unused_port: int) -> None:
    ran = await run("talk", "--interaction", f"http://127.0.0.1:{unused_port}/v1#m")
    assert ran.returncode == 1
    assert b"cannot be reached: does a server run there?" in ran.stderr
    async with serving(Wire(answers(""), models=({"id": "qwen"},))) as url:
        ran = await run("talk", "--background", f"{url}#m", "--interaction", f"{url}#qwen")
        assert b"has no model 'm'; it has: qwen" in ran.stderr
        ran = await run("talk", "--interaction", f"{url}?key=NO_SUCH_KEY#qwen")
        assert b"the environment has no NO_SUCH_KEY" in ran.stderr
    async with serving(Wire(answers(""), models=refuses(401, "wrong key sk-very-secret"))) as url:
        ran = await run("talk", "--interaction", f"{url}#m", OPENAI_API_KEY="sk-very-secret")
    assert ran.returncode == 1
    assert b"The key came from: OPENAI_API_KEY" in ran.stderr
    assert b"very-secret" not in ran.stderr + ran.stdout
    assert b"Traceback" not in ran.stderr


async def test_a_server_with_a_certificate_of_ones_own_is_trusted_by_naming_it(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    wire = Wire(answers("Hello to you too."))
    async with serving(wire, ssl_certfile=str(tmp_path / "server.pem")) as url:
        talk = ("talk", "--interaction", f"{url}#m", "--background", "none")
        ran = await run(*talk, typed="Hello!\n", SSL_CERT_FILE=str(tmp_path / "authority.pem"))
        assert "Hello to you too." in told(ran), ran.stderr
        ran = await run(*talk)
    assert ran.returncode == 1
    assert b"does not show a certificate that is trusted" in ran.stderr


@pytest.fixture
def unused_port() -> int:
    """Nobody listens at the port for discarding."""
    return 9
