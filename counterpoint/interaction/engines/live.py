"""The delegations that the stream knows to be in flight: what it asked for itself, and what it was told of."""

import msgspec

from counterpoint.interaction.engines.turns import meant, same
from counterpoint.interaction.model import DelegationNews
from counterpoint.shared_context.ids import DelegationId
from counterpoint.shared_context.package import ContextPackage


class _Handed(msgspec.Struct):
    request: str
    id: DelegationId | None = None


class Live:
    """A request counts as live from the moment it is made, also before the runtime has given it an id."""

    def __init__(self, history: ContextPackage | None = None) -> None:
        works = history.work if history else ()
        self._handed = [
            _Handed(work.delegation.request, work.delegation.id) for work in works if not work.state.settled
        ]

    def __bool__(self) -> bool:
        return bool(self._handed)

    def __contains__(self, request: str) -> bool:
        return any(same(each.request, request) for each in self._handed)

    def asked(self, request: str) -> None:
        self._handed.append(_Handed(request))

    def withdrawn(self, delegation: DelegationId | None) -> None:
        """Gone from here on, without waiting for the runtime's word."""
        if self._handed:
            named = next((each for each in self._handed if each.id == delegation), self._handed[-1])
            self._handed.remove(named)

    def named_by(self, words: str) -> DelegationId | None:
        """The delegation that the words name; None: the one asked last."""
        index = meant(words, [each.request for each in self._handed])
        return self._handed[index].id if index is not None else None

    def learn(self, news: DelegationNews) -> None:
        """A refusal has no id; one that says that the same is in flight already takes nothing away."""
        known = self._find(news)
        refused = not news.delegation and news.reason.startswith("joined")
        if news.state.settled:
            if known is not None and not refused:
                self._handed.remove(known)
        elif known is None:
            self._handed.append(_Handed(news.request, news.delegation))
        else:
            known.id = news.delegation

    def _find(self, news: DelegationNews) -> _Handed | None:
        by_id = next((each for each in self._handed if news.delegation and each.id == news.delegation), None)
        return by_id or next((each for each in self._handed if not each.id and same(each.request, news.request)), None)
