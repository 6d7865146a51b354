"""The tasks: each builds a scene with a speaker and says what should be answered when. One function a task, `TASKS` names them.

A task draws until the stream's end; `NoClip` from a speaker ends the attempt, and `sample` tries again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from counterpoint.interaction.nn import vocabulary as v
from training.scene import Note, NoClip, Placed, Scene, beat_of
from training.speakers import Speaker
from training.watching import WATCHING, something_on

IDS = v.IDS
Task = Callable[[Scene, Speaker], None]

GREETINGS = {
    "hello": "hello",
    "good morning": "good morning",
    "how are you": "i am fine",
    "thank you": "you are welcome",
}
STORY = "once there was a little {0} and the {0} was very old one day it went far away and saw a big {1} then it was happy and went home"


def ids(text: str) -> list[int]:
    """Token ids."""
    return v.encode(text)


def rule(scene: Scene, speaker: Speaker) -> None:
    """States a rule: from now on the cue word asks for the answer."""
    known = set(scene.rules) | set(scene.rules.values())
    placed = scene.say(speaker.say("rule", avoid=known))
    slots = placed.utterance.slots
    scene.rules[IDS[slots["X"]]] = IDS[slots["Y"]]


def mention(scene: Scene, speaker: Speaker, chance: float = 0.5) -> None:
    """Speaks of something: with the given chance of a cue word, never of an answer word."""
    answers = set(scene.rules.values())
    if scene.rules and scene.rng.random() < chance:
        word = int(scene.rng.choice(list(scene.rules)))
        scene.say(speaker.say("mention", word=word, avoid=answers))
    else:
        scene.say(speaker.say("mention", avoid=answers | set(scene.rules)))


def small_talk(scene: Scene, speaker: Speaker) -> None:
    """Something that asks for nothing."""
    avoid = set(scene.rules) | set(scene.rules.values())
    kind = str(
        scene.rng.choice(
            ["mention", "number", "fact", "aside", "backchannel", "long"], p=[0.36, 0.24, 0.08, 0.16, 0.06, 0.1]
        )
    )
    scene.say(speaker.say(kind, avoid=avoid))


def cue(scene: Scene, speaker: Speaker) -> None:
    """Rules, then talk in which their cue words turn up; sometimes a second rule, sometimes a rule is taken back."""
    scene.pause(0.1, 0.8)
    rule(scene, speaker)
    second = scene.rng.random() < 0.3
    while True:
        scene.pause(0.4, 1.6)
        if not scene.room(2.0):
            return
        if second and scene.rng.random() < 0.3:
            rule(scene, speaker)
            second = False
        elif len(scene.demands) > 1 and scene.rng.random() < 0.08:
            revoke(scene, speaker)
        else:
            mention(scene, speaker)


def brisk_cue(scene: Scene, speaker: Speaker) -> None:
    """Rules and their cues in quick succession, up to three in 16 s and nine in a minute: who knows one rule need not tell which answer is whose."""
    scene.pause(0.05, 0.4)
    rules = 1 + int(scene.rng.integers(0, 1 + scene.beats // 40))
    while scene.room(2.0):
        if len(scene.rules) < rules and (not scene.rules or scene.rng.random() < 0.75):
            rule(scene, speaker)
        else:
            mention(scene, speaker, 0.6)
        scene.pause(0.15, 0.7)


def dictation(scene: Scene, speaker: Speaker) -> None:
    """Nothing but speech to hear, close together; nothing is asked."""
    scene.pause(0.05, 0.5)
    while scene.room(2.0):
        kind = scene.rng.choice(["mention", "number", "fact", "aside", "long"], p=[0.66, 0.12, 0.1, 0.07, 0.05])
        scene.say(speaker.say(str(kind)))
        scene.pause(0.05, 0.45)


def revoke(scene: Scene, speaker: Speaker) -> None:
    """Takes one rule back. Its words are still spoken of afterwards."""
    if not scene.rules:
        return
    cue_word = int(scene.rng.choice(list(scene.rules)))
    answer = scene.rules[cue_word]
    try:
        scene.say(speaker.say("revoke", Y=v.TOKENS[answer]))
    except NoClip:
        return
    del scene.rules[cue_word]


def timer(scene: Scene, speaker: Speaker) -> None:
    """Asks for a word after a number of seconds; the answer must still fit into the stream."""
    avoid = set(scene.rules) | set(scene.rules.values())
    placed = scene.say(speaker.say("timed", avoid=avoid))
    wait = v.NUMBERS.index(placed.utterance.slots["N"])
    due = placed.labels[-1] + 5 * wait
    if due >= scene.beats - 1:
        raise NoClip
    scene.ask(due, [IDS[placed.utterance.slots["Y"]]], "timed", (IDS[placed.utterance.slots["N"]],))


def timed(scene: Scene, speaker: Speaker) -> None:
    """One or two timers, with and without talk while they run."""
    scene.pause(0.1, 1.0)
    count = 0
    quiet = scene.rng.random() < 0.5
    while scene.room(4.5) and count < 3:
        timer(scene, speaker)
        count += 1
        until = max(d.beat for d in scene.demands) * 0.2
        while not quiet and scene.room(4.0) and scene.now < until - 2.5:
            scene.pause(0.3, 1.5)
            small_talk(scene, speaker)
        scene.now = max(scene.now, until)
        scene.pause(0.5, 1.5)
    while scene.room(2.5):
        small_talk(scene, speaker)
        scene.pause(0.5, 2.5)


def repeated(scene: Scene, speaker: Speaker) -> None:
    """ "Every N seconds say Y", until "stop"."""
    scene.pause(0.1, 1.5)
    placed = scene.say(speaker.say("every"))
    step = 5 * v.NUMBERS.index(placed.utterance.slots["N"])
    answer = IDS[placed.utterance.slots["Y"]]
    beat = placed.labels[-1] + step
    stop_at = scene.rng.uniform(scene.now + 5, scene.length + 6)
    while scene.room(2.5):
        scene.pause(0.6, 3.0)
        if scene.now > stop_at:
            ended = scene.say(speaker.say("stop"))
            last = ended.labels[-1]
            break
        if scene.rng.random() < 0.4:
            scene.say(speaker.say("mention", avoid={answer}))
    else:
        last = scene.beats
    while beat < min(last, scene.beats - 1):
        scene.ask(beat, [answer], "every", (step,))
        beat += step


def chatter(scene: Scene, speaker: Speaker) -> None:
    """Talk that asks for nothing, and silence."""
    scene.pause(0.1, 3.0)
    while scene.room(2.5):
        small_talk(scene, speaker)
        scene.pause(0.3, 5.0 if scene.rng.random() < 0.2 else 1.8)


def answer_to(placed: Placed, facts: dict[str, str]) -> list[int] | None:
    """What a question asks for, None where it cannot be answered."""
    slots, kind = placed.utterance.slots, placed.utterance.kind
    if kind == "plus":
        return [IDS[v.NUMBERS[v.NUMBERS.index(slots["A"]) + v.NUMBERS.index(slots["B"])]]]
    if kind == "after":
        return [IDS[v.NUMBERS[v.NUMBERS.index(slots["A"]) + 1]]]
    if kind == "before":
        return [IDS[v.NUMBERS[v.NUMBERS.index(slots["A"]) - 1]]]
    if kind == "ask":
        return [IDS[facts[slots["O"]]]] if slots["O"] in facts else None
    return ids(GREETINGS[v.decode(list(placed.utterance.words))])


def question(scene: Scene, speaker: Speaker, facts: dict[str, str]) -> None:
    """A question and its answer; the colour of a thing was said before."""
    avoid = set(scene.rules) | set(scene.rules.values())
    kind = str(scene.rng.choice(["plus", "after", "before", "ask", "greeting"], p=[0.25, 0.15, 0.15, 0.35, 0.1]))
    if kind == "ask":
        if not facts or scene.rng.random() < 0.3:
            told = scene.say(speaker.say("fact", avoid=avoid))
            facts[told.utterance.slots["O"]] = told.utterance.slots["C"]
            scene.pause(0.4, 2.0)
        thing = str(scene.rng.choice(list(facts)))
        placed = scene.say(speaker.say("ask", avoid=avoid, O=thing))
    else:
        placed = scene.say(speaker.say(kind, avoid=avoid))
    answer = answer_to(placed, facts)
    if answer:
        scene.ask(placed.labels[-1], answer, "question" if kind != "greeting" else "greeting")
        scene.now += 0.2 * sum(v.beats_to_say(token) for token in answer)


def questions(scene: Scene, speaker: Speaker) -> None:
    """Questions, facts and small talk."""
    scene.pause(0.1, 1.0)
    facts: dict[str, str] = {}
    while scene.room(3.5):
        if scene.rng.random() < 0.72:
            question(scene, speaker, facts)
        else:
            small_talk(scene, speaker)
        scene.pause(0.5, 1.8)


def long_answer(scene: Scene, speaker: Speaker, instead: bool = False) -> tuple[int, list[int]]:
    """Asks for something that takes long to say, perhaps instead of what is being said; the beat of its first word and its tokens."""
    if scene.rng.random() < 0.6:
        placed = scene.say(speaker.say("count"))
        last = v.NUMBERS.index(placed.utterance.slots["N"])
        tokens, first = [IDS[word] for word in v.NUMBERS[1 : last + 1]], placed.labels[-1] + 1
    else:
        placed = scene.say(speaker.say("story"))
        hero = placed.utterance.slots.get("O", "dog")
        other = v.OBJECTS[(v.OBJECTS.index(hero) + 7) % len(v.OBJECTS)]
        tokens, first = ids(STORY.format(hero, other)), placed.labels[-1] + 2
    if instead:
        scene.ask(placed.labels[1], [], "stop")
    scene.ask(first, tokens, "long")
    return first, tokens


def interruption(scene: Scene, speaker: Speaker) -> None:
    """While the model speaks: "stop", a new question or wish, a backchannel, talk to someone else, a television, or nothing. The first ones end its speech."""
    scene.pause(0.1, 1.0)
    instead = False
    while scene.room(7.0):
        first, tokens = long_answer(scene, speaker, instead)
        instead = False
        done = (first + sum(v.beats_to_say(token) for token in tokens)) * 0.2
        scene.now = max(scene.now, first * 0.2)
        while scene.now < min(done, scene.length - 3.0):
            scene.pause(0.6, 2.6)
            if scene.now >= done or not scene.room(3.0):
                break
            event = scene.rng.choice(
                ["stop", "question", "wish", "backchannel", "aside", "television", "nothing"],
                p=[0.18, 0.2, 0.16, 0.2, 0.14, 0.08, 0.04],
            )
            instead = event == "wish"
            if instead or interrupt(scene, speaker, str(event)):
                break
        if not instead:
            scene.now = max(scene.now, min(done, scene.now + 1.0))
            scene.pause(0.8, 2.0)


def interrupt(scene: Scene, speaker: Speaker, event: str) -> bool:
    """One thing said while the model speaks; whether it ends the model's speech."""
    if event in ("backchannel", "aside"):
        scene.say(speaker.say(event))
        return False
    if event == "television":
        heard = speaker.say(str(scene.rng.choice(["mention", "long", "number"])))
        scene.background(scene.now, heard, scene.rng.uniform(-24, -14))
        scene.now += heard.duration
        return False
    if event == "stop":
        placed = scene.say(speaker.say("stop"))
        scene.ask(placed.labels[_stop_word(placed)], [], "stop")
        return True
    if event == "question":
        placed = scene.say(speaker.say(str(scene.rng.choice(["plus", "after", "before"]))))
        scene.ask(placed.labels[min(1, len(placed.labels) - 1)], [], "stop")
        scene.ask(placed.labels[-1], answer_to(placed, {}) or [], "question")
        return True
    return False


