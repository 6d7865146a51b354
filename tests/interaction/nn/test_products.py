"""Matrices are multiplied exactly, and by no other core than the one of the thread that speaks or looks."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from counterpoint.interaction.nn.beat import use_one_core
from counterpoint.interaction.nn.eyes import picture_of
from counterpoint.interaction.nn.products import product
from counterpoint.interaction.nn.synthesiser import FRAMES_PER_BEAT, WIDTH, Synthesiser


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [0, 1, 17, 64])
def test_a_product_is_the_sum_of_the_products(precision: type, rows: int) -> None:
    chance = np.random.default_rng(rows)
    wide = chance.standard_normal((rows, 42)).astype(precision)
    left, right = wide[:, :40], chance.standard_normal((40, 513)).astype(precision)
    found = product(left, right)
    assert found.dtype == precision
    wanted = (left.astype(np.float64)[:, :, None] * right.astype(np.float64)).sum(1)
    np.testing.assert_allclose(found, wanted, atol=1e-12 if precision == np.float64 else 1e-4)


def speaking() -> Callable[[], object]:
    voice = Synthesiser()
    frames = np.random.default_rng(0).normal(size=(FRAMES_PER_BEAT, WIDTH)).astype(np.float32)
    return lambda: voice.speak(frames, voice.begin())


def looking() -> Callable[[], object]:
    pixels = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    return lambda: picture_of(pixels)


@pytest.mark.parametrize("work", [speaking, looking])
def test_no_other_thread_computes_along(work: Callable[[], Callable[[], object]]) -> None:
    """Processor time of the process beside that of the thread, so that a busy machine changes nothing."""

    def shares() -> tuple[float, float]:
        once = work()
        once()
        whole, own = time.process_time(), time.thread_time()
        for _ in range(20):
            once()
        return time.process_time() - whole, time.thread_time() - own

    with ThreadPoolExecutor(1, initializer=use_one_core) as thread:
        whole, own = thread.submit(shares).result()
    assert whole < 1.3 * own
