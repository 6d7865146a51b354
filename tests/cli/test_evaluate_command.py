"""`counterpoint evaluate` in a process of its own, on the items that come along and on others."""

import json
import os
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from counterpoint.cli import evaluation_crew
from counterpoint.cli.evaluation_crew import Work
from counterpoint.errors import ConfigurationError
from counterpoint.evaluation import LABEL
from counterpoint.evaluation.items import COMES_ALONG, Item, Say, StartStop, Suite, load_items, save_items
from counterpoint.interaction.nn.checkpoint import SHIPPED, digest

pytestmark = pytest.mark.real


def evaluate(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "counterpoint.cli.main", "evaluate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_the_native_model_is_scored_on_what_comes_along(tmp_path: Path) -> None:
    report, drawing = tmp_path / "report.json", tmp_path / "report.svg"
    done = evaluate("--suite", "words,cuespeak", "--most", "1", "--json", str(report), "--picture", str(drawing))
    assert done.returncode == 0, done.stderr
    assert LABEL in done.stdout
    data = json.loads(report.read_bytes())
    assert data["model"] == digest(SHIPPED)
    assert set(data["without figures"]) == {suite.value for suite in Suite} - {"words", "cuespeak"}
    assert set(data["suites"]) == {"words", "cuespeak"}
    for suite in data["suites"].values():
        assert suite["score"] == pytest.approx(sum(item["score"] for item in suite["items"]) / suite["n"])
        assert suite["baselines"]["oracle"] == 1
        assert suite["baselines"]["silent"] == 0
    assert drawing.read_text().startswith("<svg")


def test_several_processes_come_to_the_same_and_the_judge_is_judged(tmp_path: Path) -> None:
    reports = []
    for jobs in ("1", "2"):
        report = tmp_path / jobs
        done = evaluate("--suite", "cuespeak", "--most", "1", "--judge", "sound", "--jobs", jobs, "--json", str(report))
        assert done.returncode == 0, done.stderr
        assert "3 of 3 items" in done.stderr
        reports.append(json.loads(report.read_bytes()))
    assert reports[0] == reports[1]
    assert 0 <= reports[0]["suites"]["cuespeak"]["baselines"]["oracle, spoken"] <= 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--suite", "dancing"), "there is no suite 'dancing'"),
        (("--items", "/nowhere"), "there are no items in /nowhere"),
        (("--model", "nobody"), "no interaction model is called 'nobody'"),
        (("--model", "nobody", "--jobs", "2"), "no interaction model is called 'nobody'"),
        (("--jobs", "0"), "--jobs is 1 or more, not 0"),
        (("--model", "native", "--ears", "whisper"), "--ears and --voice belong together"),
        (("--suite", "pauc"), "no items of the suites pauc"),
        (("--echo", "-10"), "--echo is 0 to 96 dB below the model's own level, not -10"),
        (("--echo", "nan"), "--echo is 0 to 96 dB below the model's own level, not nan"),
        (("--model", "http://127.0.0.1:9/v1#m", "--echo", "10"), "--echo is for a model that hears and speaks"),
        (
            ("--suite", "cuespeak", "--most", "1", "--judge", "sound", "--oracle-voice", "choir"),
            "no voice called 'choir'",
        ),
        (("--suite", "words", "--most", "1", "--json", "/nowhere/report.json"), "cannot write the report"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(arguments: tuple[str, ...], says: str) -> None:
    done = evaluate(*arguments)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_the_items_that_come_along_are_small_and_of_every_suite_and_split_without_pictures() -> None:
    items = load_items(COMES_ALONG)
    assert len(items) == 30
    assert {item.suite for item in items} == set(Suite) - {Suite.REPCOUNT, Suite.STARTSTOP, Suite.PAUC}
    assert {item.split for item in items} == {"seen voices", "unseen variants", "unseen synthesizers"}
    assert sum(path.stat().st_size for path in COMES_ALONG.iterdir()) < 3_000_000
    assert all((COMES_ALONG / item.sound).is_file() for item in items)


def test_a_suite_that_the_model_has_no_eyes_for_has_no_figures_and_says_why(tmp_path: Path) -> None:
    seen = Item("a", Suite.STARTSTOP, "s", 1.0, frames="a.ppm", expect=(StartStop(0.2, 0.8),))
    heard = Item("b", Suite.CUESPEAK, "s", 1.0, expect=(Say("cue", 0.2, 0.8, ("green",)),))
    save_items((seen, heard), tmp_path)
    blind = ("--model", "local:smollm2", "--items", str(tmp_path))
    done = evaluate(*blind, "--json", str(tmp_path / "report.json"))
    assert done.returncode == 0, done.stderr
    assert "startstop: no figures, smollm2 does not see" in done.stdout
    data = json.loads((tmp_path / "report.json").read_bytes())
    assert set(data["suites"]) == {"cuespeak"}
    assert data["without figures"]["startstop"] == "smollm2 does not see"
    alone = evaluate(*blind, "--suite", "startstop")
    assert alone.returncode == 1
    assert "startstop: smollm2 does not see" in alone.stderr


def test_through_loudspeakers_the_report_says_how_loud(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = evaluate(*("--suite", "cuespeak", "--most", "1", "--judge", "words", "--echo", "10", "--json", str(report)))
    assert done.returncode == 0, done.stderr
    assert "through loudspeakers: it hears itself, 10 dB quieter than it speaks" in done.stdout
    assert json.loads(report.read_bytes())["echo"] == 10


def dies(*_arguments: object) -> None:
    os._exit(3)


def test_a_process_that_dies_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation_crew, "_share", dies)
    items = load_items(COMES_ALONG)[:4]
    with pytest.raises(ConfigurationError, match="a process of the evaluation died"):
        anyio.run(evaluation_crew.evaluate_all, Work("native", COMES_ALONG), items, 2, lambda *_: None)
