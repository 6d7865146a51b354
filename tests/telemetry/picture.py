"""Makes docs/trace.png: Phoenix's own page of a delegation that was taken over once and waited for the person.

    make test-telemetry && .venv/bin/pip install playwright
    PYTHONPATH=tests .venv/bin/python tests/telemetry/picture.py docs/trace.png

It takes the Chromium that is on the path.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import anyio
import httpx
from otlp_receiver import receiving
from phoenix_server import phoenix, spans_of
from playwright.sync_api import sync_playwright
from redis_server import running
from staging import stage

PANEL = {"x": 376, "y": 46, "width": 1124, "height": 814}
"""Where the page shows a trace, right of its menus."""


def main(path: str) -> None:
    with tempfile.TemporaryDirectory() as folder, phoenix(Path(folder)) as url:
        with running() as socket, receiving(then=url) as (endpoint, _):
            anyio.run(stage, f"unix://{socket}", endpoint)
        photograph(url, path)


def photograph(url: str, path: str) -> None:
    (weave,) = (span for span in spans_of(url) if span["name"] == "weave")
    project = httpx.get(f"{url}/v1/projects/default").json()["data"]["id"]
    page_of_it = f"{url}/projects/{project}/traces/{weave['context']['trace_id']}?selectedSpanNodeId={weave['id']}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1500, "height": 860})
        page.goto(page_of_it)
        page.wait_for_selector("text=counterpoint.weave.wait_reason", timeout=60_000)
        page.wait_for_timeout(1_500)
        page.screenshot(path=path, clip=PANEL)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
