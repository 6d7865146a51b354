"""A mixture of experts beside the dense feed-forward at equal active compute, by every order of work, on one core.

Two tables over 1 to 64 rows: the feed-forwards of all layers by themselves, and the whole beat (two passes) of so many
conversations that share it. In ms of processor time, which on a machine at rest is the time that passes. The paths take
turns within each round, so what else the machine does hits all of them; medians over the rounds, and ratios to dense.
Random weights: no expert is preferred by all rows, which is the worst case for memory.
"""

import argparse
import json
import os
import shutil
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from measuring import machine
from torch import Tensor
from torch.nn import functional

from counterpoint.interaction.nn.beat import use_one_core
from counterpoint.interaction.nn.expert_products import Chosen, Product, by_count, by_row, every, grouped
from counterpoint.interaction.nn.model import Config, InteractionNet
from counterpoint.interaction.nn.streaming import open_state, step

ROWS = (1, 2, 4, 8, 16, 32, 64)
COPIED = 16
"""Rows up to which copied weights are measured: it only gets worse."""
Work = Callable[[], object]


def gather_and_multiply(x: Tensor, chosen: Chosen, gate_up: Tensor, down: Tensor) -> Tensor:
    """The weights of each row's experts copied, then multiplied."""
    gate, up = (gate_up[chosen.experts] @ x[:, None, :, None])[..., 0].chunk(2, -1)
    hidden = functional.silu(gate) * up * chosen.weights[..., None]
    return (hidden[..., None, :] @ down[chosen.experts])[..., 0, :].sum(1)


def by_expert(x: Tensor, chosen: Chosen, gate_up: Tensor, down: Tensor) -> Tensor:
    """A product for each expert that anyone chose, with the rows that chose it."""
    out = torch.zeros_like(x)
    for expert in chosen.experts.unique().tolist():
        rows, places = (chosen.experts == expert).nonzero(as_tuple=True)
        gate, up = (x[rows] @ gate_up[expert].t()).chunk(2, -1)
        hidden = functional.silu(gate) * up * chosen.weights[rows, places, None]
        out.index_add_(0, rows, hidden @ down[expert])
    return out


def gather_in_the_loop(x: Tensor, experts: Tensor, weights: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
    """What a compiler is given: products written out and summed, so that it takes the index into its loop."""
    gate, up = (gate_up[experts] * x[:, None, None, :]).sum(-1).chunk(2, -1)
    hidden = functional.silu(gate) * up * weights[..., None]
    return (down[experts] * hidden[..., None]).sum((1, 2))


def compiled() -> Product | None:
    """The same, compiled for any number of rows; None without a C++ compiler."""
    if not any(map(shutil.which, ("g++", "clang++", "c++"))):
        return None
    fused = torch.compile(gather_in_the_loop, dynamic=True)

    def product(x: Tensor, chosen: Chosen, gate_up: Tensor, down: Tensor) -> Tensor:
        return fused(x, chosen.experts, chosen.weights, gate_up, down)

    return product


def products() -> dict[str, Product]:
    """Every order of work that this machine has; each is checked against the first."""
    ways = {"every": every, "by_row": by_row, "by_expert": by_expert, "copied": gather_and_multiply}
    if hasattr(functional, "grouped_mm"):
        ways["grouped"] = grouped
    if fused := compiled():
        ways["compiled"] = fused
    mixture = InteractionNet(Config(experts=16)).eval().blocks[0].experts
    for rows in (1, 5):
        x = torch.randn(rows, 256)
        asked = mixture.choose(mixture.scores(x)), mixture.gate_up.weight, mixture.down.weight
        for product in ways.values():
            torch.testing.assert_close(product(x, *asked), every(x, *asked), atol=1e-4, rtol=1e-4)
    return ways | {"by_count": by_count}


def multiplying(model: InteractionNet, product: Product, work: Work) -> object:
    for block in model.blocks:
        block.experts.product = product
    return work()


def feeding(model: InteractionNet, rows: int) -> Work:
    x = torch.randn(rows, model.config.width)
    return lambda: [block.feed(x) for block in model.blocks]


def beating(model: InteractionNet, rows: int) -> Work:
    """A beat of so many conversations, five seconds after they began."""
    sounds = torch.randint(0, 16, (rows, 8, 80), dtype=torch.uint8)
    state = open_state(model, rows)
    for _ in range(25):
        _, state = step(model, state, sounds)
    return lambda: step(model, state, sounds)


def measure(works: dict[str, Work], rounds: int) -> dict[str, float]:
    """Median processor ms of each, in turns."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            begin = time.thread_time()
            work()
            if number:  # the first round warms up
                times[name].append((time.thread_time() - begin) * 1000)
    return {name: statistics.median(found) for name, found in times.items()}


def table(title: str, found: dict[int, dict[str, float]]) -> None:
    names = list(next(iter(found.values())))
    print(f"\n{title}\nrows " + "".join(f"{name:>17}" for name in names) + "   fastest of the mixture")
    for rows, times in found.items():
        cells = [f"{times[n]:9.2f} ({times[n] / times['dense']:5.2f})" if n in times else " " * 17 for n in names]
        print(f"{rows:4d} " + "".join(cells) + f"   {fastest(times)}")


def fastest(times: dict[str, float]) -> str:
    return min((name for name in times if name not in ("dense", "by_count")), key=lambda name: times[name])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--experts", type=int, default=16)
    parser.add_argument("--chosen", type=int, default=Config.chosen)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    use_one_core()
    torch.manual_seed(0)
    config = Config(experts=arguments.experts, chosen=arguments.chosen)
    dense, mixture = InteractionNet(Config()).eval(), InteractionNet(config).eval()
    tables: dict[str, dict[int, dict[str, float]]] = {"feed-forward": {}, "whole beat": {}}
    with torch.no_grad():
        ways = products()
        for rows in ROWS:
            for title, making in (("feed-forward", feeding), ("whole beat", beating)):
                works: dict[str, Work] = {"dense": making(dense, rows)}
                work = making(mixture, rows)
                for name, product in ways.items():
                    if (name != "copied" or rows <= COPIED) and (title == "feed-forward" or name != "compiled"):
                        works[name] = partial(multiplying, mixture, product, work)
                tables[title][rows] = measure(works, arguments.rounds)
    for title, found in tables.items():
        table(f"{title}, median processor ms (ratio to dense)", found)
    if arguments.json:
        figures: dict[str, object] = {"machine": machine(), "torch": torch.__version__, "rounds": arguments.rounds}
        figures |= {"config": config.as_dict(), "load": os.getloadavg()[0]}
        figures |= {title: {str(rows): times for rows, times in found.items()} for title, found in tables.items()}
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
