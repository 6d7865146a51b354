"""A conversation with a bit of everything, in a store, for the commands that read what is kept."""

from counterpoint import Runtime, Session
from counterpoint.shared_context.store import ContextStore
from counterpoint.testing import Answer, ScriptedBackground, ScriptedInteraction, delegate, play, say, says, types

NAME = "a talk: on/rails"


async def lived(store: ContextStore, name: str = NAME, *, beats: int = 60, end: bool = False) -> None:
    model = ScriptedInteraction(
        say("Good morning, how can I help you today?", at=1),
        delegate("When does the train to Bath leave?", on="train", saying="Let me check that."),
    )
    background = ScriptedBackground((Answer("At ten past four, from platform three.", after=3.0),))

    async def also(session: Session) -> None:
        session.lay("The bar is open.", key="bar")
        if end:
            import anyio

            await anyio.sleep((beats - 4) * 0.2)
            session.end("that was all")

    asks = types("when is the train?", at=12, keys_per_beat=6)
    person = (*says("well I wonder", at=4), *asks, *says("there is no hurry at all", at=26))
    await play(Runtime(model, background, store=store), person, beats, also=also, conversation=name)
