"""`log`, `replay`, `export`, `import` and `forget`, on a real server, as an operator calls them."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import anyio
import pytest
import redis
import redis_server
from kept_conversation import NAME, lived

from counterpoint.cli.export import ExportOptions, ImportOptions, export_to_file, import_from_file
from counterpoint.cli.forget import ForgetOptions, forget
from counterpoint.cli.log import LogOptions, log
from counterpoint.cli.replay import ReplayDiffers, ReplayOptions, replay
from counterpoint.errors import ConfigurationError, CorruptRecord, UnknownConversation, WriteRefused
from counterpoint.shared_context.ids import ConversationId
from counterpoint.shared_context.redis import RedisStore
from counterpoint.testing.store_actors import Host

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def url() -> Generator[str, None, None]:
    """A server with one conversation that is open and one that is closed."""
    with redis_server.running() as path:

        async def talk() -> None:
            async with RedisStore(f"unix://{path}") as store, anyio.create_task_group() as tasks:
                tasks.start_soon(lived, store)
                tasks.start_soon(lambda: lived(store, "ended", beats=30, end=True))

        anyio.run(talk)
        yield f"unix://{path}"


@pytest.fixture
def other_url() -> Generator[str, None, None]:
    with redis_server.running() as path:
        yield f"unix://{path}"


async def test_the_log_is_a_score_of_who_said_what_when(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    await log(LogOptions(NAME, url))
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert all(len(line) <= 100 for line in lines)
    assert "person" in lines[0]
    words = " ".join(" ".join(line.split("|")[1:]) for line in lines).split()
    assert "well I wonder" in " ".join(words)
    assert "when is the train?" in printed
    said = " ".join(words)
    for what in ("d1 asked:", "d1 taken", "d1 done", "result", "woven", "waits: person speaking"):
        assert what in said, what
    assert "hosted by host-" in printed
    assert "the host has left" in printed
    assert "0:02.4" in printed


async def test_the_log_as_json_has_one_object_per_entry(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    await log(LogOptions(NAME, url, json=True))
    entries = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [entry["position"] for entry in entries] == list(range(1, len(entries) + 1))
    assert all(set(entry) == {"position", "header", "body"} and entry["body"]["kind"] for entry in entries)
    assert {"opened", "turn", "played", "asked", "taken", "note", "settled"} <= {e["body"]["kind"] for e in entries}


@pytest.mark.parametrize("json", [False, True])
async def test_what_people_said_can_be_left_out(url: str, capsys: pytest.CaptureFixture[str], json: bool) -> None:
    await log(LogOptions(NAME, url, json=json, text=False))
    printed = capsys.readouterr().out
    for words in ("wonder", "train", "platform", "Good morning", "bar is open"):
        assert words not in printed
    assert "(34 characters)" in " ".join(printed.replace("|", " ").split())


async def test_a_stretch_of_the_log(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    await log(LogOptions(NAME, url, json=True, since=10, until=20))
    beats = [json.loads(line)["header"].get("beat") for line in capsys.readouterr().out.splitlines()]
    assert beats
    assert all(beat is None or 10 <= beat <= 20 for beat in beats)
    assert any(beat is None for beat in beats)


async def test_following_ends_when_the_conversation_is_closed(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with anyio.fail_after(10):
        await log(LogOptions("ended", url, follow=True))
    assert "closed: that was all" in capsys.readouterr().out


async def test_an_unknown_conversation_is_an_error(url: str, tmp_path: Path) -> None:
    for command in (
        log(LogOptions("nobody", url)),
        replay(ReplayOptions("nobody", url)),
        export_to_file(ExportOptions("nobody", url, str(tmp_path / "out"))),
    ):
        with pytest.raises(UnknownConversation, match="nobody"):
            await command
    assert os.listdir(tmp_path) == []


async def test_one_bad_record_does_not_hide_the_others(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with RedisStore(url) as store:
        await lived(store, "damaged", beats=12)
    with redis.Redis(unix_socket_path=url.removeprefix("unix://")) as server:
        name = "counterpoint:{damaged}:log"
        [third, fourth] = server.xrange(name)[2:4]
        later = server.xrange(name)[4:]
        server.delete(name)
        server.xadd(name, {"e": b"\x00 rubbish"}, id=third[0])
        server.xadd(name, {"e": b"\xff"}, id=fourth[0])
        for id, fields in later:
            server.xadd(name, fields, id=id)
        server.expire(name, 600)
    await log(LogOptions("damaged", url))
    printed = capsys.readouterr().out
    assert "position 1 to 4 cannot be read" in printed
    assert "Good" in printed
    with pytest.raises(CorruptRecord):
        await export_to_file(ExportOptions("damaged", url, str(tmp_path / "never")))
    await replay(ReplayOptions("damaged", url))
    assert "cannot be replayed" in capsys.readouterr().out


async def test_decisions_replay_from_the_store_and_from_a_file(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await replay(ReplayOptions(NAME, url))
    assert "the same" in capsys.readouterr().out
    file = str(tmp_path / "talk.jsonl")
    await export_to_file(ExportOptions(NAME, url, file))
    await replay(ReplayOptions(file))
    assert capsys.readouterr().out.splitlines()[-1].startswith("the same ")


async def test_another_policy_decides_otherwise_and_the_first_difference_is_shown(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ReplayDiffers):
        await replay(ReplayOptions(NAME, url, policy="counterpoint.interaction.policy:weave_at_once"))
    printed = capsys.readouterr().out
    assert "beat 0" in printed
    assert "Turn.decisions" in printed


async def test_up_to_a_beat_the_policies_agree(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    await replay(ReplayOptions("ended", url, until=0))
    assert "the same" in capsys.readouterr().out


@pytest.mark.parametrize(
    "policy", ["nowhere:decide", "counterpoint.interaction.policy", "counterpoint.config:LEASE_SECONDS"]
)
async def test_a_policy_that_is_none_is_an_error(url: str, policy: str) -> None:
    with pytest.raises(ConfigurationError, match="--policy"):
        await replay(ReplayOptions(NAME, url, policy=policy))


async def test_exported_and_imported_it_exports_the_same(
    url: str, other_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    await export_to_file(ExportOptions(NAME, url, str(first)))
    assert first.stat().st_mode & 0o077 == 0
    await import_from_file(ImportOptions(str(first), url, "copy"))
    assert "open: it can be hosted again" in capsys.readouterr().out
    await export_to_file(ExportOptions("copy", url, str(second)))
    there, here = first.read_bytes().splitlines(), second.read_bytes().splitlines()
    assert [line.replace(b'"copy"', json.dumps(NAME).encode()) for line in here[:-1]] == there[:-1]
    await import_from_file(ImportOptions(str(first), other_url))
    await export_to_file(ExportOptions(NAME, other_url, str(third)))
    assert third.read_bytes() == first.read_bytes()


async def test_an_imported_conversation_is_replayed_and_hosted_again(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "talk")
    await export_to_file(ExportOptions(NAME, url, file))
    await import_from_file(ImportOptions(file, url, "again"))
    async with RedisStore(url) as store:
        await lived(store, "again", beats=20)
    capsys.readouterr()
    await replay(ReplayOptions("again", url))
    assert capsys.readouterr().out.count("the same") == 3


async def test_a_closed_conversation_is_imported_closed(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "talk")
    await export_to_file(ExportOptions("ended", url, file))
    await import_from_file(ImportOptions(file, url, "ended too"))
    assert "(closed)" in capsys.readouterr().out


async def test_what_is_kept_already_is_not_replaced(url: str, tmp_path: Path) -> None:
    file = tmp_path / "talk"
    await export_to_file(ExportOptions(NAME, url, str(file)))
    with pytest.raises(WriteRefused, match="kept here already"):
        await import_from_file(ImportOptions(str(file), url))
    with pytest.raises(ConfigurationError, match="there already"):
        await export_to_file(ExportOptions("ended", url, str(file)))


DAMAGES = {
    "cut off": (lambda lines: lines[:-1], "cut off"),
    "cut in the middle": (lambda lines: lines[: len(lines) // 2], "cut off"),
    "cut in a line": (lambda lines: [*lines[:5], lines[5][:20]], "line 6"),
    "a line is missing": (lambda lines: [*lines[:5], *lines[6:]], "line 6: the entry of position 5 is missing"),
    "a word was changed": (
        lambda lines: [line.replace(b"wonder", b"blunder") for line in lines],
        "not those that were",
    ),
    "something was added": (lambda lines: [*lines, lines[3]], "nothing comes after"),
    "a newer version": (lambda lines: [lines[0].replace(b'"version":1', b'"version":9'), *lines[1:]], "version 9"),
    "an epoch beyond all counting": (
        lambda lines: [lines[0], re.sub(rb'"epoch":[0-9]+', b'"epoch":9223372036854775807', lines[1]), *lines[2:]],
        "none that a store counts",
    ),
    "no export": (lambda lines: [b"MZ\x90", *lines], "not an export"),
    "empty": (lambda lines: [], "empty"),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_file_is_refused_and_leaves_nothing(url: str, tmp_path: Path, damage: str) -> None:
    whole, damaged = tmp_path / "whole", tmp_path / "damaged"
    await export_to_file(ExportOptions(NAME, url, str(whole)))
    change, said = DAMAGES[damage]
    damaged.write_bytes(b"".join(change(whole.read_bytes().splitlines(keepends=True))))
    with pytest.raises(CorruptRecord, match=said):
        await import_from_file(ImportOptions(str(damaged), url, "never"))
    async with RedisStore(url) as store:
        with pytest.raises(UnknownConversation):
            await store.read(ConversationId("never"))


async def test_forgetting_says_what_was_there_and_may_be_said_twice(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with RedisStore(url) as store:
        await lived(store, "private", beats=14)
    await forget(ForgetOptions("private", url, yes=True))
    assert "entries" in capsys.readouterr().out
    await forget(ForgetOptions("private", url, yes=True))
    assert "nothing of 'private' was kept" in capsys.readouterr().out
    with pytest.raises(UnknownConversation):
        await log(LogOptions("private", url))


async def test_where_nobody_can_be_asked_nothing_is_forgotten(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigurationError, match="--yes"):
        await forget(ForgetOptions(NAME, url))
    await log(LogOptions(NAME, url))
    assert "Good" in capsys.readouterr().out


async def test_a_store_that_begins_empty_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="begins empty"):
        await log(LogOptions(NAME, "memory://"))


async def test_following_shows_what_comes_until_it_is_closed(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with RedisStore(url) as store, anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: lived(store, "live", beats=14, end=True))
        await anyio.sleep(0.5)
        with anyio.fail_after(15):
            await log(LogOptions("live", url, follow=True, json=True))
    kinds = [json.loads(line)["body"]["kind"] for line in capsys.readouterr().out.splitlines()]
    assert (kinds[0], kinds[-1]) == ("opened", "closed")


async def test_a_conversation_that_goes_on_is_replayed_up_to_now(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with RedisStore(url) as store, anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: lived(store, "going on", beats=20))
        for _ in range(8):
            await anyio.sleep(0.33)
            await replay(ReplayOptions("going on", url))
    assert "same" in capsys.readouterr().out


# The commands themselves

COMMAND = [sys.executable, "-m", "counterpoint.cli.main"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("command", ["log", "replay", "export", "import", "forget"])
def test_each_command_helps(command: str) -> None:
    ran = run(command, "--help")
    assert ran.returncode == 0
    assert f"usage: counterpoint {command}" in ran.stdout


def test_a_difference_is_an_exit_status(url: str) -> None:
    same = run("replay", NAME, "--store", url)
    assert (same.returncode, same.stderr) == (0, "")
    other = run("replay", NAME, "--store", url, "--policy", "counterpoint.interaction.policy:weave_at_once")
    assert other.returncode == 1
    assert "counterpoint: the replay differs" in other.stderr


@pytest.mark.parametrize(
    ("answer", "said"), [("n", "nothing was forgotten"), ("", "nothing was"), ("y", "forgotten: ")]
)
def test_on_a_terminal_it_asks_before_it_forgets(url: str, answer: str, said: str) -> None:
    async def begun() -> None:
        async with RedisStore(url) as store:
            host = await Host.open(store, f"asked: {answer}")
            await host.say("hello")

    anyio.run(begun)
    here, there = pty.openpty()
    command = [*COMMAND, "forget", f"asked: {answer}", "--store", url]
    with subprocess.Popen(command, stdin=there, stdout=subprocess.PIPE, text=True) as process:
        os.write(here, f"{answer}\n".encode())
        printed, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "for good: 1 entry? [y/N]" in printed
    assert said in printed
