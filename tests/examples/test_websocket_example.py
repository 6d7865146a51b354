"""The WebSocket example: a real server, a real client, over loopback."""

import base64
import json
import shutil
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
import uvicorn
from websockets.asyncio.client import connect

from counterpoint import Runtime
from counterpoint.interaction.model import InteractionModel
from counterpoint.shared_context.chunks import VideoChunk
from counterpoint.testing import ScriptedBackground, ScriptedInteraction, delegate
from examples.websocket_client import ask
from examples.websocket_server import OVER, TAKEN_OVER, application

pytestmark = pytest.mark.real


@asynccontextmanager
async def serving(model: InteractionModel | None = None) -> AsyncGenerator[str, None]:
    model = model or ScriptedInteraction(delegate("the time", on="time", saying="Let me check."))
    runtime = Runtime(model, ScriptedBackground(after=0.3, answer="It is ten."))
    server = uvicorn.Server(uvicorn.Config(application(runtime), port=0, log_level="error", ws="websockets-sansio"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve)
        while not server.started:
            await anyio.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}/talk"
        server.should_exit = True


async def test_the_client_hears_the_greeting_and_the_answer_to_its_question() -> None:
    async with serving() as address:
        said = await ask(address, "what time is it", 8)
    assert "Let me check." in said
    assert said.endswith("It is ten.")


async def test_what_makes_no_sense_is_answered_with_an_error_and_the_conversation_goes_on() -> None:
    async with serving() as address, connect(address) as socket:
        await socket.send("{nonsense")
        messages = []
        with anyio.fail_after(10):
            while not any("error" in message for message in messages):
                messages.append(json.loads(await socket.recv()))
        await socket.send(json.dumps({"text": "what time is it"}))
        with anyio.fail_after(10):
            while "ten" not in "".join(message.get("text", "") for message in messages):
                messages.append(json.loads(await socket.recv()))


async def test_a_picture_of_the_camera_reaches_the_model_and_half_a_picture_is_refused() -> None:
    model = ScriptedInteraction(hears=True)
    pixels = bytes(range(48))
    picture = {"pixels": base64.b64encode(pixels).decode(), "width": 4, "height": 4, "seq": 0, "media_time": 12.5}
    async with serving(model) as address, connect(address) as socket:
        with anyio.fail_after(10):
            await socket.send(json.dumps({"video": {**picture, "height": 3}}))
            while "error" not in (refused := json.loads(await socket.recv())):
                pass
            await socket.send(json.dumps({"video": picture}))
            while not (seen := [frame for _, perceived, _ in model.perceived for frame in perceived.frames]):
                await anyio.sleep(0.05)
    assert "4 x 3" in refused["error"]
    assert seen == [VideoChunk(pixels, 4, 4, 0, 12.5)]


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node, to run the page's script")
def test_the_page_takes_the_colours_of_a_picture_row_by_row() -> None:
    script = f"""
      import {{ rgb, base64 }} from "{Path("examples/camera.js").absolute().as_uri()}";
      const rgba = new Uint8ClampedArray(160 * 160 * 4).map((_, place) => place % 251);
      console.log(base64(rgb(rgba)));
    """
    ran = subprocess.run(
        ["node", "--input-type=module", "--eval", script], capture_output=True, text=True, check=True, timeout=30
    )
    rgba = bytes(place % 251 for place in range(160 * 160 * 4))
    pixels = b"".join(rgba[place : place + 3] for place in range(0, len(rgba), 4))
    assert base64.b64decode(ran.stdout.strip()) == pixels


async def test_who_is_taken_over_from_is_told_so() -> None:
    async with serving() as address, connect(address) as first:
        with anyio.fail_after(10):
            hello = json.loads(await first.recv())
            async with connect(f"{address}?conversation={hello['conversation']}&resume=nonsense"):
                await first.wait_closed()
    assert first.close_code == TAKEN_OVER


async def test_a_conversation_to_which_somebody_said_goodbye_is_over() -> None:
    async with serving() as address:
        with anyio.fail_after(20):
            async with connect(address) as first:
                hello = json.loads(await first.recv())
            code = 0
            while code != OVER:
                async with connect(f"{address}?conversation={hello['conversation']}") as again:
                    with anyio.move_on_after(1):
                        await again.wait_closed()
                    code = again.close_code or 0
