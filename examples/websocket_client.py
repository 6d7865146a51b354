"""Talks to `examples/websocket_server.py` from a terminal: python examples/websocket_client.py "What is a beat?" """

import asyncio
import json
import sys

from websockets.asyncio.client import connect


async def ask(url: str, line: str, seconds: float) -> str:
    """Say one line, and collect what is said back within `seconds`."""
    said: list[str] = []
    async with connect(url) as socket:
        await socket.send(json.dumps({"text": line}))
        try:
            async with asyncio.timeout(seconds):
                async for raw in socket:
                    turn = json.loads(raw)
                    if turn.get("flush"):
                        said.append(" -- ")
                    if turn.get("text"):
                        said.append(turn["text"])
                        print(turn["text"], end="", flush=True)
                        played = {"played": [turn["beat"], turn["part"]], "words": len(turn["text"].split())}
                        await socket.send(json.dumps(played))
        except TimeoutError:
            print()
    return "".join(said)


if __name__ == "__main__":
    asyncio.run(ask("ws://127.0.0.1:8000/talk", " ".join(sys.argv[1:]) or "Hello!", 15))
