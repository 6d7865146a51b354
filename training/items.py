"""Evaluation items with sound or with pictures, in the format of `counterpoint.evaluation.items`.

    python -m training.items --out training/runs/items --count 300 --jobs 2
    python -m training.items --out counterpoint/evaluation/thirty --thirty
    python -m training.items --out training/runs/seen --count 100 --suites repcount,startstop,pauc

An item depends on the seed and its own number alone: more items begin with the same ones, and what is there already is not made again.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from functools import partial
from pathlib import Path

import msgspec

from counterpoint.evaluation.items import Item, Suite, load_items, save_items
from training import seen_items
from training.heard_items import BEATS, TASKS, THIRTY, make_one
from training.scene_items import name_of


def spread(
    jobs: int,
    split: str,
    wanted: list[tuple[Suite, int, int]],
    out: Path,
    eight_bits: bool = False,
    seed: int = 0,
    kokoro: float = 0.0,
) -> list[Item]:
    """Items (suite, beats, number) by several processes at a time, a fresh one for each: espeak-ng goes on where it was in its noise, and is dumb
    after Piper, which brings its own.
    """
    found: list[Item] = []
    start = time.perf_counter()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["training.overlaps", "counterpoint.evaluation.items"])  # costly imports, once
    with context.Pool(jobs, maxtasksperchild=1) as pool:
        work = partial(_made, split=split, out=out, eight_bits=eight_bits, seed=seed, kokoro=kokoro)
        for item in pool.imap(work, wanted):
            found.append(item)
            seconds = time.perf_counter() - start
            left = (len(wanted) - len(found)) * seconds / len(found) / 60
            print(f"\r{split}: {len(found)} of {len(wanted)} items, {left:.1f} min left  ", end="", flush=True)
    print(f"\n{split}: {(time.perf_counter() - start) / 60 / len(found) * 100:.1f} min for 100 items", flush=True)
    return found


def _made(one: tuple[Suite, int, int], split: str, out: Path, eight_bits: bool, seed: int, kokoro: float) -> Item:
    """An item, from the folder if a run that was broken off left it there."""
    suite, beats, number = one
    record = out / f"{name_of(suite, split, seed, number)}.json"
    if record.exists():
        return msgspec.json.decode(record.read_bytes(), type=Item)
    item = make_one(suite, split, beats, out, eight_bits, seed, number, kokoro)
    record.write_bytes(msgspec.json.encode(item))
    return item


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=100, help="items of each suite and split")
    parser.add_argument("--suites", default=",".join(suite.value for suite in TASKS))
    parser.add_argument("--splits", default="seen voices,unseen variants,unseen synthesizers")
    parser.add_argument("--thirty", action="store_true", help="the small set that comes with the package")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--kokoro", type=float, default=0.0, help="share of the unseen synthesizers' items that Kokoro says"
    )
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    known = load_items(arguments.out) if (arguments.out / "items.json").exists() else ()
    items = {item.id: item for item in known}
    suites = [Suite(name) for name in arguments.suites.split(",")]
    if for_eyes := [suite for suite in suites if suite in seen_items.TASKS]:
        items = seen_items.make(for_eyes, arguments.count, arguments.out, arguments.seed, items)
        save_items(tuple(items.values()), arguments.out)
    for split in arguments.splits.split(","):
        sizes = {suite: THIRTY[suite] if arguments.thirty else (BEATS[suite], arguments.count) for suite in TASKS}
        wanted = [
            (suite, sizes[suite][0], number)
            for suite in suites
            if suite in TASKS
            for number in range(sizes[suite][1])
            if name_of(suite, split, arguments.seed, number) not in items
        ]
        if not wanted:
            continue
        made = spread(arguments.jobs, split, wanted, arguments.out, arguments.thirty, arguments.seed, arguments.kokoro)
        items |= {item.id: item for item in made}
        save_items(tuple(items.values()), arguments.out)
    for record in arguments.out.glob("*-[0-9]*.json"):  # they are in items.json now
        record.unlink()


if __name__ == "__main__":
    main()
