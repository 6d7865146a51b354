"""Trains the native model, one stage or all: resumable at any moment, progress counted in steps.

    python -m training.run --help
    python -m training.run --all
    python -m training.run --stage 1 --steps 3000          # goes on from the run folder's state
    python -m training.run --stage 3 --steps 200           # a copy with the learning rate brought down, for shipping

Stages: 0 binding and timing from bare words; 1 hearing, all tasks; 2 the model's own words fed back, relabelled by the oracles; 3 decay.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from pathlib import Path

import torch

from counterpoint.interaction.nn.model import Config
from training.processor import keep_memory
from training.tasks import TASKS
from training.trainer import STAGES, Trainer


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", type=int, choices=range(len(STAGES)))
    parser.add_argument("--all", action="store_true", help="every stage in order")
    parser.add_argument("--steps", type=int, help="steps of the stage in all (default: the stage's own)")
    parser.add_argument("--minutes", type=float, help="train the stage for so long instead, however many steps that is")
    parser.add_argument("--run", type=Path, default=Path("training/runs/gate-a"), help="run folder: state, log, curves")
    parser.add_argument("--bank", type=Path, default=Path("training/runs/bank"))
    parser.add_argument("--weights", type=Path, help="start from exported weights (momentum is warmed anew)")
    parser.add_argument("--state", type=Path, help="start from another run's state.pt, which stays as it is")
    parser.add_argument(
        "--experts",
        type=int,
        default=0,
        help="a mixture of so many experts a layer (a multiple of four; dense weights or states become one)",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0.4, help="scales all learning rates")
    parser.add_argument(
        "--bare",
        type=float,
        default=1.0,
        help="weight of the loss of bare words beside that of sound; 8 teaches what to answer to whom hears well already",
    )
    parser.add_argument("--eyes", type=float, default=1.0, help="scales the eyes' learning rate as well")
    parser.add_argument(
        "--streams",
        type=int,
        nargs="+",
        metavar="N",
        help="streams of a step, instead of the stage's own: with sound, as bare words, with a camera (0)",
    )
    parser.add_argument(
        "--bare-task",
        nargs=2,
        metavar=("TASK", "SHARE"),
        help='a task of training/tasks.py that takes up this share of the bare words, as "brisk delegation" 0.7',
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=min(8, os.cpu_count() or 1),
        help="processes of one thread each (0: this one, or the GPU)",
    )
    return parser


def main() -> None:
    """Command line."""
    parser = _parser()
    arguments = parser.parse_args()
    if arguments.stage is None and not arguments.all:
        parser.error("give --stage N or --all")
    if arguments.streams and len(arguments.streams) not in (2, 3):
        parser.error("--streams takes two or three numbers")
    bare_task = (arguments.bare_task[0], float(arguments.bare_task[1])) if arguments.bare_task else None
    if bare_task and (bare_task[0] not in TASKS or not 0 <= bare_task[1] <= 1):
        parser.error(f"--bare-task takes one of {', '.join(TASKS)} and a share between 0 and 1")
    if arguments.workers:
        torch.set_num_threads(1)
    keep_memory()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if arguments.state and not (arguments.run / "state.pt").exists():
        arguments.run.mkdir(parents=True, exist_ok=True)
        shutil.copy(arguments.state, arguments.run / "state.pt")
    trainer = Trainer(
        arguments.run,
        Config(experts=arguments.experts),
        arguments.seed,
        arguments.weights,
        0 if torch.cuda.is_available() else arguments.workers,
        arguments.bare,
        arguments.eyes,
    )
    count = sum(p.numel() for p in trainer.model.parameters())
    print(f"{count / 1e6:.2f} M parameters, {trainer.precision}, {trainer.device}, step {trainer.step}", flush=True)
    for number in range(len(STAGES)) if arguments.all else [arguments.stage]:
        steps = arguments.steps or STAGES[number].steps
        trainer.run(number, steps, arguments.bank, arguments.rate, arguments.minutes, arguments.streams, bare_task)


if __name__ == "__main__":
    main()
