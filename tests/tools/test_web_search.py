"""What searching the web gives, with servers that answer as SearXNG and Tavily do, and as they should not."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import anyio
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from counterpoint.errors import ConfigurationError, ToolError, ToolUnavailable
from counterpoint.shared_context.notes import Delivery, Source
from counterpoint.tools import FailedCall, PartialResult, Returned
from counterpoint.tools.web_search import Hit, SearXNG, Tavily, web_search

pytestmark = pytest.mark.real

KEY = "tvly-dev-0123456789"

SEARXNG_ANSWER = {
    "query": "ferry to ystad",
    "number_of_results": 0,
    "results": [
        {
            "url": "https://ferries.example/ystad",
            "title": "Ferries to Ystad",
            "content": "Timetables and fares.",
            "engine": "duckduckgo",
            "parsed_url": ["https", "ferries.example", "/ystad", "", "", ""],
            "template": "default.html",
            "engines": ["duckduckgo", "brave"],
            "positions": [1, 2],
            "score": 3.0,
            "category": "general",
            "publishedDate": "2026-03-01T00:00:00",
            "thumbnail": None,
        },
        {
            "url": "https://harbour.example/",
            "title": "Harbour",
            "content": None,
            "publishedDate": None,
            "engine": "brave",
        },
        {"url": "magnet:?xt=urn:btih:0", "title": "No page", "content": ""},
        {"title": "No address", "content": "x"},
        {"url": 5, "title": "Wrong"},
        "wrong altogether",
    ],
    "answers": [{"answer": "ten", "url": None, "engine": "x", "template": "answer/legacy.html"}],
    "corrections": [],
    "infoboxes": [],
    "suggestions": ["ystad ferry winter"],
    "unresponsive_engines": [["google", "Suspended: CAPTCHA"]],
}

TAVILY_ANSWER = {
    "query": "ferry to ystad",
    "follow_up_questions": None,
    "answer": None,
    "images": [],
    "results": [
        {
            "url": "https://ferries.example/ystad",
            "title": "Ferries to Ystad",
            "content": "Timetables and fares.",
            "score": 0.87,
            "raw_content": None,
        },
        {
            "url": "https://harbour.example/",
            "title": "Harbour",
            "content": "",
            "score": 0.5,
            "published_date": "2026-03-01",
        },
        {"title": "no address"},
    ],
    "response_time": 1.09,
    "request_id": "123e4567-e89b-12d3-a456-426614174111",
}


class Service:
    """A search service that answers what it is told to, and remembers what it was asked."""

    def __init__(self, answer: Callable[[], Response]) -> None:
        self._answer = answer
        self.asked: list[Request] = []
        self.bodies: list[bytes] = []

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/search", self._search, methods=["GET", "POST"])])

    async def _search(self, request: Request) -> Response:
        self.asked.append(request)
        self.bodies.append(await request.body())
        return self._answer()


async def hits(backend: Any, query: str = "ferry to ystad", limit: int = 5) -> list[Hit]:
    async with aclosing(backend.search(query, limit=limit)) as found:
        return [hit async for hit in found]


async def test_searxng_is_asked_in_its_own_way(serving) -> None:
    service = Service(lambda: JSONResponse(SEARXNG_ANSWER))
    async with serving(service.app) as url:
        found = await hits(SearXNG(f"{url}/", language="en"), "ferry & <ystad>?")
    assert found == [
        Hit("Ferries to Ystad", "https://ferries.example/ystad", "Timetables and fares.", "2026-03-01T00:00:00"),
        Hit("Harbour", "https://harbour.example/"),
    ]
    (asked,) = service.asked
    assert asked.method == "GET"
    assert dict(asked.query_params) == {"q": "ferry & <ystad>?", "format": "json", "language": "en"}
    assert asked.headers["user-agent"] == "counterpoint"


async def test_tavily_is_asked_in_its_own_way(serving) -> None:
    service = Service(lambda: JSONResponse(TAVILY_ANSWER))
    async with serving(service.app) as url:
        found = await hits(Tavily(KEY, url=url), limit=50)
    assert found == [
        Hit("Ferries to Ystad", "https://ferries.example/ystad", "Timetables and fares."),
        Hit("Harbour", "https://harbour.example/", "", "2026-03-01"),
    ]
    (asked,), (body,) = service.asked, service.bodies
    assert asked.method == "POST"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["content-type"] == "application/json"
    assert json.loads(body) == {"query": "ferry to ystad", "max_results": 20, "search_depth": "basic"}


@pytest.fixture(params=["SearXNG", "Tavily"])
def backend(request: pytest.FixtureRequest) -> Callable[[str], Any]:
    if request.param == "SearXNG":
        return lambda url: SearXNG(url, seconds=5)
    return lambda url: Tavily(KEY, url=url, seconds=5)


async def test_no_more_hits_are_given_than_were_wanted(serving, backend) -> None:
    service = Service(lambda: JSONResponse(SEARXNG_ANSWER))
    async with serving(service.app) as url:
        assert len(await hits(backend(url), limit=1)) == 1


async def test_finding_nothing_is_no_failure(serving, backend) -> None:
    service = Service(lambda: JSONResponse({"query": "x", "results": [], "unresponsive_engines": []}))
    async with serving(service.app) as url:
        assert await hits(backend(url)) == []


async def test_searxng_says_when_all_its_engines_are_silent(serving) -> None:
    silent = [["google", "Suspended: CAPTCHA"], ["brave", "timeout"], "odd"]
    service = Service(lambda: JSONResponse({"results": [], "unresponsive_engines": silent}))
    async with serving(service.app) as url:
        with pytest.raises(ToolUnavailable, match=r"google \(Suspended: CAPTCHA\), brave \(timeout\), odd"):
            await hits(SearXNG(url))


@pytest.mark.parametrize(
    ("status", "says", "later"),
    [
        (401, "it wants a login", False),
        (403, "add json to search.formats in its settings.yml", False),
        (404, "there is no SearXNG at this address", False),
        (429, "set server.limiter to false", True),
        (500, "answered 500: Internal Server Error", True),
        (502, "answered 502: Bad Gateway", True),
        (418, "answered 418", False),
    ],
)
async def test_a_refusal_of_searxng_says_what_to_do(serving, status: int, says: str, later: bool) -> None:
    service = Service(lambda: Response("<html>Forbidden</html>", status, media_type="text/html"))
    async with serving(service.app) as url:
        with pytest.raises(ToolError, match=says) as refused:
            await hits(SearXNG(url))
    assert str(refused.value).startswith("SearXNG at 127.0.0.1 answered")
    assert isinstance(refused.value, ToolUnavailable) is later


@pytest.mark.parametrize(
    ("status", "says", "later"),
    [
        (400, "make it a plain question", False),
        (401, "check TAVILY_API_KEY", False),
        (403, "the key may not be used", False),
        (429, "wait a little", True),
        (432, "quota is used up", False),
        (433, "pay-as-you-go limit", False),
        (500, "answered 500", True),
    ],
)
async def test_a_refusal_of_tavily_says_what_to_do_without_the_key(
    serving, status: int, says: str, later: bool
) -> None:
    service = Service(lambda: JSONResponse({"detail": {"error": f"Unauthorized: invalid API key {KEY}"}}, status))
    async with serving(service.app) as url:
        with pytest.raises(ToolError, match=says) as refused:
            await hits(Tavily(KEY, url=url))
    assert KEY not in str(refused.value)
    assert isinstance(refused.value, ToolUnavailable) is later


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>please enable javascript</html>",
        b'{"results": ',
        b"[]",
        b'{"results": "none"}',
        b'{"results": null}',
        b"\xff\xfe",
        b'{"hits": []}',
        b"[" * 100_000,
    ],
)
async def test_a_malformed_answer_is_named_as_such(serving, backend, answer: bytes) -> None:
    service = Service(lambda: Response(answer, media_type="application/json"))
    async with serving(service.app) as url:
        with pytest.raises(ToolError, match=r"gave an answer that is not what (SearXNG|Tavily) gives"):
            await hits(backend(url))


async def test_an_answer_without_end_is_given_up(serving, backend) -> None:
    async def endless() -> AsyncGenerator[bytes, None]:
        while True:
            yield b"x" * 100_000
            await anyio.sleep(0.001)

    async with serving(Service(lambda: StreamingResponse(endless())).app) as url:
        with pytest.raises(ToolError, match="an answer of more than 4 MB"):
            await hits(backend(url))


@pytest.mark.parametrize("path", ["/slow", "/trickle"])
async def test_a_slow_answer_is_given_up(serving, path: str) -> None:
    async def never() -> AsyncGenerator[bytes, None]:
        if path == "/slow":
            await anyio.sleep(60)
        while True:
            yield b" "
            await anyio.sleep(0.02)

    async with serving(Service(lambda: StreamingResponse(never())).app) as url:
        for backend in (SearXNG(url, seconds=0.2), Tavily(KEY, url=url, seconds=0.2)):
            with pytest.raises(ToolUnavailable, match=r"at 127.0.0.1 did not answer within 0.2 seconds\."):
                await hits(backend)


async def test_a_moved_service_is_not_followed_with_the_key(serving, backend) -> None:
    service = Service(lambda: RedirectResponse("https://elsewhere.example/search"))
    async with serving(service.app) as url:
        with pytest.raises(ToolError, match=r"answers from another address: use https://elsewhere.example/search"):
            await hits(backend(url))
    assert len(service.asked) == 1


async def test_a_service_that_is_not_there_is_named(backend, unused_tcp_port: int) -> None:
    with pytest.raises(ToolUnavailable, match=r"at 127.0.0.1 cannot be reached \(ConnectError\): check its address"):
        await hits(backend(f"http://127.0.0.1:{unused_tcp_port}"))


async def test_a_login_in_searxngs_address_is_used_and_not_told(serving) -> None:
    service = Service(lambda: Response(status_code=401))
    async with serving(service.app) as url:
        with pytest.raises(ToolError) as refused:
            await hits(SearXNG(url.replace("//", "//anna:hunter2@")))
    assert service.asked[0].headers["authorization"].startswith("Basic ")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["", "searx.example", "ftp://searx.example", "http://", "http://[::1", "http://x:port"])
def test_searxng_needs_an_address(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEARXNG_URL", raising=False)
    with pytest.raises(ConfigurationError, match="address"):
        SearXNG(url)


def test_tavily_needs_a_key_that_can_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TAVILY_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="pass key= or set TAVILY_API_KEY"):
        Tavily()
    for key in ("tvly-\nX-Evil: 1", "schlüssel", "two words"):
        with pytest.raises(ConfigurationError, match="characters that no key has") as refused:
            Tavily(key)
        assert key not in str(refused.value)


def test_the_back_end_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEARXNG_URL", raising=False)
    monkeypatch.delenv("TAVILY_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="set SEARXNG_URL or TAVILY_API_KEY"):
        web_search()
    monkeypatch.setenv("TAVILY_API_KEY", KEY)
    assert web_search().name == "web_search"
    monkeypatch.setenv("SEARXNG_URL", "not an address")
    with pytest.raises(ConfigurationError, match="SearXNG needs an address"):
        web_search()


async def test_the_tool_streams_hits_with_their_sources(serving, ran) -> None:
    async with serving(Service(lambda: JSONResponse(SEARXNG_ANSWER)).app) as url:
        tool = web_search(SearXNG(url))
        *partials, last = await ran(tool, '{"query": "ferry to ystad"}')
    assert tool.options.delivery is Delivery.SILENT
    assert [type(partial) for partial in partials] == [PartialResult, PartialResult]
    assert isinstance(last, Returned)
    assert last.sources == (
        Source("https://ferries.example/ystad", "Ferries to Ystad"),
        Source("https://harbour.example/", "Harbour"),
    )
    assert last.text.splitlines()[1] == '{"title":"Harbour","url":"https://harbour.example/"}'


async def test_the_tool_passes_on_what_to_do(serving, outcome) -> None:
    async with serving(Service(lambda: Response(status_code=429)).app) as url:
        failed = await outcome(web_search(SearXNG(url)), '{"query": "ferry"}')
    assert isinstance(failed, FailedCall)
    assert failed.retryable
    assert "server.limiter" in failed.reason


async def test_any_back_end_will_do(ran) -> None:
    class Memory:
        async def search(self, query: str, *, limit: int) -> AsyncGenerator[Hit, None]:
            for number in range(limit):
                yield Hit(f"{query} {number}", f"https://memory.example/{number}")

    *_, last = await ran(web_search(Memory(), name="remember"), '{"query": "ferry", "limit": 2}')
    assert last.text == (
        '{"title":"ferry 0","url":"https://memory.example/0"}\n{"title":"ferry 1","url":"https://memory.example/1"}'
    )
