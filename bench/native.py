"""The native model's beat: milliseconds on one core, over the minutes of a conversation that somebody speaks in.

A beat is what a session costs every 200 ms beside the runtime: front-end, the pass that understands, the pass that
decides, and with `--speaking` the frames of a word and their sound. Memory of the conversation grows until its limits
are reached and no further.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import cycle

import numpy as np
from measuring import finish, machine, quantile

from counterpoint.evaluation.items import COMES_ALONG, load_items
from counterpoint.evaluation.sound import read_wav
from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.beat import SAMPLES_PER_BEAT, Conversing, Incoming, advance, begin, use_one_core
from counterpoint.interaction.nn.checkpoint import load_model, load_mouth
from counterpoint.interaction.nn.synthesiser import Synthesiser
from counterpoint.interaction.nn.voice import Voice


def sounds() -> np.ndarray:
    """The items that come along, one after the other."""
    pieces = [read_wav(COMES_ALONG / item.sound, 16_000) for item in load_items(COMES_ALONG)]
    samples = np.concatenate([np.frombuffer(piece, "<i2") for piece in pieces]).astype(np.float32) / 32768
    return samples[: len(samples) // SAMPLES_PER_BEAT * SAMPLES_PER_BEAT].reshape(-1, SAMPLES_PER_BEAT)


def talking() -> Callable[[], None]:
    """A beat of a voice that never pauses."""
    voice, words = Voice(load_mouth(), Synthesiser()), cycle(v.encode("it is seventeen degrees and sunny in paris"))
    state = voice.begin()

    def beat() -> None:
        nonlocal state
        _, state = voice.speak(state, next(words) if state.word == v.PAD else v.PAD)

    return beat


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speaking", action="store_true", help="the model also says a word in every beat")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    use_one_core()
    model, beats = load_model(), sounds()
    state: Conversing = begin(model)
    speak = talking() if arguments.speaking else lambda: None
    wall: list[float] = []
    processor: list[float] = []
    for number in range(round(arguments.minutes * 300)):
        first, busy = time.perf_counter(), time.process_time()
        _, state = advance(model, state, Incoming(beats[number % len(beats)]))
        speak()
        wall.append((time.perf_counter() - first) * 1000)
        processor.append((time.process_time() - busy) * 1000)
    minute = 300
    found = {
        "machine": machine(),
        "beats": len(wall),
        "ms per beat, median": round(statistics.median(wall), 2),
        "ms per beat, p95": round(quantile(wall, 0.95), 2),
        "processor ms per beat, median": round(statistics.median(processor), 2),
        "processor ms per beat, p95": round(quantile(processor, 0.95), 2),
        "processor ms per beat in each minute": [
            round(statistics.median(processor[n : n + minute]), 2) for n in range(0, len(processor), minute)
        ],
        "places in memory": state.stream.used,
        "megabytes of memory": round(state.stream.keys.nbytes * 2 / 1e6, 1),
    }
    finish(found, as_json=arguments.json)


if __name__ == "__main__":
    main()
