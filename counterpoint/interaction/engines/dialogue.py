"""The stream's own record of the dialogue: what a new streaming session is made from at a roll-over. Bounded.

Knows texts and who they belong to; the log of the conversation is kept elsewhere, whole.
"""

import enum
from collections.abc import Callable, Iterable, Sequence

import msgspec

from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.escaping import escape_control, one_line, shorten
from counterpoint.shared_context.package import ContextPackage, Speaker, Work

REMEMBERED_TURNS = 200
"""Turns kept verbatim; older ones live on in the account."""

LONGEST_ACCOUNT = 3_000
"""Characters of the account of what came before."""

LONGEST_TURN = 4_000
"""Characters that are kept of one turn: its beginning and its end."""

_ACCOUNT_LINE = 90


class Party(enum.Enum):
    """Whose turn it is, by the names that chat models give them; a remark is the runtime's."""

    PERSON = "user"
    AGENT = "assistant"
    REMARK = "system"


class DialogueTurn(msgspec.Struct, frozen=True):
    party: Party
    text: str


class Dialogue:
    """`earlier`: an account of what is no longer kept turn by turn. Its texts are harmless already: whoever adds one
    has escaped what came from outside.
    """

    def __init__(self, earlier: str = "", turns: Sequence[DialogueTurn] = ()) -> None:
        self.earlier = earlier
        self.turns: list[DialogueTurn] = list(turns)

    def add(self, party: Party, text: str) -> None:
        text = text.strip()
        if not text:
            return
        self.turns.append(DialogueTurn(party, excerpt(text, LONGEST_TURN)))
        if len(self.turns) > REMEMBERED_TURNS:
            half = REMEMBERED_TURNS // 2
            self.earlier = account_of(self.earlier, self.turns[:half])
            del self.turns[:half]

    def take_back(self, unheard: str) -> None:
        """The end of what the agent said was never heard: it was not said."""
        for at in range(len(self.turns) - 1, -1, -1):
            turn = self.turns[at]
            if turn.party is not Party.AGENT:
                continue
            if (kept := without_end(turn.text, unheard)) is not None:
                self.turns[at : at + 1] = [DialogueTurn(Party.AGENT, kept)] if kept else []
                return
            if (before := without_end(unheard, turn.text)) is None:
                return
            del self.turns[at]
            unheard = before

    def repeated(self, text: str) -> None:
        """What the person said last is coming in again: it is to stand here once."""
        at = len(self.turns) - 1
        while at >= 0 and self.turns[at].party is Party.REMARK:
            at -= 1
        if at >= 0 and self.turns[at].party is Party.PERSON:
            kept = without_end(self.turns[at].text, text)
            if kept is not None:
                self.turns[at : at + 1] = [DialogueTurn(Party.PERSON, kept)] if kept else []


def compacted(dialogue: Dialogue, budget: int, size: Callable[[str], int]) -> Dialogue:
    """The newest turns verbatim and an account of the rest, at most `budget` by `size` (tokens of a text)."""
    kept: list[DialogueTurn] = []
    left = budget - budget // 4
    for turn in reversed(dialogue.turns):
        cost = size(turn.text)
        if cost > left:
            break
        kept.append(turn)
        left -= cost
    if dialogue.turns and not kept:
        last = dialogue.turns[-1]
        kept.append(DialogueTurn(last.party, _fitting(last.text, left, size)))
    older = dialogue.turns[: len(dialogue.turns) - len(kept)]
    account = account_of(dialogue.earlier, older)
    while account and size(account) > budget // 4:
        account = account[-(len(account) * 3 // 4) :].partition("\n")[2]
    return Dialogue(account, kept[::-1])


def _fitting(text: str, budget: int, size: Callable[[str], int]) -> str:
    limit = 4 * budget
    while size(short := excerpt(text, limit)) > budget and limit > 4:
        limit = limit * 2 // 3
    return short


def account_of(earlier: str, turns: Iterable[DialogueTurn]) -> str:
    """One line a turn; the oldest lines fall away first."""
    lines = [earlier] if earlier else []
    names = {Party.PERSON: "Person", Party.AGENT: "You", Party.REMARK: "Remark"}
    lines += [f"{names[turn.party]}: {shorten(one_line(turn.text), _ACCOUNT_LINE)}" for turn in turns]
    account = "\n".join(lines)
    return account if len(account) <= LONGEST_ACCOUNT else account[-LONGEST_ACCOUNT:].partition("\n")[2]


def dialogue_of(package: ContextPackage) -> Dialogue:
    """The conversation so far: what was said, without what was never heard, and what became of the work."""
    dialogue = Dialogue(shorten(escape_control(package.earlier), LONGEST_ACCOUNT))
    for utterance in package.utterances:
        person = utterance.speaker is Speaker.PERSON
        heard = utterance.text if person or utterance.heard is None else utterance.text[: utterance.heard]
        dialogue.add(Party.PERSON if person else Party.AGENT, escape_control(heard))
    for work in package.work:
        dialogue.add(Party.REMARK, _work(work))
    return dialogue


def unanswered(package: ContextPackage) -> str:
    """The person's last line, if neither side has taken it up yet."""
    last = package.utterances[-1] if package.utterances else None
    if last is None or last.speaker is not Speaker.PERSON or any(work.asked >= last.first for work in package.work):
        return ""
    return last.text


def excerpt(text: str, limit: int) -> str:
    """A text's beginning and end, with the number of characters left out between them."""
    if len(text) <= limit:
        return text
    head, tail = limit * 3 // 4, limit // 4
    return f"{text[:head]} [… {len(text) - head - tail} characters left out …] {text[-tail:]}"


def without_end(text: str, end: str) -> str | None:
    """A text without its end; None if it ends otherwise. Whitespace does not count."""
    whole, tail = _dense(text), _dense(end)
    if not tail:
        return text
    return _prefix(text, len(whole) - len(tail)) if whole.endswith(tail) else None


def _work(work: Work) -> str:
    request = shorten(one_line(work.delegation.request), _ACCOUNT_LINE)
    if not work.state.settled:
        return f"Being looked into: “{request}”"
    found = next((note.text for note in reversed(work.notes) if note.kind in ("result", "correction")), "")
    reason = f" ({shorten(one_line(work.reason), _ACCOUNT_LINE)})" if work.reason else ""
    outcome = f": {shorten(one_line(found), 300)}" if found else reason
    state = "done" if work.state is DelegationState.DONE else work.state.value.replace("_", " ")
    return f"Looked into “{request}”, {state}{outcome}"


def _dense(text: str) -> str:
    """Without whitespace: texts are joined and cut with more or less of it."""
    return "".join(text.split())


def _prefix(text: str, dense: int) -> str:
    """The beginning of a text that holds so many characters besides whitespace."""
    seen = 0
    for at, character in enumerate(text):
        if seen == dense:
            return text[:at]
        seen += not character.isspace()
    return text