def _stop_word(placed: Placed) -> int:
    words = placed.utterance.words
    return words.index(IDS["stop"]) if IDS["stop"] in words else len(words) - 1


def result_words(rng: np.random.Generator) -> list[int]:
    """What a background result says: a sentence, or a few random words, so that the model learns to copy and not to recite."""
    number = lambda: str(rng.choice(v.NUMBERS))  # noqa: E731
    if rng.random() < 0.5:
        patterns = (
            f"it is {number()} degrees and {rng.choice(['sunny', 'cloudy', 'rainy', 'windy'])} in {rng.choice(v.CITIES)}",
            f"the train leaves at {number()} {rng.choice(['today', 'tomorrow', 'tonight'])}",
            f"it costs {number()} {rng.choice(['euros', 'dollars'])}",
            f"the {rng.choice(v.OBJECTS)} is {rng.choice(['open', 'closed', 'free', 'full', 'late'])} on {rng.choice(v.NOTES[11:18])}",
            f"it will be {rng.choice(['warm', 'cold', 'hot'])} {rng.choice(['today', 'tomorrow', 'tonight'])}",
        )
        return ids(str(rng.choice(patterns)))
    return [int(word) for word in rng.choice(_SPEAKABLE, int(rng.integers(1, 9)))]


def is_sentence(words: Sequence[str]) -> bool:
    """Whether a result is a sentence, and not random words."""
    first, second, third = (*words, "", "", "")[:3]
    return (
        (first == "it" and second in ("is", "costs", "will"))
        or (first == "the" and "is" in (second, third))
        or (second, third) == ("train", "leaves")
    )


