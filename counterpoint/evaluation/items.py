"""Evaluation items: what a person says to a model and when, and what is expected of it. A folder of JSON and WAV files.

`docs/evaluation.md` describes the format. Items know no model; times are seconds from the item's beginning.
"""

import enum
from pathlib import Path
from typing import Final

import msgspec

from counterpoint.errors import ConfigurationError
from counterpoint.shared_context.notes import NoteKind

LONGEST_SECONDS: Final = 600.0
"""An item that is longer belongs into a test of endurance."""


class Suite(enum.Enum):
    """WORDS: is the person heard. CUESPEAK, TIMESPEAK: the right word at the right moment. REPCOUNT: repetitions are
    counted aloud. STARTSTOP: an action's begin and end are called. PAUC: what was asked about is told when it comes.
    DUPLEX: interruption, the person's pauses and backchannel, talk that is meant for others. DELEGATION: work is handed
    over and its result told.
    """

    WORDS = "words"
    CUESPEAK = "cuespeak"
    TIMESPEAK = "timespeak"
    REPCOUNT = "repcount"
    STARTSTOP = "startstop"
    PAUC = "pauc"
    DUPLEX = "duplex"
    DELEGATION = "delegation"


class Spoken(msgspec.Struct, frozen=True, omit_defaults=True):
    """A word of the person's and when it ends. `content`: it carries the meaning (not "the" or "when")."""

    word: str
    end: float
    content: bool = False


class Laid(msgspec.Struct, frozen=True, omit_defaults=True):
    """A note that the background model lays at `at`."""

    at: float
    text: str
    kind: NoteKind = NoteKind.RESULT


class Say(msgspec.Struct, frozen=True, tag="say", omit_defaults=True):
    """These words are said, each with its onset in [begin, end]. `due`: from when on, for latencies."""

    category: str
    begin: float
    end: float
    words: tuple[str, ...]
    due: float = 0.0


class Hand(msgspec.Struct, frozen=True, tag="hand over"):
    """Something is delegated in [begin, end]."""

    begin: float
    end: float


class Recite(msgspec.Struct, frozen=True, tag="recite", omit_defaults=True):
    """Exactly these words, in order and nothing else, are said in [begin, end]. `kind`: of what they are, counted apart
    as well.
    """

    begin: float
    end: float
    words: tuple[str, ...]
    kind: str = ""


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """Something is said in [begin, by], and nothing from then on up to `until`: the model stops speaking."""

    category: str
    begin: float
    by: float
    until: float


class GoOn(msgspec.Struct, frozen=True, tag="go on"):
    """Something is said in [begin, end]: the model goes on speaking."""

    category: str
    begin: float
    end: float


class Count(msgspec.Struct, frozen=True, tag="count"):
    """Repetitions are counted aloud. `cycles`: begin and end of each."""

    cycles: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if not self.cycles:
            raise ValueError("there is something to count")


class StartStop(msgspec.Struct, frozen=True, tag="start and stop"):
    """At `begin` the word "start" is said, at `end` the word "stop"."""

    begin: float
    end: float


class Answer(msgspec.Struct, frozen=True, tag="answer", omit_defaults=True):
    """What was asked about comes in `related`, and may be told in `reply`. `facts`: what a whole answer says, each with
    the words that do for it, any one of them.
    """

    related: tuple[float, float]
    reply: tuple[float, float]
    facts: tuple[tuple[str, ...], ...]
    category: str = "answer"


class Turn(enum.Enum):
    """END: the person has said what they wanted. PAUSE: they only paused before, and `at` is the end of all of it.
    INTERRUPTION: they spoke while the model did.
    """

    END = "end"
    PAUSE = "pause"
    INTERRUPTION = "interruption"


class TakeOver(msgspec.Struct, frozen=True, tag="take over"):
    """The model speaks at length once the person has ended at `at`; after a PAUSE, not before."""

    turn: Turn
    at: float


class Murmur(msgspec.Struct, frozen=True, tag="backchannel"):
    """The model says something short now and then, and never takes over. `reference`: how often people do, over the
    item in bins of any length.
    """

    reference: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.reference or min(self.reference) < 0:
            raise ValueError("the reference of a backchannel has shares, none below 0")


class Scenario(enum.Enum):
    """Who speaks over the model, and whether that is meant for it (only an interruption is)."""

    INTERRUPTION = "interruption"
    BACKCHANNEL = "backchannel"
    SIDE_TALK = "talking to others"
    BACKGROUND = "background speech"


class Overlap(msgspec.Struct, frozen=True, tag="overlap"):
    """Somebody speaks in [begin, end] while the model does. `about`: words of the overlap, and of what answers it."""

    scenario: Scenario
    begin: float
    end: float
    about: tuple[str, ...]


Expected = Say | Hand | Recite | Stop | GoOn | Count | StartStop | Answer | TakeOver | Murmur | Overlap


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """`split`: how far the voice, or what is seen, is from what the model knows. `sound`: a WAV file beside it.
    `clean`: the same without the overlap. `frames`: a file of pictures beside it, `frame_rate` a second. `speaking`:
    when the person speaks, for the baseline that waits for the end of a turn.
    """

    id: str
    suite: Suite
    split: str
    seconds: float
    sound: str = ""
    clean: str = ""
    frames: str = ""
    frame_rate: float = 5.0
    voice: str = ""
    words: tuple[Spoken, ...] = ()
    notes: tuple[Laid, ...] = ()
    speaking: tuple[tuple[float, float], ...] = ()
    expect: tuple[Expected, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= LONGEST_SECONDS:
            raise ValueError(f"an item lasts more than 0 and at most {LONGEST_SECONDS:g} s, not {self.seconds}")
        if not 0 < self.frame_rate <= 60:
            raise ValueError(f"more than 0 and at most 60 frames a second, not {self.frame_rate}")
        if not (self.expect or (self.words and self.suite is Suite.WORDS)):
            raise ValueError("an item expects something")
        if any("/" in file or "\\" in file for file in (self.sound, self.clean, self.frames)):
            raise ValueError("sounds and frames lie beside the item: file names without a folder")
        if sum(isinstance(each, StartStop | Overlap) for each in self.expect) > 1:
            raise ValueError("an item has one action that starts and stops, or one overlap")


SPLITS: Final = (
    *("seen voices", "unseen variants", "unseen voices", "unseen synthesizers"),
    *("seen kinds", "unseen kinds", "unseen views"),
)

COMES_ALONG: Final = Path(__file__).parent / "thirty"
"""Thirty items that are part of the package."""


def load_items(folder: Path) -> tuple[Item, ...]:
    """Every item of `folder/items.json`. Raises `ConfigurationError` that names what is wrong with which item."""
    file = folder / "items.json"
    try:
        rows = msgspec.json.decode(file.read_bytes(), type=list[msgspec.Raw])
    except FileNotFoundError as error:
        raise ConfigurationError(f"there are no items in {folder}: items.json is missing") from error
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigurationError(f"{file} cannot be read as a list of items: {error}") from error
    items: list[Item] = []
    for number, row in enumerate(rows):
        try:
            items.append(msgspec.json.decode(row, type=Item))
        except msgspec.MsgspecError as error:
            raise ConfigurationError(f"item {number} of {file}: {error}") from error
    if len({item.id for item in items}) < len(items):
        raise ConfigurationError(f"{file}: two items have the same id")
    return tuple(items)


def save_items(items: tuple[Item, ...], folder: Path) -> None:
    """One line an item."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = b",\n".join(msgspec.json.encode(item) for item in items)
    (folder / "items.json").write_bytes(b"[\n" + rows + b"\n]\n")
