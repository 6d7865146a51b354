"""Turn decisions for models that were not trained for duplex: the harness, named as what it is.

Pure functions on what the person says. They are heuristics for English: short lists of phrases, no understanding. A
model trained for interaction needs none of them.
"""

import enum
import re
from collections.abc import Sequence

import msgspec


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


_BACKCHANNELS = _words(
    "ok okay k mhm mm mmhm hm hmm uh uhuh uhhuh aha ah oh yes yeah yep yup right sure good great nice cool wow really",
    "alright exactly true indeed fine",
) | {"i see", "got it", "go on", "all right", "uh huh", "mm hm", "makes sense", "of course", "go ahead"}

_GREETINGS = re.compile(
    r"^(hi|hey|hello|good (morning|afternoon|evening|night)|bye|goodbye|see you|thanks|thank you|cheers|welcome"
    r"|nice to meet you|how are you|how ?i?s it going|what ?i?s up|who are you|what ?i?s your name"
    r"|what can you do|are you (there|real|human|a (bot|robot|machine|human|person)|an ai)|can you hear me)\b"
)
_PLAY = re.compile(r"\b(joke|story|poem|sing|riddle)\b")
_REQUEST_WORDS = _words(
    "what whats when whens where wheres who whos whose whom which why how hows is are was were do does did can could",
    "will would should shall has have had find look search check tell show give get book list compare explain",
    "summarize summarise calculate count read open translate recommend suggest remind order reserve fetch research",
    "report write describe name convert define cancel",
)
_WISHES = re.compile(
    r"\b(please|i need|i want|i wanted|i[’']d like|i would like|i[’']m looking for|let me know|can you|could you"
    r"|would you|will you|do you know|tell me|show me|find out|look up|look for|any idea|i wonder)\b"
)
_CORRECTION = re.compile(
    r"^((no|sorry|wait|oh)[,.!]? +)*"
    r"(actually|i mean|i meant|i was asking|make (it|that)|rather|instead|correction|not \w+, |no[,.!] +\w)"
)
_CALL_OFF = re.compile(
    r"^((no|ok|okay|oh|actually|well|wait|please|ah|hmm|just)[,.!]? +)*"
    r"(never ?mind|forget (it|that|the|my|about)|don[’']?t bother|(drop|skip|stop) (it|that|the|looking|searching)"
    r"|cancel(?=$|[,.;!]| (it|that|this|the)\b)|no need|scratch that|call it off|leave it)\b"
)
_STOP = re.compile(
    r"^((no|ok|okay|please|wait) )*((?P<stop>stop)|be quiet|quiet|shut up|enough|hold on|wait|one moment|just)"
    r"( (please|it|talking|a|one|second|sec|moment|minute))*$"
)
_PROMISE = re.compile(
    r"\b(let me (check|look|see|find|search)|i(’|')?(ll| will) (check|look|find|search|get back)|one moment while i"
    r"|i(’|'| a)m (checking|looking))\b"
)
_NEXT = re.compile(r"[,.;!?]|\b(and|but|just|tell|show|instead|can|could|please)\b")
_LEAD = re.compile(r"^((no|oh|well|ok|okay)[,.! ]+)+")
_EMPTY_WORDS = _words(
    "a an the of for to in on at and or is are was it that this my me i you please about what which how when where do",
    "does can could find tell search look up one thing from with",
)
_CONJUNCTIONS = _words("and so but then also ok okay well now hi hey hello thanks")
_STEM = 6
_EMPTY_STEMS = frozenset(word.rstrip("s")[:_STEM] for word in _EMPTY_WORDS)


class Overlap(enum.Enum):
    """What the person's words mean for an agent who is speaking."""

    GO_ON = "go_on"
    UNDECIDED = "undecided"
    STOP = "stop"


def overlap(text: str, *, done: bool) -> Overlap:
    """`text`: what the person has said since the agent began to speak. `done`: the line is over."""
    words = _plain(text)
    if not words:
        return Overlap.GO_ON if done else Overlap.UNDECIDED
    if done:
        return Overlap.GO_ON if is_backchannel(text) else Overlap.STOP
    begun = all(word in _BACKCHANNELS for word in words.split()[:-1]) or words in _BACKCHANNELS
    possible = any(each.startswith((words, words.split()[-1])) for each in _BACKCHANNELS)
    return Overlap.UNDECIDED if begun and possible and len(words) <= 24 else Overlap.STOP