_SPEAKABLE = [
    i for i, t in enumerate(v.TOKENS) if v.is_word(i) and not t.startswith("<") and len(t) > 1 and t not in v.SIGHTS
]  # words, no letters


def delegation(scene: Scene, speaker: Speaker) -> None:
    """ "Look up ...": hand it over, say so; cues are served meanwhile; the result is said once the person pauses, or dropped if cancelled."""
    scene.pause(0.1, 1.0)
    if scene.rng.random() < 0.35:
        rule(scene, speaker)
        scene.pause(0.5, 1.2)
    while scene.room(7.0):
        avoid = set(scene.rules) | set(scene.rules.values())
        placed = scene.say(speaker.say("delegate", avoid=avoid))
        asked = placed.labels[-1]
        scene.ask(asked, [IDS["<delegate>"], *ids("let me check")], "delegate")
        arrives = asked + int(scene.rng.integers(6, 45))
        cancelled = None
        while scene.room(3.5) and scene.now < arrives * 0.2 - 0.5:
            scene.pause(0.8, 2.5)
            if scene.rng.random() < 0.1:
                gone = scene.say(speaker.say("cancel"))
                cancelled = gone.labels[-1]
                scene.ask(cancelled, [IDS["<withdraw>"], IDS["okay"]], "cancel")
                scene.now += 0.8
                break
            if scene.rng.random() < 0.12 and amend(scene, speaker):
                continue
            if scene.rng.random() < 0.75:
                mention(scene, speaker) if scene.rules else small_talk(scene, speaker)
        if arrives >= scene.beats - 8:
            return
        words = result_words(scene.rng)
        if cancelled is None:
            deliver(scene, speaker, arrives, words)
        elif scene.rng.random() < 0.5:
            scene.notes.append(Note(max(arrives, cancelled + 2), (IDS["<result>"], *words)))
        scene.pause(1.0, 2.0)


