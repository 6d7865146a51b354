"""Making a package of a long conversation takes little work: it is counted, for time depends on the machine."""

import pytest
from logbook import Logbook

from counterpoint.shared_context.ids import DelegationId
from counterpoint.shared_context.notes import NoteKind
from counterpoint.shared_context.packing import estimate, package_of
from counterpoint.shared_context.render import render
from counterpoint.shared_context.scales import BYTES_PER_TOKEN
from counterpoint.shared_context.timeline import Timeline
from counterpoint.shared_context.timeline.folding import Limits

MANY = Limits(utterances=100_000, characters=100_000_000)
D1 = DelegationId("d1")


class Counter:
    """Counts tokens, and what it was given to count."""

    def __init__(self, characters_per_token: int = 4) -> None:
        self.characters_per_token = characters_per_token
        self.tokens: list[int] = []

    def __call__(self, text: str) -> int:
        self.tokens.append(len(text) // self.characters_per_token)
        return self.tokens[-1]


def talk(exchanges: int) -> Logbook:
    log = Logbook(MANY)
    for number in range(exchanges):
        log.types(f"question {number}, " + "and so on " * 10, number * 10)
        log.agent(f"answer {number} " + "of many words " * 5, number * 10 + 5)
        log.played(number * 10 + 5)
    log.asks("d1", "the last train to Potsdam", exchanges * 10)
    log.calls("d1", "c1")
    log.returns("d1", "c1", "a train\n" * 20)
    log.finds("n1", "I found a list", "d1", kind=NoteKind.PARTIAL)
    return log


@pytest.fixture(scope="module")
def long() -> Timeline:
    return talk(2_000).timeline


@pytest.mark.parametrize("budget", [30_000, 8_000, 2_000, 500])
def test_of_a_long_talk_little_more_is_put_into_words_than_fits(long: Timeline, budget: int) -> None:
    count = Counter()
    package = package_of(long, delegation=D1, budget=budget, count=count)
    assert budget * 0.7 < count(render(package)) <= budget
    assert len(count.tokens) <= 5
    assert max(count.tokens) < budget * 1.4


def test_ten_times_the_talk_is_no_more_to_count(long: Timeline) -> None:
    counted: list[int] = []
    for timeline in (talk(200).timeline, long):
        count = Counter()
        package_of(timeline, delegation=D1, budget=4_000, count=count)
        counted.append(sum(count.tokens))
    assert counted[1] < counted[0] * 1.3


@pytest.mark.parametrize("characters_per_token", [1, 2, 8, 20])
def test_how_much_a_token_is_in_the_callers_own_count_is_learned(long: Timeline, characters_per_token: int) -> None:
    count = Counter(characters_per_token)
    package = package_of(long, delegation=D1, budget=4_000, count=count)
    assert 4_000 * 0.9 < count(render(package)) <= 4_000
    assert len(count.tokens) <= 12
    assert max(count.tokens) < 4_000 * 1.4 * max(1, BYTES_PER_TOKEN / characters_per_token)


def test_a_result_without_end_is_not_put_into_words_to_find_that_it_is_too_long() -> None:
    log = talk(10)
    for number in range(2, 50):
        log.calls("d1", f"c{number}")
        log.returns("d1", f"c{number}", "page\n" * 20_000)
    count = Counter()
    package = package_of(log.timeline, delegation=D1, budget=8_000, count=count)
    assert count(render(package)) <= 8_000
    assert sum(count.tokens) < 100_000
    assert package.current is not None
    assert len(package.current.calls) == 49


def test_what_fits_is_counted_to_its_end() -> None:
    timeline = talk(50).timeline
    whole = package_of(timeline, delegation=D1)
    count = Counter()
    budget = count(render(whole))
    assert package_of(timeline, delegation=D1, budget=budget, count=count) == whole
    assert len(count.tokens) <= 5


def test_a_count_that_says_nothing_ends_all_the_same(long: Timeline) -> None:
    assert package_of(long, delegation=D1, budget=10, count=lambda _: 0) == package_of(long, delegation=D1)
    refused = package_of(long, delegation=D1, budget=10, count=lambda _: 11)
    assert (refused.utterances, refused.request) == ((), "the last train to Potsdam")


def test_text_of_many_bytes_is_weighed_by_its_bytes() -> None:
    log = Logbook(MANY)
    for number in range(500):
        log.types("電車は何時ですか。教えてください。", number * 5)
    log.asks("d1", "電車", 2_500)
    tokens = estimate(render(package_of(log.timeline, delegation=D1, budget=2_000)))
    assert 1_700 < tokens <= 2_000
