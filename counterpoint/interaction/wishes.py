"""What becomes of a wish, the model's or the application's: it takes effect in delegations, tray and log, or does not.

Pure. What the model is told of it goes to `news`; what the person is told, to `own`.
"""

from collections.abc import Callable
from typing import assert_never

from counterpoint.interaction.delegations import OUT_OF_REACH, Anew, Delegations, Forgone, Refused
from counterpoint.interaction.model import DelegationNews
from counterpoint.interaction.weaver import Weaver
from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.entries import Amended, Asked, Body, Withdrawn
from counterpoint.shared_context.expressed import Amend, Delegate, Withdraw
from counterpoint.shared_context.ids import Beat, DelegationId, Position

FROM_NOW_ON = Position(1 << 62)
"""Until a correction has its place in the log, everything that arrives was computed before it."""

Wish = Delegate | Amend | Withdraw


class Wishes:
    def __init__(
        self,
        weaver: Weaver,
        delegations: Delegations,
        write: Callable[[Body, Beat], None],
        news: Callable[[DelegationNews], None],
        own: Callable[[str, Beat], None],
    ) -> None:
        self._weaver = weaver
        self._delegations = delegations
        self._write = write
        self._news = news
        self._own = own

    def grant(self, wish: Wish, beat: Beat) -> None:
        outcome = self._decided(wish, beat)
        match outcome:
            case Refused():
                self._refused(wish, outcome, beat)
            case Forgone(delegation=delegation):
                self._weaver.withdraw(delegation)
            case Anew():
                self.anew(outcome, beat)
            case Asked() | Amended() | Withdrawn():
                self._took_effect(outcome)
                self._write(outcome, beat)
            case _:
                assert_never(outcome)

    def anew(self, anew: Anew, beat: Beat) -> None:
        self._weaver.amend(anew.instead_of, FROM_NOW_ON)
        self._write(anew.asked, beat)
        self._took_effect(anew.asked)

    def _decided(self, wish: Wish, beat: Beat) -> Asked | Amended | Withdrawn | Anew | Forgone | Refused:
        match wish:
            case Delegate():
                return self._delegations.delegate(wish, beat)
            case Amend():
                return self._delegations.amend(wish, beat)
            case Withdraw():
                return self._delegations.withdraw(wish)
            case _:
                assert_never(wish)

    def _refused(self, wish: Wish, refused: Refused, beat: Beat) -> None:
        if isinstance(wish, Withdraw):
            delegation = wish.delegation or DelegationId("")
            self._news(DelegationNews(delegation, DelegationState.FAILED, "", refused.reason))
            return
        request = wish.request if isinstance(wish, Delegate) else wish.text
        if not refused.reason.startswith("joined") and request.strip():
            self._own(f"I can't look into that: {refused.reason}.", beat)
        self._news(DelegationNews(DelegationId(""), DelegationState.FAILED, request, refused.reason))

    def _took_effect(self, body: Asked | Amended | Withdrawn) -> None:
        match body:
            case Asked(delegation=delegation):
                reason = OUT_OF_REACH if self._delegations.away else ""
                self._news(DelegationNews(delegation.id, DelegationState.ASKED, delegation.request, reason))
            case Withdrawn(delegation=id, reason=reason):
                self._weaver.withdraw(id)
                request = self._delegations.request_of(id)
                self._news(DelegationNews(id, DelegationState.WITHDRAWN, request, reason))
            case Amended(delegation=id):
                self._weaver.amend(id, FROM_NOW_ON)
            case _:
                assert_never(body)
