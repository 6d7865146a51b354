"""When a guess of Whisper's is made up: it writes words for noise, and repeats itself. Pure."""

from collections.abc import Sequence
from typing import Final

NOT_SPEECH: Final = 0.8
LEAST_LIKELY: Final = -2.6
"""Above this chance of no speech, below this mean log probability of its tokens, a guess is made up. "Hmm", rightly
heard, is at 0.64 and -2.3; silence and noise at 0.94 and above.
"""

WORDS_A_SECOND: Final = 6
"""Nobody speaks faster: a longer guess is Whisper repeating itself."""


def too_many(words: Sequence[str], seconds: float) -> bool:
    return len(words) > 3 + WORDS_A_SECOND * seconds
