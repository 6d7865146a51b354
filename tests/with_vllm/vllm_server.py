"""`vllm serve` with real weights, as a process."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
from chat_server import free_port
from served_model import until_it_answers

from counterpoint.engines.smollm2 import smollm2_folder

CONTEXT = 2_048
"""Tokens that it takes."""

START_SECONDS = 300


@contextmanager
def serving(log: Path) -> Iterator[str]:
    """Its URL. The module behind `vllm serve`: the command itself looks for a package that the wheel for processors is
    not.
    """
    port = free_port()
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--model", str(smollm2_folder()), "--served-model-name", "smollm2", "--dtype", "float32"]
    command += ["--enforce-eager", "--max-model-len", str(CONTEXT), "--max-num-seqs", "8"]
    command += ["--enable-auto-tool-choice", "--tool-call-parser", "hermes"]
    environment = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}
    with log.open("w") as out:
        server = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment)
        try:
            anyio.run(until_it_answers, f"http://127.0.0.1:{port}/health", server, log, START_SECONDS)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            server.wait(60)
