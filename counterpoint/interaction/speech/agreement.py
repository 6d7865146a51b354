"""Which words of a recogniser's growing guesses are for good: those on which two guesses in a row agree. Pure."""

from collections.abc import Sequence

from counterpoint.interaction.speech.ears import HeardWord


class Agreement:
    """One stretch of speech, recognised again and again from its beginning."""

    def __init__(self) -> None:
        self._committed = 0
        self._before: list[str] = []

    def update(self, guess: Sequence[HeardWord], *, final: bool) -> tuple[list[HeardWord], str]:
        """Returns the words that are for good now and were not before, and the text of those that may change yet.

        `final`: no more sound belongs to the stretch, so that this guess is as good as it gets.
        """
        plain = [_plain(word.text) for word in guess]
        agreed = len(plain) if final else _common(self._before, plain)
        self._before = plain
        new = list(guess[self._committed : agreed])
        self._committed = max(self._committed, agreed)
        return new, " ".join(word.text for word in guess[self._committed :])


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    count = 0
    for mine, yours in zip(one, other, strict=False):
        if mine != yours:
            break
        count += 1
    return count


def _plain(word: str) -> str:
    return "".join(letter for letter in word.casefold() if letter.isalnum())
