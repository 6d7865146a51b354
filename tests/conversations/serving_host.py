"""A server of its own process: `python serving_host.py STORE PORT`. Its model is scripted, all else is as it is run."""

import sys

import uvicorn

from counterpoint import Runtime
from counterpoint.testing import ScriptedBackground, ScriptedInteraction, delegate
from examples.websocket_server import application

WORDS = tuple(f"word{number}" for number in range(40))


def main(store: str, port: int) -> None:
    model = ScriptedInteraction(delegate("everything", on="tell me everything"))
    runtime = Runtime(model, ScriptedBackground(after=0.1, answer=" ".join(WORDS)), store=store)
    config = uvicorn.Config(application(runtime), port=port, log_level="error", ws="websockets-sansio")
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