def is_backchannel(text: str) -> bool:
    """A short sign of listening ("mhm, right") that asks for nothing."""
    words = _plain(text)
    if "?" in text or not words:
        return False
    return words in _BACKCHANNELS or (len(words) <= 24 and all(word in _BACKCHANNELS for word in words.split()))


def stops_at_clause(overlapped: str) -> bool:
    """Between the clauses of forced speech: does the agent let the person finish what may become more than "ok"?"""
    return bool(_plain(overlapped)) and not is_backchannel(overlapped)


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """The model answers the line itself."""


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    """The line is handed to the background model, in the person's own words."""

    request: str


class Correct(msgspec.Struct, frozen=True, tag="correct"):
    """The line corrects what was asked before."""

    text: str


class CallOff(msgspec.Struct, frozen=True, tag="call_off"):
    """The person no longer wants it. `rest`: what else the line says, to be taken as a line of its own."""

    reason: str
    rest: str = ""


class Quiet(msgspec.Struct, frozen=True, tag="quiet"):
    """Nothing need be said: the person wanted the agent to stop, or only nodded."""


Reply = Answer | Ask | Correct | CallOff | Quiet


def reply_to(
    line: str, *, live: bool = False, asked: bool = False, cut: bool = False, questioned: bool = False
) -> Reply:
    """What a completed line calls for where the harness delegates ("questions").

    `live`: something is being looked into. `asked`: the person's last line was handed on. `cut`: this one cut short
    what the agent was telling. `questioned`: the agent's last words were a question.
    """
    text = line.strip()
    plain = text.casefold()
    if live and (match := _CALL_OFF.match(plain)):
        rest = _rest_of(text, match.end())
        return CallOff(text[: len(text) - len(rest)].strip(), rest)
    if stop := _STOP.match(_plain(text)):
        return CallOff(text) if live and not cut and stop["stop"] else Quiet()
    if is_backchannel(text):
        return Answer() if questioned else Quiet()
    if is_small_talk(_LEAD.sub("", plain)):
        return Answer()
    if (live or asked) and _CORRECTION.match(plain):
        return Correct(text)
    return Ask(text) if asks(text) else Answer()


def asks(line: str) -> bool:
    """The line asks for something: a question mark, a question word or a request at a sentence's beginning, a wish."""
    if "?" in line or "？" in line:
        return True
    plain = line.strip().casefold()
    if _WISHES.search(plain):
        return True
    sentences = (_plain(sentence).split() for sentence in re.split(r"[.!;,]+", plain))
    return any(_leading(words) in _REQUEST_WORDS for words in sentences)


def is_small_talk(line: str) -> bool:
    """Greetings, thanks, questions about the agent, requests for a joke: whatever needs no looking up."""
    plain = _plain(line)
    greeting = _GREETINGS.match(plain)
    if greeting is None:
        return is_backchannel(line) or (_PLAY.search(plain) is not None and len(plain.split()) <= 10)
    rest = plain[greeting.end() :].strip()
    return not rest or is_small_talk(rest) or (len(rest.split()) <= 5 and not asks(rest))


def promises(said: str) -> bool:
    """The agent has said that it is looking into something: there must be a delegation behind it."""
    return _PROMISE.search(said.casefold()) is not None


def meant(words: str, live: Sequence[str]) -> int | None:
    """Which of the live requests the person's words name; None if none more than the others (then: the last one)."""
    named = _content(words)
    shared = [len(named & _content(request)) for request in live]
    best = max(shared, default=0)
    return shared.index(best) if best > 0 and shared.count(best) == 1 else None


def same(one: str, other: str) -> bool:
    """Two requests are the same but for case, spacing and the last mark."""
    return _plain(one) == _plain(other)


def _leading(words: Sequence[str]) -> str:
    return next((word for word in words if word not in _CONJUNCTIONS), "")


def _rest_of(text: str, end: int) -> str:
    """What follows the words that call something off and the name of what is called off."""
    tail = text[end:]
    mark = _NEXT.search(tail)
    return tail[mark.start() :].lstrip(" ,.;!?") if mark else ""


def _content(text: str) -> frozenset[str]:
    return frozenset(word.rstrip("s")[:_STEM] for word in _plain(text).split()) - _EMPTY_STEMS


def _plain(text: str) -> str:
    """Lower case, letters and digits only, single spaces."""
    return " ".join(re.sub(r"[^\w\s]", " ", text.casefold().replace("'", "").replace("’", "")).split())
