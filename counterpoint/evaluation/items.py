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
    """WORDS: is the person heard. CUESPEAK, TIMESPEAK: the right word at the right moment. DELEGATION: work is handed
    over and its result told. DUPLEX: interruption, the person's backchannel, and talk that is meant for others.
    """

    WORDS = "words"
    CUESPEAK = "cuespeak"
    TIMESPEAK = "timespeak"
    DELEGATION = "delegation"
    DUPLEX = "duplex"


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


class Recite(msgspec.Struct, frozen=True, tag="recite"):
    """Exactly these words, in order and nothing else, are said in [begin, end]."""

    begin: float
    end: float
    words: tuple[str, ...]


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


Expected = Say | Hand | Recite | Stop | GoOn


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """`split`: how far the voice is from those that the model knows. `sound`: a WAV file beside it. `speaking`: when
    the person speaks, for the baseline that waits for the end of a turn.
    """

    id: str
    suite: Suite
    split: str
    seconds: float
    sound: str = ""
    voice: str = ""
    words: tuple[Spoken, ...] = ()
    notes: tuple[Laid, ...] = ()
    speaking: tuple[tuple[float, float], ...] = ()
    expect: tuple[Expected, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= LONGEST_SECONDS:
            raise ValueError(f"an item lasts more than 0 and at most {LONGEST_SECONDS:g} s, not {self.seconds}")
        if not (self.expect or (self.words and self.suite is Suite.WORDS)):
            raise ValueError("an item expects something")
        if "/" in self.sound or "\\" in self.sound:
            raise ValueError("the sound lies beside the item: a file name without a folder")


SPLITS: Final = ("seen voices", "unseen variants", "unseen voices", "unseen synthesizers")

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
