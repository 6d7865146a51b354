"""Whatever is said, acknowledged and flushed, in whatever order: heard or unheard in the end, once, never both."""

from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoint.interaction.playback import Playback
from counterpoint.shared_context.entries import Played
from counterpoint.shared_context.expressed import Voiced
from counterpoint.shared_context.hearing import Report, heard_after
from counterpoint.shared_context.ids import Beat, NoteId

NOTE = NoteId("note")
counts = st.none() | st.integers(-3, 20) | st.integers(-(10**6), 10**6)
words = st.text(alphabet="ab, \n", min_size=0, max_size=12)
says = st.tuples(st.just("say"), words, st.sampled_from([0, 0, 3200, 4800]), st.integers(0, 4))
acks = st.tuples(st.just("ack"), st.integers(-2, 8), counts, counts)
acts = st.one_of(says, says, acks, acks, st.just(("flush",)), st.just(("beat",)), st.just(("beat",)))


class Telling:
    """A session's part: one note told over and over, as far as it was heard, and a log of what was played."""

    def __init__(self, horizon: int, buffer: int) -> None:
        self.playback = Playback(horizon, buffer)
        self.beat = 0
        self.said: list[tuple[int, str, int]] = []
        self.voiced = 0
        self.log: list[Played] = []
        self.unheard: list[tuple[int, str]] = []
        self.heard: list[int] = []

    def do(self, act) -> None:
        match act:
            case ("say", text, samples, lead):
                self._say(text, samples, lead)
            case ("ack", back, words, samples):
                turn = Beat(self.beat - back)
                self.log += self.playback.played(turn, words=words, samples=samples, now=Beat(self.beat))
            case ("flush",):
                self.playback.flush(Beat(self.beat))
            case _:
                self._next_beat()
        self.heard.append(self.playback.heard_of(NOTE))

    def _say(self, text: str, samples: int, lead: int) -> None:
        self._next_beat()
        length = max(len(text) - lead, 0)
        voiced = (Voiced(NOTE, self.voiced, self.voiced + length, lead),) if length else ()
        self.playback.expressed(Beat(self.beat), 0, 1, text, samples, voiced)
        self.voiced += length
        if text or samples:
            self.said.append((self.beat, text, samples))

    def _next_beat(self) -> None:
        self.beat += 1
        self.log += self.playback.tick(Beat(self.beat))
        if (unheard := self.playback.unheard()) is not None:
            self.unheard.append((unheard.since, unheard.text))


@settings(max_examples=400, deadline=None)
@given(st.lists(acts, max_size=60), st.integers(0, 3), st.integers(0, 4))
def test_everything_is_heard_or_unheard_in_the_end_and_never_both(acts, horizon, buffer):
    telling = Telling(horizon, buffer)
    for act in acts:
        telling.do(act)
    for _ in range(horizon + buffer + 3):
        telling.do(("beat",))
    assert telling.playback.settled
    heard, unheard = "", ""
    last: dict[int, Played] = {}
    for body in telling.log:
        assert body.turn not in last or not last[body.turn].cut
        last[body.turn] = body
    assert sorted(last) == [beat for beat, _, _ in telling.said]
    for beat, text, samples in telling.said:
        end = 0
        report = Report.NONE
        for body in (each for each in telling.log if each.turn == beat):
            end, report = heard_after(text, samples, end, report, body)
        assert 0 <= end <= max(len(text), 1)
        assert last[beat].cut or end == max(len(text), 1)
        heard += text[:end]
        unheard += text[end:]
    assert "".join("".join(text for _, text in telling.unheard).split()) == "".join(unheard.split())
    assert len(heard) + len(unheard) == sum(len(text) for _, text, _ in telling.said)


@settings(max_examples=200, deadline=None)
@given(st.lists(acts, max_size=60), st.integers(0, 3), st.integers(0, 4))
def test_a_note_is_never_heard_beyond_what_was_voiced_and_hearing_never_goes_back(acts, horizon, buffer):
    telling = Telling(horizon, buffer)
    for act in acts:
        telling.do(act)
        assert 0 <= telling.heard[-1] <= telling.voiced
        for hearing in telling.playback.hearings():
            assert hearing.heard == telling.playback.heard_of(hearing.note)
    assert telling.heard == sorted(telling.heard)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["one two ", "three", " four "]), min_size=1, max_size=8), st.integers(0, 20))
def test_an_honest_listener_and_the_session_agree_on_what_was_heard(texts, stop):
    """It plays word by word up to `stop` words, acknowledging each, and then answers a flush."""
    playback = Playback(2, len(texts))
    for beat, text in enumerate(texts):
        playback.expressed(Beat(beat), 0, 1, text, 0, ())
    beat = Beat(len(texts))
    left = stop
    for turn, text in enumerate(texts):
        size = len(text.split())
        for count in range(1, min(left, size) + 1):
            playback.played(Beat(turn), words=count, now=beat)
        left -= min(left, size)
    playback.flush(beat)
    played = 0
    for turn, text in enumerate(texts):
        if played + len(text.split()) > stop:
            playback.played(Beat(turn), words=stop - played, now=beat)
            break
        played += len(text.split())
    playback.tick(beat)
    assert playback.settled
    unheard = playback.unheard()
    words = [word for text in texts for word in text.split()]
    assert "".join(unheard.text.split() if unheard else []) == "".join(words[stop:])
