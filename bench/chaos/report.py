"""From outcomes, rounds and arrivals to the figures and the tables. Pure."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from chaos.counting import Outcome, Verdict
from chaos.kinds import KINDS, NONE
from chaos.lateness import Arrival, Gap, Lateness, delayed_beyond, lateness
from chaos.trial import Round
from chaos.words import Want
from counterpoint.config import LEASE_SECONDS

UNNAMED = "(no reason)"


class Row(msgspec.Struct, frozen=True):
    """Of one kind of fault. `gap`: seconds without a micro-turn, at most; `takeover`: seconds, at most."""

    kind: str
    faults: int
    asked: int
    heard: int
    reported: int
    lost: int
    unwanted: int
    doubled: int
    stale: int
    in_flight: float
    delayed: int
    takeover: float
    gap: float
    reasons: dict[str, int]


class Report(msgspec.Struct, frozen=True):
    rows: tuple[Row, ...]
    struck: Lateness
    paired: Lateness
    figures: dict[str, object]
    wrong: str


def report(
    outcomes: Sequence[Outcome],
    reasons: dict[int, list[str]],
    rounds: Sequence[Round],
    arrivals: Sequence[Arrival],
    gaps: Sequence[Gap],
) -> Report:
    done = [each for each in rounds if each.over]
    struck = [each for each in done if each.kind != NONE.name]
    during = _by_round(done, arrivals)
    paired = lateness(arrival for each in done if each.kind == NONE.name for arrival in during[each.key])
    kinds = [*KINDS, NONE.name]
    rows = []
    all_struck: list[Arrival] = []
    for kind in kinds:
        of_kind = [each for each in done if each.kind == kind]
        if not of_kind:
            continue
        came = [arrival for each in of_kind for arrival in during[each.key]]
        if kind != NONE.name and not KINDS[kind].host:
            all_struck += came
        rows.append(_row(kind, outcomes, reasons, of_kind, came, paired, gaps))
    whole = lateness(all_struck)
    return Report(tuple(rows), whole, paired, _figures(rows, outcomes, struck, whole, paired), wrong(outcomes))


def _by_round(rounds: Sequence[Round], arrivals: Sequence[Arrival]) -> dict[tuple[int, int, float], list[Arrival]]:
    by_cell: dict[int, list[Arrival]] = {}
    for arrival in arrivals:
        by_cell.setdefault(arrival.cell, []).append(arrival)
    return {
        each.key: [arrival for arrival in by_cell.get(each.cell, []) if each.begun <= arrival.at <= each.over]
        for each in rounds
    }


def _row(
    kind: str,
    outcomes: Sequence[Outcome],
    reasons: dict[int, list[str]],
    rounds: Sequence[Round],
    came: Sequence[Arrival],
    paired: Lateness,
    gaps: Sequence[Gap],
) -> Row:
    of_kind = [each for each in outcomes if each.asked.kind == kind]
    verdicts = Counter(each.verdict for each in of_kind)
    why = Counter(
        _named(reasons.get(each.asked.ask.number, [])) for each in of_kind if each.verdict is Verdict.REPORTED
    )
    takeovers = [seconds for each in rounds for seconds in each.takeover_seconds]
    lasted = [
        gap.seconds for each in rounds for gap in gaps if gap.cell == each.cell and each.struck <= gap.at <= each.over
    ]
    return Row(
        kind,
        len(rounds),
        len(of_kind) - verdicts[Verdict.UNWANTED],
        verdicts[Verdict.HEARD],
        verdicts[Verdict.REPORTED],
        verdicts[Verdict.LOST],
        verdicts[Verdict.UNWANTED],
        sum(1 for each in of_kind if each.doubled),
        sum(1 for each in of_kind if each.stale),
        sum(each.in_flight for each in rounds) / len(rounds),
        delayed_beyond(lateness(came), paired),
        max(takeovers, default=0.0),
        max(lasted, default=0.0),
        dict(why),
    )


def _named(reasons: Sequence[str]) -> str:
    """The reason that decided: of the work if it failed, else of its notes."""
    return next((each for each in reasons if not each.startswith("dropped")), reasons[-1] if reasons else UNNAMED)


def _figures(
    rows: Sequence[Row], outcomes: Sequence[Outcome], struck: Sequence[Round], whole: Lateness, paired: Lateness
) -> dict[str, object]:
    faulted = [row for row in rows if row.kind != NONE.name]
    wanted = [each for each in outcomes if each.verdict is not Verdict.UNWANTED and each.asked.kind != NONE.name]
    recoverable = [each for each in wanted if each.asked.ask.want is not Want.POISON]
    heard = sum(1 for each in recoverable if each.verdict is Verdict.HEARD)
    return {
        "faults": len(struck),
        "asked": sum(row.asked for row in faulted),
        "heard": sum(row.heard for row in faulted),
        "heard_recoverable_percent": round(100 * heard / len(recoverable), 2) if recoverable else 100.0,
        "dropped_reported": sum(row.reported for row in faulted),
        "drops_without_a_reason": sum(row.reasons.get(UNNAMED, 0) for row in faulted),
        "lost": sum(row.lost for row in rows),
        "doubled": sum(row.doubled for row in rows),
        "stale": sum(row.stale for row in rows),
        "taken_back": sum(row.unwanted for row in faulted),
        "beats": whole.beats,
        "beats_delayed": delayed_beyond(whole, paired),
        "beats_over_200_ms": whole.delayed,
        "beats_over_200_ms_at_listener": whole.came_delayed,
        "beat_late_p99_ms": whole.p99 * 1000,
        "beat_late_p99_ms_at_listener": whole.came_p99 * 1000,
        "paired_beats": paired.beats,
        "paired_beats_over_200_ms": paired.delayed,
        "paired_beats_over_200_ms_at_listener": paired.came_delayed,
        "paired_beat_late_p99_ms": paired.p99 * 1000,
        "paired_beat_late_p99_ms_at_listener": paired.came_p99 * 1000,
        "host_gap_max_ms": max((row.gap for row in faulted), default=0.0) * 1000,
        "false_takeovers": sum(each.takeovers for each in struck if each.kind == "worker_stalled"),
        "takeover_max_ms": max((row.takeover for row in faulted), default=0.0) * 1000,
        "lease_ms": LEASE_SECONDS * 1000,
    }


def table(rows: Sequence[Row]) -> str:
    """As it stands in the docs."""
    head = (
        "| fault | faults | in flight | asked | heard | reported | lost | doubled | beats delayed "
        "| longest gap |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    lines = [head]
    for row in rows:
        about = KINDS[row.kind].about if row.kind in KINDS else NONE.about
        beats = "-" if row.kind in KINDS and KINDS[row.kind].host else row.delayed
        lines.append(
            f"| `{row.kind}`: {about} | {row.faults} | {row.in_flight:.1f} | {row.asked} | {row.heard} "
            f"| {row.reported} | {row.lost} | {row.doubled} | {beats} | {row.gap:.1f} s |"
        )
    return "\n".join(lines)


def reasons(rows: Sequence[Row]) -> str:
    lines = [f"  {row.kind}: {why} ({count})" for row in rows for why, count in sorted(row.reasons.items())]
    return "\n".join(["why something was reported instead of heard:", *lines]) if lines else ""


def wrong(outcomes: Sequence[Outcome]) -> str:
    """Every ask that was lost, doubled or answered although it was taken back."""
    lines = [
        f"  {each.asked.conversation} a{each.asked.ask.number} ({each.asked.kind}): {_what(each)}"
        for each in outcomes
        if each.verdict is Verdict.LOST or each.doubled or each.stale
    ]
    return "\n".join(["what went wrong:", *lines]) if lines else ""


def _what(outcome: Outcome) -> str:
    said = [outcome.verdict.value]
    said += ["partly heard"] if outcome.partly else []
    said += [f"{outcome.doubled} words heard twice"] if outcome.doubled else []
    return ", ".join([*said, *(["stale"] if outcome.stale else [])])
