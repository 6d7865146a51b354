"""The outbox: order, bounds, and what is not worth sending any more."""

import pytest

from counterpoint.interaction import outbox as limits
from counterpoint.interaction.outbox import Outbox, Pending
from counterpoint.shared_context.delegations import Delegation
from counterpoint.shared_context.entries import Amended, Asked, Body, Closed, Degraded, TooLate, Turn, Withdrawn
from counterpoint.shared_context.ids import Beat, ConversationId, DelegationId

D1 = DelegationId("d1")
ASKED = Asked(Delegation(D1, ConversationId("c"), "trains", seconds=120.0))


def holding(*bodies: Body) -> Outbox:
    outbox = Outbox()
    for beat, body in enumerate(bodies):
        outbox.add(Pending(body, Beat(beat), float(beat)))
    return outbox


def taken(outbox: Outbox) -> list[list[str]]:
    batches: list[list[str]] = []
    while len(outbox):
        batches.append([type(pending.body).__name__ for pending in outbox.take()])
    return batches


def test_what_is_merely_appended_goes_together_and_what_acts_goes_alone() -> None:
    outbox = holding(Turn(), Turn(), ASKED, Amended(D1, "to Nice"), Turn(), Closed())
    assert taken(outbox) == [["Turn", "Turn"], ["Asked"], ["Amended"], ["Turn"], ["Closed"]]


def test_a_batch_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BATCH", 2)
    assert [len(batch) for batch in taken(holding(*[Turn()] * 5))] == [2, 2, 1]


def test_what_does_not_fit_is_given_up_but_for_what_acts_or_tells_of_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "OUTBOX_ENTRIES", 4)
    outbox = holding(Degraded("gone"), ASKED, Turn(text="a"), Turn(text="b"), Turn(text="c"), Withdrawn(D1))
    assert [type(pending.body) for pending in outbox] == [Degraded, Asked, Turn, Withdrawn]
    assert outbox.given_up == 2
    assert outbox.kinds() == {"Degraded": 1, "Asked": 1, "Turn": 1, "Withdrawn": 1}


@pytest.mark.parametrize(
    ("later", "waited", "pointless"),
    [
        ((), 0.5, False),
        ((), 60.0, False),
        ((), 121.0, True),
        ((Withdrawn(D1),), 0.5, False),
        ((Withdrawn(D1),), 5.0, True),
        ((Withdrawn(DelegationId("d2")),), 5.0, False),
        ((Amended(D1, "to Nice"),), 5.0, False),
    ],
)
def test_what_was_asked_long_ago_may_be_pointless(later: tuple[Body, ...], waited: float, pointless: bool) -> None:
    late = holding(ASKED, *later).forgo(waited)
    assert late == (TooLate(ASKED) if pointless else None)


def test_a_wish_about_what_was_never_asked_is_pointless_too() -> None:
    outbox = holding(ASKED, Amended(D1, "to Nice"), Withdrawn(D1), Turn())
    found: list[object] = []
    while len(outbox):
        found.append(outbox.forgo(10.0))
        outbox.take()
    assert found == [TooLate(ASKED), TooLate(Amended(D1, "to Nice")), TooLate(Withdrawn(D1))]
