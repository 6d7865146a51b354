"""Ears and a voice in real time: how long until an answer sounds, how well the ears hear, what it costs.

One synthesized voice asks (pico, en-GB), Whisper tiny.en hears, the harness of instruct models around SmolLM2 takes the
line, another voice answers (pico, en-US). Each question is a conversation of its own. First sound: from the end of the
person's last word to the first micro-turn with sound, which plays as it comes. The answer's word error rate is that of
the same Whisper over the whole sound of the answer, which the ears heard nothing of.
"""

import argparse
import re
import resource
import time
from dataclasses import dataclass, field
from functools import partial

import anyio
import anyio.to_thread
import numpy as np
from measuring import finish, machine, quantile, resident_mb

from counterpoint.config import AUDIO_RATE
from counterpoint.interaction.engines.load import load_interaction
from counterpoint.interaction.model import InteractionModel
from counterpoint.interaction.speech.load import load_ears, load_voice, paced
from counterpoint.interaction.speech.recogniser import Recogniser, load
from counterpoint.interaction.speech.spoken import SpokenInteraction
from counterpoint.interaction.speech.voice import Voice
from counterpoint.runtime import Runtime
from counterpoint.shared_context.chunks import AudioChunk
from counterpoint.testing import ScriptedInteraction, say

PIECE = 0.02
QUESTIONS = (
    "When does the last boat leave the harbour?",
    "What is the weather like in the mountains today?",
    "Can you find a quiet table for four people?",
    "Where did the red bicycle come from?",
    "How long does it take to walk to the station?",
    "Please tell me who wrote the letter to the king.",
    "What did they say about the train to Berlin?",
    "Is the museum open on Sunday morning?",
)
STORY = "There is much to tell, about the sea, and the boats on it, and the people who sail them, day after day. " * 3
_NUMBERS = {"4": "four"}


@dataclass
class Asked:
    """One conversation. Times in seconds of the loop's clock."""

    ended: float = 0.0
    understood: str = ""
    said: str = ""
    first: float | None = None
    known: float | None = None
    flushed: float | None = None
    audio: bytearray = field(default_factory=bytearray)


async def ask(model: InteractionModel, sound: bytes, *, after: float, seconds: float) -> Asked:
    """Say `sound` `after` so many seconds, and listen for `seconds`."""
    asked = Asked()
    async with Runtime(model).session() as session, anyio.create_task_group() as tasks:

        async def listen() -> None:
            async for turn in session:
                asked.understood += turn.understood
                asked.said += turn.text
                asked.audio += turn.audio
                now = anyio.current_time()
                if turn.understood:
                    asked.known = asked.known or now
                if turn.flush:
                    asked.flushed = asked.flushed or now
                if turn.audio and asked.ended:
                    asked.first = asked.first or now
                if turn.text or turn.audio:
                    session.played(turn)

        tasks.start_soon(listen)
        await anyio.sleep(after)
        size, start = 2 * round(PIECE * AUDIO_RATE), anyio.current_time()
        for number in range(len(sound) // size):
            await anyio.sleep_until(start + (number + 1) * PIECE)
            session.push(AudioChunk(sound[number * size : (number + 1) * size], number, number * PIECE))
        asked.ended = anyio.current_time()
        await anyio.sleep(seconds)
        tasks.cancel_scope.cancel()
    return asked


def words(text: str) -> list[str]:
    return [_NUMBERS.get(word, word) for word in re.findall(r"[a-z0-9]+", text.casefold().replace("harbor", "harbour"))]


def errors(said: str, heard: str) -> int:
    one, other = words(said), words(heard)
    row = list(range(len(other) + 1))
    for i, mine in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, yours in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (mine != yours))
    return row[-1]


def spoken(voice: Voice, text: str) -> bytes:
    """Without the silence behind it: its end is the end of the words."""
    made = voice.say(text).result()
    return bytes(AUDIO_RATE) + made.audio[: 2 * round(made.ends[-1] * AUDIO_RATE)]


