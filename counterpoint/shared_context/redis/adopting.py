"""A log that was kept elsewhere becomes a conversation of this server: page by page, unseen until the last one."""

from collections.abc import Callable, Sequence
from typing import Final

from counterpoint.shared_context.codec import encode
from counterpoint.shared_context.entries import Stored
from counterpoint.shared_context.ids import ConversationId
from counterpoint.shared_context.redis.kept import Kept
from counterpoint.shared_context.redis.restoring import Restoring, delegation_arguments
from counterpoint.shared_context.redis.scripts import ADOPT
from counterpoint.shared_context.redis.server import Argument
from counterpoint.shared_context.redis.work import milliseconds
from counterpoint.shared_context.store import ADOPTED_MEDIA_SECONDS, Adoption, MediaObject

UNFINISHED_SECONDS: Final = 600.0
"""An import that broke off leaves nothing after this."""


class Adopting:
    def __init__(self, kept: Callable[[ConversationId], Kept], restoring: Restoring) -> None:
        self._kept = kept
        self._restoring = restoring

    async def adopt(
        self,
        conversation: ConversationId,
        token: str,
        entries: Sequence[Stored],
        *,
        begins: bool,
        media: Sequence[MediaObject],
        whole: Adoption | None,
    ) -> None:
        kept = self._kept(conversation)
        arguments: list[Argument] = [token, "1" if begins else "0", milliseconds(UNFINISHED_SECONDS), len(entries)]
        for stored in entries:
            arguments += (stored.position, encode(stored.entry))
        arguments += (len(media), milliseconds(ADOPTED_MEDIA_SECONDS))
        keys = [kept.keys.media_object(each.id) for each in media]
        for key, each in zip(keys, media, strict=True):
            arguments += (key.removeprefix(kept.keys.media), each.data)
        arguments += _end(whole)
        unsettled = await kept.do(ADOPT, *arguments, more=keys)
        await self._restoring.mend(conversation, unsettled)


def _end(whole: Adoption | None) -> list[Argument]:
    if whole is None:
        return ["0"]
    arguments: list[Argument] = ["1", whole.epoch, "1" if whole.closed else "0"]
    arguments += (whole.snapshot.upto, whole.snapshot.data) if whole.snapshot else ("", "")
    arguments.append(len(whole.unsettled))
    for delegation in whole.unsettled:
        arguments += delegation_arguments(delegation)
    return arguments
