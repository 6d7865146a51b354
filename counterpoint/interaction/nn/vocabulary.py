"""The native model's 1,024 tokens: controls, letters, words, and free places for later stages.

Token ids are part of every checkpoint: words are only ever appended, never moved.
"""

# ruff: noqa: SIM905  (word lists read best as text)

from __future__ import annotations

SIZE = 1024
PAD = 0

CONTROLS = (
    "<pad>", "<unknown>", "<stop>", "<delegate>", "<amend>", "<withdraw>", "<end>", "<yield>",
    "<result>", "<partial>", "<progress>", "<failure>", "<correction>", "<instruction>", "<typed>", "<done>",
    "<start>", "<backchannel>",
)  # fmt: skip
CONTROL_PLACES = 48

OBJECTS = (
    "ball book cup door dog cat fish bird horse tree flower apple bread water milk coffee table chair window garden "
    "house river mountain train car bus plane ship shoe hat key lamp phone clock letter music"
).split()
COLOURS = "red blue green yellow black white orange purple".split()
ACTIONS = "run jump walk swim dance sing sleep climb".split()
NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
).split()
TENS = "thirty forty fifty sixty seventy eighty ninety hundred".split()
CITIES = "paris rome london berlin tokyo".split()
NAMES = "anna tom peter mary".split()
FUNCTION = (
    "when i say you hear please each time if then in seconds second every look at the a and see there is my new "
    "here tell me about what comes after before plus colour count to up stop wait okay yeah right uh huh good "
    "really story name of find out search for weather price never mind cancel that forget it hello morning thank "
    "are how where do not now like we want saying number long let them come end check fine am welcome once was "
    "happy went saw said home day far away very big little old with his one by"
).split()
NOTES = (
    "degrees sunny cloudy rainy windy cold warm hot today tomorrow tonight monday tuesday wednesday thursday friday "
    "saturday sunday minutes hours platform leaves arrives late early open closed costs euros dollars from at on "
    "will be rain snow wind sun clear north south east west street station airport hotel museum centre left next "
    "last first half past quarter noon midnight free full no yes none found nothing sorry could results answer has "
    "have its this these two or but still only almost ready delayed minute hour year years old born people million "
    "thousand tall high deep wide metres kilometres capital country king queen president written team won lost game "
    "score goals points match ticket seats gate bag doctor nurse school teacher student office shop market bridge "
    "church park lake sea island beach forest field road corner light fast slow sweet salt soup fruit lemon cake "
    "tea wine rice egg meat"
).split()

SIGHTS = "start times many squat lift kick bend wave".split()

CONTENT = tuple(OBJECTS + COLOURS + ACTIONS)
LETTERS = tuple("bcdefghjklmnopqrstuvwxyz")  # "a" and "i" are words as well


def _tokens() -> list[str]:
    tokens = list(CONTROLS) + [f"<control-{n}>" for n in range(len(CONTROLS), CONTROL_PLACES)]
    seen = set(tokens)
    for group in (OBJECTS, COLOURS, ACTIONS, NUMBERS, TENS, CITIES, NAMES, FUNCTION, LETTERS, NOTES, SIGHTS):
        for word in group:
            if word not in seen:
                seen.add(word)
                tokens.append(word)
    return tokens + [f"<free-{n}>" for n in range(len(tokens), SIZE)]


TOKENS: tuple[str, ...] = tuple(_tokens())
IDS: dict[str, int] = {token: index for index, token in enumerate(TOKENS)}
UNKNOWN = IDS["<unknown>"]
TAKEN = TOKENS.index(next(token for token in TOKENS if token.startswith("<free")))
"""Tokens in use; those from here on are free."""
USED = -(-TAKEN // 64) * 64
"""Tokens that have logits: those in use, rounded up to 64."""


def encode(text: str) -> list[int]:
    """Token ids of a space-separated phrase; words outside the vocabulary become `<unknown>`."""
    return [IDS.get(word, UNKNOWN) for word in text.split()]


def decode(ids: list[int]) -> str:
    """The phrase of the ids, padding left out."""
    return " ".join(TOKENS[i] for i in ids if i != PAD)


def is_word(token: int) -> bool:
    """Whether the token is spoken (neither padding nor a control)."""
    return token >= CONTROL_PLACES


_QUICK = frozenset("a i the to is in of and my it at you me an by on".split())


def beats_to_say(token: int) -> int:
    """Beats of 200 ms that saying the token takes: the pace at which the model's own words follow each other."""
    word = TOKENS[token]
    if word.startswith("<") or word in _QUICK:
        return 1
    return 2 if len(word) <= 6 else 3
