"""Tasks for eyes: counting what somebody does, calling when they start and stop, telling of what appears; each with its film and its oracle.

What can be known only from pictures is asked for from the first picture that shows it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from counterpoint.interaction.nn import vocabulary as v
from training import phrases
from training.bodies import AHEAD, UNSEEN, Body, View
from training.pictures import Film, Repetition, Thing
from training.scene import NoClip, Scene
from training.speakers import Speaker

KINDS, VIEWS = "kinds", "views"
"""What may be unseen of a scene: movements and pairs of colour and thing, or camera angles."""
MOST = 20
"""Repetitions that there are numbers for."""
NOTICED = 0.12
"""Share of a repetition after which one sees that it has begun."""
TOLD_APART = 0.4
"""Share after which one sees that it is this movement and no other."""
_PLACES = [(x, y) for x in (0.2, 0.5, 0.8) for y in (0.27, 0.73)]


def film(scene: Scene, movements: tuple[str, ...] = (), person: bool = True) -> Film:
    """A film of nothing yet: camera, body, light. The side from which `movements` cannot be seen is avoided."""
    rng, unseen = scene.rng, scene.unseen == VIEWS
    low = 20.0 if any(each in AHEAD for each in movements) else 0.0
    high = 60.0 if any(each not in AHEAD for each in movements) else 80.0
    near = rng.random() < (30 - low) / (30 - low + high - 50)
    turn = rng.uniform(32, 48) if unseen else rng.uniform(low, 28) if near else rng.uniform(52, high)
    scale = rng.uniform(0.55, 0.85)
    return Film(
        person=person,
        view=View(
            turn * rng.choice([-1, 1]),
            rng.uniform(15, 28) if unseen else rng.uniform(-3, 12),
            (rng.uniform(0.38, 0.62), rng.uniform(0.5, 0.58)),
            scale,
        ),
        body=Body(
            leg=rng.uniform(0.42, 0.52),
            torso=rng.uniform(0.29, 0.36),
            arm=rng.uniform(0.32, 0.42),
            shoulders=rng.uniform(0.07, 0.13),
            hips=rng.uniform(0.04, 0.08),
            head=rng.uniform(0.05, 0.085),
            thick=rng.uniform(1.0, 2.6),
            sway=rng.uniform(0, 4),
        ),
        offset=rng.uniform(0, 0.19),
        lost=rng.uniform(0.02, 0.15) if rng.random() < 0.25 else 0.0,
        noise=rng.uniform(0, 12),
        shaking=rng.uniform(0, 0.5) if rng.random() < 0.5 else 0.0,
        light=rng.uniform(0.85, 1.1),
        seed=int(rng.integers(2**31)),
    )


def bout(
    scene: Scene, movement: str, begin: float, count: int, seconds: float, rests: bool = False
) -> list[Repetition]:
    """Repetitions one after the other, none the same; as many as there is time for."""
    rng, found, sides = scene.rng, list[Repetition](), scene.rng.random() < 0.5
    side, peak, now = bool(rng.random() < 0.5), rng.uniform(0.4, 0.6), begin
    while len(found) < count:
        end = now + float(np.clip(seconds * np.exp(rng.normal(0, 0.08)), 0.82, 2.6))
        if end > scene.length - 1.5:
            break
        size = rng.uniform(0.85, 1.05)
        found.append(Repetition(movement, now, end, side ^ (sides and len(found) % 2 == 1), peak, size))
        now = end + (rng.uniform(0.3, 1.5) if rests and rng.random() < 0.3 else 0.0)
    return found


def _movement(scene: Scene) -> str:
    return str(scene.rng.choice(UNSEEN if scene.unseen == KINDS else phrases.MOVES))


def _another(scene: Scene, movement: str) -> str:
    return str(scene.rng.choice([each for each in phrases.MOVES if each != movement]))


def _request(scene: Scene, speaker: Speaker, kind: str, movement: str) -> bool:
    """Asks about the movement, by name or not; whether by name."""
    named = movement in phrases.MOVES and scene.rng.random() < 0.6
    scene.say(speaker.say(kind, M=movement) if named else speaker.say(f"{kind} all"))
    return named


def _talk(scene: Scene, speaker: Speaker, begin: float, end: float, chance: float) -> None:
    """Now and then somebody says something in between that asks for nothing."""
    if scene.rng.random() < chance and end - begin > 3.5:
        scene.now = scene.rng.uniform(begin, end - 3.0)
        scene.say(speaker.say("mention"))


def counting(scene: Scene, speaker: Speaker) -> None:
    """ "Count how many times i jump": the running number at the end of every repetition. Sometimes something else is done before, or "stop" is said."""
    movement = _movement(scene)
    other = _another(scene, movement)
    drawn, done = film(scene, (movement, other)), list[Repetition]()
    scene.pause(0.1, 1.0)
    while scene.room(9.0) or not done:
        named = _request(scene, speaker, "tally", movement)
        seconds, begin = scene.rng.uniform(0.9, 2.3), scene.now + scene.rng.uniform(0.5, 2.0)
        if named and scene.rng.random() < 0.3:
            before = bout(scene, other, begin, int(scene.rng.integers(1, 4)), seconds)
            done += before
            begin = before[-1].end + scene.rng.uniform(0.4, 1.2) if before else begin
        counted = bout(scene, movement, begin, int(scene.rng.integers(3, MOST + 1)), seconds, scene.rng.random() < 0.4)
        if len(counted) < 2:
            raise NoClip
        done += counted
        until = _told_to_stop(scene, speaker, counted) if scene.rng.random() < 0.15 else scene.beats
        _tally(scene, drawn, [each for each in counted if drawn.beat(each.end) < until])
        if until == scene.beats:
            _talk(scene, speaker, begin, counted[-1].end, 0.3)
        scene.now = counted[-1].end + scene.rng.uniform(1.0, 3.0)
    scene.film = replace(drawn, repetitions=tuple(done))


def _tally(scene: Scene, drawn: Film, counted: list[Repetition]) -> None:
    """The running number at the end of each."""
    for number, each in enumerate(counted, 1):
        scene.ask(drawn.beat(each.end), [v.IDS[v.NUMBERS[number]]], "tally", (number,))


def _told_to_stop(scene: Scene, speaker: Speaker, counted: list[Repetition]) -> int:
    """From which beat on nothing is counted any more."""
    scene.now = float(scene.rng.choice([each.end for each in counted])) + 0.4
    placed = scene.say(speaker.say("stop"))
    scene.ask(placed.labels[-1], [], "stop")
    return placed.labels[0]


def calling(scene: Scene, speaker: Speaker) -> None:
    """ "Say start when i jump and say stop when i do not": both words as soon as it can be seen, among other movements if it was named."""
    movement = _movement(scene)
    other = _another(scene, movement)
    drawn, done = film(scene, (movement, other)), list[Repetition]()
    scene.pause(0.1, 1.0)
    named = _request(scene, speaker, "call", movement)
    begin = scene.now + scene.rng.uniform(0.6, 2.5)
    while begin < scene.length - 6.0:
        seconds = scene.rng.uniform(0.9, 2.0)
        if named and scene.rng.random() < 0.5:
            before = bout(scene, other, begin, int(scene.rng.integers(1, 4)), seconds)
            done += before
            begin = before[-1].end + scene.rng.uniform(0.5, 1.5) if before else begin
        acted = bout(scene, movement, begin, max(2, round(scene.rng.uniform(2.5, 10) / seconds)), seconds)
        if len(acted) < 2:
            break
        done += acted
        last = acted[-1].end
        call(scene, drawn, acted, named)
        _talk(scene, speaker, begin, last, 0.2)
        scene.now = last
        begin = last + scene.rng.uniform(1.6, 5.0)
    if not done or not any(demand.category == "call" for demand in scene.demands):
        raise NoClip
    scene.film = replace(drawn, repetitions=tuple(done))


def call(scene: Scene, drawn: Film, acted: list[Repetition], named: bool) -> None:
    """Start: when the first repetition shows, if one movement was named as that one. Stop: when a further one would have shown."""
    first, last = acted[0], acted[-1]
    noticed = (TOLD_APART if named else NOTICED) * (first.end - first.begin)
    scene.ask(drawn.beat(first.begin + noticed), [v.IDS["start"]], "call")
    noticed = NOTICED * (last.end - last.begin)
    scene.ask(drawn.beat(last.end + noticed + 0.1), [v.IDS["stop"]], "call")


def looking(scene: Scene, speaker: Speaker) -> None:
    """ "Tell me when you see a red ball": told as soon as it appears; other things are not."""
    drawn = film(scene, person=bool(scene.rng.random() < 0.2))
    wishes, things = list[tuple[str, dict[str, str]]](), list[Thing]()
    scene.pause(0.1, 1.0)
    scene.now = _appear(scene, drawn, wishes, things, scene.now, int(scene.rng.integers(0, 2)))
    while scene.room(6.0):
        if not wishes or (len(wishes) < 3 and scene.rng.random() < 0.22):
            _wish(scene, speaker, wishes)
        elif scene.rng.random() < 0.12:
            scene.say(speaker.say("mention"))
        scene.now = _appear(scene, drawn, wishes, things, scene.now, int(scene.rng.integers(1, 4)))
    if not scene.demands:
        raise NoClip
    scene.film = replace(drawn, things=tuple(things))


def _wish(scene: Scene, speaker: Speaker, wishes: list[tuple[str, dict[str, str]]]) -> None:
    """Asks for something to be told when it appears. Only who asks first may want to be told of everything."""
    kinds, shares = ("look out", "look out thing", "look out colour", "name all"), np.array([0.46, 0.2, 0.2, 0.14])
    kind = str(scene.rng.choice(kinds, p=shares)) if not wishes else str(scene.rng.choice(kinds[:3]))
    wishes.append((kind, scene.say(speaker.say(kind)).utterance.slots))
    scene.now += 0.6


def both(scene: Scene, speaker: Speaker) -> None:
    """Counting and looking out in one conversation, by turns, whichever comes first."""
    movement = _movement(scene)
    drawn, done = film(scene, (movement,)), list[Repetition]()
    wishes, things = list[tuple[str, dict[str, str]]](), list[Thing]()
    count = bool(scene.rng.random() < 0.5)
    scene.pause(0.1, 1.0)
    while scene.room(6.5):
        if count:
            _request(scene, speaker, "tally", movement)
            begin = scene.now + scene.rng.uniform(0.5, 1.5)
            counted = bout(scene, movement, begin, int(scene.rng.integers(2, 7)), scene.rng.uniform(0.9, 2.0))
            if len(counted) < 2:
                break
            done += counted
            _tally(scene, drawn, counted)
            scene.now = counted[-1].end + scene.rng.uniform(0.6, 1.5)
        else:
            if not wishes or scene.rng.random() < 0.5:
                _wish(scene, speaker, wishes)
            scene.now = _appear(scene, drawn, wishes, things, scene.now, int(scene.rng.integers(1, 5)))
            scene.now += 0.8
        count = not count
    if len({demand.category for demand in scene.demands}) < 2:
        raise NoClip
    scene.film = replace(drawn, repetitions=tuple(done), things=tuple(things))


def _appear(
    scene: Scene, drawn: Film, wishes: list[tuple[str, dict[str, str]]], things: list[Thing], now: float, count: int
) -> float:
    """Things appear one after the other; the ones that are wished for are told. When the last of them has been."""
    for _ in range(count):
        now += scene.rng.uniform(0.3, 2.0)
        lasts = scene.rng.uniform(1.4, 4.5)
        if now + 2.0 > scene.length:
            return now
        colour, kind = _pair(scene, wishes)
        if not place(scene.rng, things, colour, kind, now, now + lasts):
            continue
        words = told(wishes, colour, kind)
        if words:
            scene.ask(drawn.beat(now), [v.IDS[word] for word in words], "sight", (v.IDS[colour], v.IDS[kind]))
        now += 1.2 if words else 0.4
    return now


def place(rng: np.random.Generator, things: list[Thing], colour: str, kind: str, begin: float, end: float) -> bool:
    """Puts one more thing somewhere, unless there is no room, or one like it."""
    around = [each for each in things if each.end > begin - 0.5 and each.begin < end]
    free = [spot for spot in _PLACES if spot not in [each.place for each in around]]
    if not free or (colour, kind) in [(each.colour, each.kind) for each in around]:
        return False
    spot = free[int(rng.integers(len(free)))]
    drift = (0.0, 0.0) if rng.random() < 0.6 else (rng.uniform(-0.03, 0.03), rng.uniform(-0.03, 0.03))
    things.append(Thing(kind, colour, begin, end, spot, rng.uniform(0.09, 0.16), drift))
    return True


def _pair(scene: Scene, wishes: list[tuple[str, dict[str, str]]]) -> tuple[str, str]:
    """A colour and a thing; often those that are wished for, or nearly."""
    pairs = [
        (colour, kind)
        for colour in v.COLOURS
        for kind in phrases.THINGS
        if phrases.held_thing(colour, kind) == (scene.unseen == KINDS)
    ]
    if wishes and scene.rng.random() < 0.7:
        _, slots = wishes[int(scene.rng.integers(len(wishes)))]
        whole = scene.rng.random() < 0.45
        alike = [
            (colour, kind)
            for colour, kind in pairs
            if (colour == slots.get("C", colour) and kind == slots.get("D", kind))
            or (not whole and (colour == slots.get("C") or kind == slots.get("D")))
        ]
        pairs = alike or pairs
    return pairs[int(scene.rng.integers(len(pairs)))]


def told(wishes: list[tuple[str, dict[str, str]]], colour: str, kind: str) -> tuple[str, ...]:
    """What is said of a thing that appears; nothing where nobody asked for it. Of several wishes the first decides."""
    for wish, slots in wishes:
        if slots.get("C", colour) == colour and slots.get("D", kind) == kind:
            return (colour,) if wish == "look out colour" else (colour, kind)
    return ()


def something_on(scene: Scene) -> None:
    """A film that nobody asks about."""
    if scene.rng.random() < 0.5:
        drawn, things = film(scene, person=False), list[Thing]()
        _appear(scene, drawn, [], things, 0.0, 20)
        scene.film = replace(drawn, things=tuple(things))
        return
    movement, now, done = _movement(scene), scene.rng.uniform(0, 5), list[Repetition]()
    drawn = film(scene, (movement,))
    while now < scene.length - 5:
        done += bout(scene, movement, now, int(scene.rng.integers(2, 8)), scene.rng.uniform(0.9, 2.3))
        now = max([now, *(each.end for each in done)]) + scene.rng.uniform(1, 6)
    scene.film = replace(drawn, repetitions=tuple(done))


WATCHING = {"counting": counting, "calling": calling, "looking": looking, "both": both}
