"""The resume token: with what a listener comes back to its conversation, on whatever host. Numbers and ids, no words.

It says how far the listener has played, never what was said: words are only taken from the log. It knows no timeline.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from typing import Annotated, Final

import msgspec

from counterpoint.errors import TokenRefused
from counterpoint.shared_context.ids import Beat, ConversationId, NoteId, SessionId

TOKEN_VERSION: Final = 1

LONGEST_TOKEN: Final = 16_384
"""Characters. With as many notes as a listener remembers a token has about 4,000."""

MOST_NOTES: Final = 256

_GREATEST = 2**53 - 1
"""The greatest whole number that is the same in JavaScript."""

_Count = Annotated[int, msgspec.Meta(ge=0, le=_GREATEST)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]


class ResumeToken(msgspec.Struct, frozen=True, omit_defaults=True):
    """The listener has played the micro-turn (`beat`, `part`) of `session` up to `words` words or `samples` samples of
    it (neither: all of it), and nothing that came after. `beat=None`: it has played nothing yet.

    `notes`: up to where each note was heard, in characters (Unicode code points) of the note's text.
    """

    conversation: ConversationId
    session: SessionId
    beat: Beat | None = None
    part: int = 0
    words: int | None = None
    samples: int | None = None
    notes: dict[NoteId, int] = {}
    version: int = TOKEN_VERSION

    def encode(self) -> str:
        """The token as a client carries it: JSON in URL-safe base64, without padding."""
        return urlsafe_b64encode(msgspec.json.encode(self)).rstrip(b"=").decode()

    @staticmethod
    def decode(text: str) -> "ResumeToken":
        """The token in a text. Raises `TokenRefused` for anything else, and for a token of a newer version."""
        if len(text) > LONGEST_TOKEN:
            raise TokenRefused(f"a resume token has up to {LONGEST_TOKEN} characters, this one has {len(text)}")
        try:
            raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
            version = _versions.decode(raw).version
        except (NotBase64, ValueError, msgspec.MsgspecError, RecursionError) as error:
            raise TokenRefused(f"this is no resume token: {error}") from error
        if version > TOKEN_VERSION:
            raise TokenRefused(f"a resume token of version {version}; this host reads up to {TOKEN_VERSION}")
        try:
            return _taken(_tokens.decode(raw))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise TokenRefused(f"a resume token with malformed contents: {error}") from error


class _Version(msgspec.Struct):
    version: Annotated[int, msgspec.Meta(ge=1)] = 1


class _Sent(msgspec.Struct):
    """A token as it comes from outside: everything within bounds."""

    conversation: _Id
    session: _Id
    beat: _Count | None = None
    part: _Count = 0
    words: _Count | None = None
    samples: _Count | None = None
    notes: Annotated[dict[_Id, _Count], msgspec.Meta(max_length=MOST_NOTES)] = {}


_versions = msgspec.json.Decoder(_Version)
_tokens = msgspec.json.Decoder(_Sent)


def _taken(sent: _Sent) -> ResumeToken:
    return ResumeToken(
        ConversationId(sent.conversation),
        SessionId(sent.session),
        None if sent.beat is None else Beat(sent.beat),
        sent.part,
        sent.words,
        sent.samples,
        {NoteId(note): heard for note, heard in sent.notes.items()},
    )