def judged(judge: Recogniser, audio: bytes) -> str:
    return " ".join(word.text for word in judge.words(np.frombuffer(audio, "<i2").astype(np.float32) / 32768, 0))


async def measure(rounds: int) -> dict[str, object]:
    in_thread = anyio.to_thread.run_sync
    ears = await in_thread(partial(load_ears, "whisper"))
    person, agent = await in_thread(load_voice, "pico:en-GB"), await in_thread(load_voice, "pico")
    judge = (await in_thread(load, 1))[0]
    inner = await in_thread(load_interaction, paced("local:smollm2"))
    model = SpokenInteraction(inner, ears, agent)
    firsts, wrong, all_words, wrong_said, all_said = list[float](), 0, 0, 0, 0
    silent = 0
    for question in QUESTIONS[: 8 if rounds > 1 else 4]:
        asked = await ask(model, await in_thread(spoken, person, question), after=0.3, seconds=4.0)
        wrong += errors(question, asked.understood)
        all_words += len(words(question))
        if asked.first is None:
            silent += 1
            continue
        firsts.append(asked.first - asked.ended)
        wrong_said += errors(asked.said, await in_thread(judged, judge, bytes(asked.audio)))
        all_said += len(words(asked.said))
    stops = list[float]()
    beats = list[float]()
    for _ in range(2 * rounds):
        teller = SpokenInteraction(ScriptedInteraction(say(STORY, at=1), words_per_beat=5), ears, agent)
        sound = await in_thread(spoken, person, "No, stop talking, please.")
        asked = await ask(teller, sound, after=2.0, seconds=3.0)
        if asked.flushed is not None and asked.known is not None:
            stops.append(asked.flushed - (asked.ended - (len(sound) / 2 - AUDIO_RATE / 2) / AUDIO_RATE))
            beats.append((asked.flushed - asked.known) / 0.2)
    cost = await listening_cost(ears, agent, await in_thread(spoken, person, " ".join(QUESTIONS)))
    for each in (ears, person, agent):
        each.close()
    return {
        "first_sound_p50_s": quantile(firsts, 0.5),
        "first_sound_max_s": max(firsts, default=None),
        "unanswered": silent,
        "ears_word_error_rate": wrong / all_words,
        "answer_word_error_rate": wrong_said / max(1, all_said),
        "stop_after_speech_began_p50_s": quantile(stops, 0.5),
        "stop_after_words_known_max_beats": max(beats, default=None),
        "not_stopped": 2 * rounds - len(stops),
        **cost,
        "voice_cpu_share": voice_cost(),
        "memory_mb": resident_mb(),
    }


async def listening_cost(ears: object, agent: Voice, sound: bytes) -> dict[str, float]:
    """The share of a core while somebody speaks, and while nobody does."""
    shares = []
    for heard in (sound, bytes(20 * AUDIO_RATE)):
        cpu, wall = time.process_time(), time.perf_counter()
        await ask(SpokenInteraction(ScriptedInteraction(), ears, agent), heard, after=0.1, seconds=0.1)  # type: ignore[arg-type]
        shares.append((time.process_time() - cpu) / (time.perf_counter() - wall))
    return {"cpu_share_person_speaking": shares[0], "cpu_share_silence": shares[1]}


def voice_cost() -> float:
    """CPU seconds of the child process for a second of sound, its start left out."""

    def used() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    def run(times: int) -> tuple[float, float]:
        before, seconds = used(), 0.0
        voice = load_voice("pico")
        for _ in range(times):
            seconds += sum(len(voice.say(each).result().audio) for each in QUESTIONS) / 2 / AUDIO_RATE
        voice.close()
        return used() - before, seconds

    start, _ = run(0)
    whole, seconds = run(3)
    return max(0.0, whole - start) / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON in the last line")
    parser.add_argument("--rounds", type=int, default=2, help="1 is a short look (default: %(default)s)")
    arguments = parser.parse_args()
    figures = anyio.run(measure, arguments.rounds)
    finish({**figures, "machine": machine()}, as_json=arguments.json)


if __name__ == "__main__":
    main()
