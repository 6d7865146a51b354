"""From a step to what is kept of it: the log's entry, and the listener's micro-turn. Pure."""

from collections.abc import Sequence

from counterpoint.interaction.microturn import MicroTurn
from counterpoint.interaction.model import Perceived, Span
from counterpoint.interaction.weaver import Weaving
from counterpoint.shared_context.entries import Gap, Turn, Wake
from counterpoint.shared_context.expressed import Action, Boundary, Expressed, Floor, Voiced, Yield
from counterpoint.shared_context.ids import Beat, Position


def turn_of(
    span: Span,
    perceived: Perceived,
    weaving: Weaving,
    expressed: Expressed,
    voiced: tuple[Voiced, ...],
    wishes: Sequence[Action],
    arrived: tuple[Position, ...],
    wakes: tuple[Wake, ...],
) -> Turn:
    return Turn(
        part=span.part,
        span=span.beats,
        texts=perceived.texts,
        arrived=arrived,
        wakes=wakes,
        unheard=perceived.unheard,
        woven=tuple(offer.note.id for offer in weaving.offers),
        text=expressed.text,
        samples=len(expressed.audio) // 2,
        understood=expressed.understood,
        floor=expressed.floor,
        boundary=expressed.boundary,
        voiced=voiced,
        actions=tuple(wishes),
        unsaid=expressed.unsaid,
        flush=any(isinstance(each, Yield) for each in wishes),
        decisions=weaving.decisions,
    )


def micro_turn(
    turn: Turn, beat: Beat, weaving: Weaving, expressed: Expressed, floor: Floor, gap: Gap | None, late: float
) -> MicroTurn:
    return MicroTurn(
        beat=beat,
        part=turn.part,
        span=turn.span,
        text=turn.text,
        audio=expressed.audio,
        understood=turn.understood,
        floor=floor,
        boundary=turn.boundary,
        woven=tuple(offer.note for offer in weaving.offers),
        voiced=turn.voiced,
        actions=turn.actions,
        decisions=turn.decisions,
        unsaid=turn.unsaid,
        flush=turn.flush,
        gap=gap,
        late=late,
    )


class Recorder:
    """The log holds no empty micro-turns: only what is said, perceived, decided, or reported anew, and late steps."""

    def __init__(self, cadence: int) -> None:
        self._cadence = cadence
        self._floor: Floor | None = None
        self._boundary = Boundary.END

    def is_news(self, turn: Turn) -> bool:
        anew = turn.floor is not self._floor or turn.boundary is not self._boundary
        self._floor = turn.floor
        self._boundary = turn.boundary
        return anew or _says_something(turn) or (turn.part == 0 and turn.span != self._cadence)


def _says_something(turn: Turn) -> bool:
    return bool(
        turn.text
        or turn.texts
        or turn.arrived
        or turn.woven
        or turn.decisions
        or turn.actions
        or turn.voiced
        or turn.samples
        or turn.understood
        or turn.unheard
        or turn.unsaid
    )