def brisk_delegation(scene: Scene, speaker: Speaker) -> None:
    """Requests and their results in quick succession and little else: telling a result word by word."""
    scene.pause(0.05, 0.4)
    while scene.room(5.0):
        asked = scene.say(speaker.say("delegate")).labels[-1]
        scene.ask(asked, [IDS["<delegate>"], *ids("let me check")], "delegate")
        arrives = asked + int(scene.rng.integers(2, 12))
        if arrives >= scene.beats - 8:
            return
        deliver(scene, speaker, arrives, result_words(scene.rng))
        scene.pause(0.3, 0.8)


def amend(scene: Scene, speaker: Speaker) -> bool:
    """Says otherwise what is wanted; the work goes on with the correction. False where the voice has no words for it."""
    try:
        placed = scene.say(speaker.say("amend"))
    except NoClip:
        return False
    scene.ask(placed.labels[-1], [IDS["<amend>"], IDS["okay"]], "amend")
    scene.now += 0.8
    return True


def deliver(scene: Scene, speaker: Speaker, arrives: int, words: list[int]) -> None:
    """The result arrives; sometimes the person is still speaking. It is said after two silent beats."""
    if scene.rng.random() < 0.15:
        scene.notes.append(
            Note(max(0, arrives - int(scene.rng.integers(3, 10))), (IDS["<progress>"], *ids("still saying")[:1]))
        )
    kind = str(scene.rng.choice(["<result>", "<failure>", "<correction>"], p=[0.8, 0.1, 0.1]))
    scene.notes.append(Note(arrives, (IDS[kind], *words)))
    scene.now = max(scene.now, arrives * 0.2 - scene.rng.uniform(0.2, 1.2))
    while scene.rng.random() < 0.4 and scene.room(4.0):
        small_talk(scene, speaker)
        scene.now += scene.rng.uniform(0.05, 0.15)
    active = scene.speaking()
    busy = max(
        (d.beat + sum(v.beats_to_say(t) for t in d.tokens) for d in scene.demands if d.beat <= arrives + 20), default=0
    )
    beat = max(arrives + 1, busy, beat_of(scene.now) + 2)
    while beat < scene.beats and active[max(0, beat - 2) : beat + 1].any():
        beat += 1
    if beat < scene.beats - 2:
        scene.ask(beat, words, "deliver", tuple(words))
    scene.now = max(scene.now, beat * 0.2 + 0.2 * sum(v.beats_to_say(t) for t in words))


