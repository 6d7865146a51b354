"""What a session is opened with: what the application wants, the entry that tells it, and the model's streams."""

import msgspec

from counterpoint.interaction.known_log import KnownLog
from counterpoint.interaction.model import Capabilities, InteractionModel, Start, Stream, Weaving
from counterpoint.interaction.policy import Policy, name_of
from counterpoint.shared_context.entries import Opened, Terms
from counterpoint.shared_context.ids import Beat, ConversationId, SessionId, WriterId
from counterpoint.shared_context.packing import package_of
from counterpoint.shared_context.resume_token import ResumeToken
from counterpoint.shared_context.timeline import Timeline


class Hosting(msgspec.Struct, frozen=True):
    """`phase`: seconds within the beat. `keep`: leaving does not close the conversation. `buffer_beats`: what the
    listener holds beyond what it plays. `served`: somebody can take delegations. `resume`: the token that the listener
    comes back with.
    """

    conversation: ConversationId
    session: SessionId
    writer: WriterId
    phase: float
    keep: bool
    instructions: str = ""
    greeting: str = ""
    toolbox: tuple[str, ...] = ()
    buffer_beats: int = 0
    idle_beats: int | None = None
    served: bool = True
    queue: str = "default"
    resume: ResumeToken | str | None = None


def terms_of(hosting: Hosting, capabilities: Capabilities, policy: Policy, timeline: Timeline) -> Terms:
    """As the log has them, so that the session can be replayed from it."""
    return Terms(
        cadence=capabilities.cadence,
        buffer=hosting.buffer_beats,
        served=hosting.served,
        queue=hosting.queue,
        itself=capabilities.weaving is Weaving.MODEL,
        policy=name_of(policy),
        tail=timeline.tail,
    )


def opened_by(
    hosting: Hosting, capabilities: Capabilities, terms: Terms, timeline: Timeline, token: ResumeToken | None
) -> Opened:
    first = Beat(timeline.beat + 1) if timeline.tail else Beat(0)
    return Opened(hosting.session, hosting.instructions, hosting.greeting, capabilities.name, first, terms, token)


class Streams:
    """Opens the first stream of a session, and another whenever one is lost: from the shared context as it stands."""

    def __init__(self, hosting: Hosting, model: InteractionModel, log: KnownLog) -> None:
        self._hosting = hosting
        self._model = model
        self._log = log
        self._goes_on = log.timeline.tail > 0

    async def open(self, beat: Beat) -> Stream:
        hosting, timeline = self._hosting, self._log.timeline
        history = package_of(timeline) if self._goes_on else None
        self._goes_on = True
        return await self._model.open(
            Start(
                hosting.conversation,
                hosting.session,
                beat,
                instructions=hosting.instructions or timeline.instructions,
                greeting="" if history and history.utterances else hosting.greeting,
                history=history,
                toolbox=hosting.toolbox,
            )
        )