def telling(scene: Scene, speaker: Speaker) -> None:
    """The person tells a story; the model says "uh huh" into its pauses, and nothing once it has ended."""
    scene.pause(0.1, 1.0)
    scene.say(speaker.say("telling"))
    while scene.room(6.5):
        scene.pause(0.15, 0.4)
        for _ in range(int(scene.rng.integers(1, 3))):
            scene.say(speaker.say("long"))
            scene.now += scene.rng.uniform(0.05, 0.2)
        end = beat_of(scene.now - 0.1)
        pause = scene.rng.choice([0.3, 1.4])
        if pause > 1:
            scene.ask(end + 3, ids("uh huh"), "own backchannel")
        scene.now += pause + scene.rng.uniform(0, 0.3)
    scene.say(speaker.say("told"))


def mixed(scene: Scene, speaker: Speaker) -> None:
    """A rule in force while questions are asked and a timer runs."""
    scene.pause(0.1, 1.0)
    rule(scene, speaker)
    facts: dict[str, str] = {}
    while scene.room(4.0):
        scene.pause(0.5, 1.5)
        choice = scene.rng.random()
        if choice < 0.5:
            mention(scene, speaker)
        elif choice < 0.7:
            question(scene, speaker, facts)
        elif choice < 0.8 and scene.room(9.0) and not any(d.category == "timed" for d in scene.demands):
            try:
                timer(scene, speaker)
            except NoClip:
                continue
        else:
            small_talk(scene, speaker)


def seen_talk(scene: Scene, speaker: Speaker) -> None:
    """Rules, timers and questions while there is something to be seen that nobody asks about."""
    something_on(scene)
    (brisk_cue, timed, questions)[int(scene.rng.integers(3))](scene, speaker)


TASKS: dict[str, Task] = {
    "dictation": dictation, "cue": cue, "brisk cue": brisk_cue, "timed": timed, "repeated": repeated, "chatter": chatter, "questions": questions, "interruption": interruption,
    "delegation": delegation, "brisk delegation": brisk_delegation, "telling": telling, "mixed": mixed, "seen talk": seen_talk, **WATCHING,
}  # fmt: skip


def sample(
    rng: np.random.Generator,
    task: str,
    speaker: Callable[[], Speaker],
    beats: int,
    tries: int = 60,
    unseen: str = "",
    hesitant: float = 0.0,
) -> Scene:
    """A scene of the task; `speaker` makes a new voice for every attempt."""
    for _ in range(tries):
        scene = Scene(beats, rng, task, unseen=unseen, hesitant=hesitant)
        try:
            TASKS[task](scene, speaker())
        except NoClip:
            unasked = not (scene.demands or task in ("chatter", "dictation"))
            if unasked or scene.now < 0.5 * scene.length or (task in WATCHING and scene.film is None):
                continue
        return scene
    raise NoClip(f"no scene for {task}")
