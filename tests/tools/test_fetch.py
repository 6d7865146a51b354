"""What fetching a page gives, and what no page can make it do. The server is real; the names are made up."""

import builtins
import gzip
import socket
import sys
import tracemalloc
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.abc
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from counterpoint.errors import ConfigurationError, MissingExtra, ToolError, ToolUnavailable
from counterpoint.shared_context.notes import Delivery, Source
from counterpoint.tools import FailedCall, Returned
from counterpoint.tools.fetch import Fetcher, fetch
from counterpoint.tools.html_text import Link

pytestmark = pytest.mark.real

ARTICLE = """<!doctype html><html><head><title>Ferries &amp; fares</title></head><body>
<nav><a href="/home">Home</a><a href="/news">News</a></nav>
<article><h1>Ferries and fares</h1>
<p>In winter the ferry to Ystad leaves at ten, and it takes an hour and a half to cross the sea in calm weather.</p>
<p>Before you travel, look at <a href="/fares?year=2026#adult">the fares</a>, because they change with each season,
and at <a href="javascript:alert(1)">the fine print</a> that nobody has ever read to its end.</p></article>
<footer>All rights reserved.</footer></body></html>"""


class Site:
    """Pages by path, at `http://site.test` and every other name, all of which are this machine."""

    def __init__(self, pages: dict[str, Callable[[Request], Response]]) -> None:
        self.asked: list[Request] = []
        self.app = Starlette(routes=[Route(path, self._answered(page)) for path, page in pages.items()])

    def _answered(self, page: Callable[[Request], Response]) -> Any:
        async def answer(request: Request) -> Response:
            self.asked.append(request)
            return page(request)

        return answer


def fixed(
    body: str | bytes, kind: str = "text/html", status: int = 200, **headers: str
) -> Callable[[Request], Response]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    content = body.encode() if isinstance(body, str) else body
    return lambda _: Response(content, status, headers={"content-type": kind, **names} if kind else names)


def to(url: str, status: int = 302) -> Callable[[Request], Response]:
    return lambda _: RedirectResponse(url, status)


class Names:
    """A name service of one's own. The last answer that is given for a name stays."""

    def __init__(self, **answers: Sequence[str]) -> None:
        self._answers = {name.replace("_", "."): list(found) for name, found in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        found = self._answers.get(host)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return (found.pop(0) if len(found) > 1 else found[0]).split()


HERE = Names(site_test=["127.0.0.1"], other_test=["127.0.0.1"])


def at(url: str, path: str = "/", host: str = "site.test") -> str:
    return url.replace("127.0.0.1", host) + path


def fetcher(**options: Any) -> Fetcher:
    return Fetcher(**{"allow": ["127.0.0.1"], "resolve": HERE, "seconds": 20, **options})


@asynccontextmanager
async def talking(how: Callable[[anyio.abc.SocketStream], Awaitable[None]]) -> AsyncGenerator[int, None]:
    """A server below HTTP, at a port of this machine."""
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, how)
        yield listener.extra_attributes[anyio.abc.SocketAttribute.local_port]()
        tasks.cancel_scope.cancel()


async def test_a_page_is_read_as_its_article_with_the_links_in_it(serving) -> None:
    async with serving(Site({"/ferries": fixed(ARTICLE)}).app) as url:
        page = await fetcher().fetch(at(url, "/ferries#winter"))
        assert page.url == at(url, "/ferries")
        assert page.links == (Link("the fares", at(url, "/fares?year=2026")),)
    assert page.title == "Ferries & fares"
    assert "In winter the ferry to Ystad leaves at ten" in page.text
    assert "News" not in page.text
    assert "<" not in page.text
    assert not page.cut


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        ("plain < text", "text/plain", "plain < text"),
        ("# Head\n\n*md*", "text/markdown; charset=utf-8", "# Head\n\n*md*"),
        ('{"a": 1}', "application/json", '{"a": 1}'),
        ('{"a": 1}', "application/problem+json", '{"a": 1}'),
        ("no kind at all", "", "no kind at all"),
        ("<p>no kind, but HTML</p>", "", "no kind, but HTML"),
        ("<p>short</p>", "TEXT/HTML", "short"),
        ("Fähre".encode("latin-1"), "text/plain; charset=iso-8859-1", "Fähre"),
        ("Fähre".encode("latin-1"), "text/plain; charset=utf-8", "Fähre"),
        ("Fähre".encode(), "text/plain; charset=nonsense", "Fähre"),
        ("Fähre".encode(), "text/plain; charset=rot13", "Fähre"),
        ("Fähre".encode(), "text/plain; charset=zip", "Fähre"),
        ("Fähre".encode(), "text/plain", "Fähre"),
        ("Fähre".encode("utf-16"), "text/plain", "Fähre"),
        ("“Fähre”".encode("cp1252"), "text/plain; charset=latin-1", "“Fähre”"),
        ("フェリー".encode("shift_jis"), "text/plain; charset=Shift_JIS", "フェリー"),
        ("<meta charset='koi8-r'><p>паром идёт</p>".encode("koi8-r"), "text/html", "паром идёт"),
        ('<?xml version="1.0" encoding="utf-8"?><html><p>паром идёт</p></html>', "application/xhtml+xml", "паром идёт"),
    ],
)
async def test_text_is_read_in_whatever_form_and_charset_it_comes(
    serving, body: str | bytes, kind: str, text: str
) -> None:
    async with serving(Site({"/": fixed(body, kind)}).app) as url:
        assert (await fetcher().fetch(at(url))).text == text


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b"%PDF-1.7", "application/pdf", "is application/pdf; only HTML, plain text, Markdown and JSON can be read"),
        (b"\x89PNG", "image/png", "is image/png"),
        (b"<rss/>", "application/rss+xml", "is application/rss"),
        (bytes(range(32)) * 100, "text/plain", "says that it is text, but it is not"),
        ("", "text/html", "has no text that can be read"),
        ("<html><script>render()</script></html>", "text/html", "has no text that can be read"),
    ],
)
async def test_what_cannot_be_read_is_refused_with_what_it_is(serving, body: Any, kind: str, says: str) -> None:
    async with serving(Site({"/": fixed(body, kind)}).app) as url:
        with pytest.raises(ToolError, match=says):
            await fetcher().fetch(at(url))


@pytest.mark.parametrize(
    ("status", "says", "later"),
    [
        (404, "answered 404 Not Found: there is no such page", False),
        (410, "there is no such page", False),
        (401, "does not let everybody read it", False),
        (403, "does not let everybody read it", False),
        (418, "answered 418", False),
        (302, "answered 302", False),
        (429, "try again later", True),
        (503, "answered 503 Service Unavailable: try again later", True),
    ],
)
async def test_a_refusal_of_the_server_is_passed_on(serving, status: int, says: str, later: bool) -> None:
    async with serving(Site({"/": fixed("no", status=status)}).app) as url:
        with pytest.raises(ToolError, match=says) as refused:
            await fetcher().fetch(at(url))
    assert isinstance(refused.value, ToolUnavailable) is later


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("ftp://site.test/", "only addresses with http:// or https:// can"),
        ("file:///etc/passwd", "only addresses with"),
        ("javascript:alert(1)", "only addresses with"),
        ("site.test", "only addresses with"),
        ("//site.test/", "only addresses with"),
        ("http://", "only addresses with"),
        ("", "only addresses with"),
        ("http://site.test:port/", "is not an address"),
        ("http://[::1", "is not an address"),
        ("http://a\x00b/", "is not an address"),
        ("http://anna:hunter2@site.test/", "with a user name or a password in it is not fetched"),
    ],
)
async def test_only_addresses_of_pages_are_fetched(address: str, says: str) -> None:
    with pytest.raises(ToolError, match=says) as refused:
        await fetcher().fetch(address)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",  # noqa: S104 (it is refused)
    ],
)
async def test_this_machine_is_refused_in_every_spelling(serving, host: str) -> None:
    site = Site({"/": fixed(ARTICLE)})
    async with serving(site.app) as url:
        with pytest.raises(
            ToolError, match=r"which is not a public address: it may not be fetched|no host called|not an address"
        ):
            await Fetcher().fetch(at(url, host=host))
    assert site.asked == []


@pytest.mark.parametrize(
    "answer", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "1.1.1.1 10.0.0.1", "::ffff:10.0.0.1"]
)
async def test_a_name_that_leads_to_a_private_address_is_refused(answer: str) -> None:
    with pytest.raises(ToolError, match=r"evil.test is at .*, which is not a public address"):
        await Fetcher(resolve=Names(evil_test=[answer])).fetch("http://evil.test/")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed_and_the_page_says_where_it_was_found(serving, status: int) -> None:
    site = Site({"/old": to("/new", status), "/new": fixed(ARTICLE)})
    async with serving(site.app) as url:
        assert (await fetcher().fetch(at(url, "/old"))).url == at(url, "/new")


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("http://private.test/", "private.test is at 10.0.0.1, which is not a public address"),
        ("http://10.0.0.1/", "which is not a public address"),
        ("http://[::1]/", "which is not a public address"),
        ("//private.test/", "private.test is at 10.0.0.1"),
        ("file:///etc/passwd", "only addresses with http"),
        ("http://anna:pw@other.test/", "with a user name or a password"),
        ("http://[", "There is no host called %5b"),
    ],
)
async def test_a_redirect_opens_no_door_that_is_closed(serving, target: str, says: str) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"] if host == "site.test" else ["10.0.0.1"] if host == "private.test" else [host.strip("[]")]

    async with serving(Site({"/": fixed("", status=302, location=target)}).app) as url:
        with pytest.raises(ToolError, match=says):
            await fetcher(resolve=resolve).fetch(at(url))


async def test_a_redirect_loop_is_noticed(serving) -> None:
    site = Site({"/a": to("/b"), "/b": to("/a#again")})
    async with serving(site.app) as url:
        with pytest.raises(ToolError, match=r"/a leads back to itself by redirects"):
            await fetcher().fetch(at(url, "/a"))
    assert len(site.asked) == 2


async def test_endless_redirects_are_given_up(serving) -> None:
    site = Site({"/{number:int}": lambda request: RedirectResponse(f"/{request.path_params['number'] + 1}")})
    async with serving(site.app) as url:
        with pytest.raises(ToolError, match=r"/4 was not reached: there were more than 3 redirects"):
            await fetcher(redirects=3).fetch(at(url, "/0"))
    assert len(site.asked) == 4


async def test_a_name_that_changes_its_answer_is_asked_once_and_taken_at_its_word(serving) -> None:
    names = Names(site_test=["127.0.0.1", "10.0.0.1"])
    site = Site({"/": fixed(ARTICLE)})
    async with serving(site.app) as url:
        assert (await fetcher(resolve=names).fetch(at(url))).title == "Ferries & fares"
    assert names.asked == ["site.test"]
    assert site.asked[0].headers["host"] == url.replace("http://127.0.0.1", "site.test")


async def test_a_name_that_has_changed_its_answer_by_the_next_redirect_is_refused(serving) -> None:
    names = Names(site_test=["127.0.0.1", "10.0.0.1"])
    site = Site({"/": to("/next"), "/next": fixed(ARTICLE)})
    async with serving(site.app) as url:
        with pytest.raises(ToolError, match=r"site.test is at 10.0.0.1"):
            await fetcher(resolve=names).fetch(at(url))
    assert len(site.asked) == 1


async def test_the_next_address_is_tried_when_one_does_not_answer(serving) -> None:
    async with serving(Site({"/": fixed(ARTICLE)}).app) as url:
        names = Names(site_test=["127.0.0.2 127.0.0.1"])
        page = await fetcher(resolve=names, allow=["127.0.0.0/8"]).fetch(at(url))
    assert page.title == "Ferries & fares"


async def test_the_certificate_is_asked_for_by_name_although_a_number_is_called() -> None:
    hellos: list[bytes] = []

    async def listen(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            hellos.append(await stream.receive())

    async with talking(listen) as port:
        with pytest.raises(ToolUnavailable, match="cannot be reached"):
            await fetcher().fetch(f"https://site.test:{port}/")
    assert b"site.test" in hellos[0]


async def test_an_endless_page_is_cut(serving) -> None:
    async def endless() -> AsyncGenerator[bytes, None]:
        yield b"<title>Long</title>"
        while True:
            yield b"<p>another word</p>" * 100
            await anyio.sleep(0.001)

    async with serving(Site({"/": lambda _: StreamingResponse(endless(), media_type="text/html")}).app) as url:
        page = await fetcher(size=100_000).fetch(at(url))
    assert page.cut
    assert page.title == "Long"
    assert "[cut: the page goes on]" in str(page)


@pytest.mark.parametrize("packing", ["gzip", "deflate", "raw deflate"])
async def test_a_packed_page_is_unpacked(serving, packing: str) -> None:
    raw = zlib.compressobj(wbits=-15)
    data = {
        "gzip": gzip.compress(ARTICLE.encode()),
        "deflate": zlib.compress(ARTICLE.encode()),
        "raw deflate": raw.compress(ARTICLE.encode()) + raw.flush(),
    }[packing]
    async with serving(Site({"/": fixed(data, content_encoding=packing.removeprefix("raw "))}).app) as url:
        assert (await fetcher().fetch(at(url))).title == "Ferries & fares"


async def test_a_bomb_does_not_unpack(serving) -> None:
    bomb = gzip.compress(b"x " * 50_000_000)
    async with serving(Site({"/": fixed(bomb, "text/plain", content_encoding="gzip")}).app) as url:
        await fetcher().fetch(at(url))
        tracemalloc.start()
        page = await fetcher(size=10_000).fetch(at(url))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert page.cut
    assert len(page.text) <= 10_000
    assert peak < 5_000_000


@pytest.mark.parametrize(
    ("data", "packing", "says"),
    [
        (b"not packed", "gzip", "cannot be unpacked"),
        (b"x", "br", r"packed in a way that was not asked for \(br\)"),
        (b"x", "gzip, gzip", "packed in a way that was not asked for"),
    ],
)
async def test_a_badly_packed_page_is_refused(serving, data: bytes, packing: str, says: str) -> None:
    async with serving(Site({"/": fixed(data, content_encoding=packing)}).app) as url:
        with pytest.raises(ToolError, match=says):
            await fetcher().fetch(at(url))


@pytest.mark.parametrize("path", ["/silent", "/trickle"])
async def test_a_slow_page_is_given_up(serving, path: str) -> None:
    async def trickle() -> AsyncGenerator[bytes, None]:
        if path == "/silent":
            await anyio.sleep(60)
        while True:
            yield b"."
            await anyio.sleep(0.02)

    async with serving(Site({path: lambda _: StreamingResponse(trickle(), media_type="text/plain")}).app) as url:
        with pytest.raises(ToolUnavailable, match=r"did not come within 0.2 seconds"):
            await fetcher(seconds=0.2).fetch(at(url, path))


async def test_a_server_that_speaks_no_http_is_named() -> None:
    async def babble(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await stream.send(b"220 mail.test ESMTP\r\n")

    async with talking(babble) as port:
        with pytest.raises(ToolUnavailable, match="cannot be reached"):
            await fetcher().fetch(f"http://site.test:{port}/")


async def test_a_host_that_is_not_there_is_named(unused_tcp_port: int) -> None:
    with pytest.raises(ToolUnavailable, match=r"There is no host called nowhere.test"):
        await fetcher().fetch("http://nowhere.test/")
    with pytest.raises(ToolUnavailable, match=r"There is no host called"):
        await Fetcher().fetch(f"http://{'x' * 64}.test/")
    with pytest.raises(ToolUnavailable, match="cannot be reached"):
        await fetcher().fetch(f"http://site.test:{unused_tcp_port}/")


@pytest.mark.parametrize(
    "page",
    [
        "<p>" * 100_000 + "deep",
        "<p><b>" * 50_000 + "deep",
        "<a " * 100_000 + ">shallow</a>",
        "<table><tr><td>" * 10_000 + "deep",
        "<p>a&#99999999999;b&#xFFFFFFFFFF; text</p>",
        "<p>" + "&amp;" * 100_000,
        "text " + "<!--" * 100_000,
    ],
)
async def test_a_hostile_page_is_read_in_time(serving, page: str) -> None:
    async with serving(Site({"/": fixed(page)}).app) as url:
        try:
            assert (await fetcher().fetch(at(url))).text
        except ToolError as refused:
            assert "has no text" in str(refused)  # noqa: PT017 (either will do, but nothing else)


async def test_the_tool_gives_text_with_its_source(serving, outcome) -> None:
    async with serving(Site({"/": fixed(ARTICLE)}).app) as url:
        tool = fetch(allow=["127.0.0.1"], resolve=HERE)
        result = await outcome(tool, f'{{"url": "{at(url)}"}}')
        assert result.sources == (Source(at(url, "/"), "Ferries & fares"),)
        assert result.text.startswith(f"Ferries & fares\n{at(url)}\n\n")
        assert result.text.endswith(f"Links:\n- the fares: {at(url, '/fares?year=2026')}")
    assert isinstance(result, Returned)
    assert tool.options.delivery is Delivery.SILENT


async def test_the_tool_says_why_it_refuses(outcome) -> None:
    failed = await outcome(fetch(), '{"url": "http://127.0.0.1/"}')
    assert failed == FailedCall("127.0.0.1 is at 127.0.0.1, which is not a public address: it may not be fetched.")


async def test_a_long_text_is_cut_to_what_a_model_can_read(serving, outcome) -> None:
    async with serving(Site({"/": lambda _: PlainTextResponse("word " * 100_000)}).app) as url:
        result = await outcome(fetch(allow=["127.0.0.1"], resolve=HERE), f'{{"url": "{at(url)}"}}')
    assert 14_000 < len(result.text) < 16_000
    assert result.text.endswith("[cut: the page goes on]")


def test_a_network_that_is_none_cannot_be_allowed() -> None:
    with pytest.raises(ConfigurationError, match="takes networks"):
        fetch(allow=["localhost"])


async def test_without_the_extractor_it_says_what_to_install(serving, outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = fetch(allow=["127.0.0.1"], resolve=HERE)
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("trafilatura"):
            raise ModuleNotFoundError(name=name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    async with serving(Site({"/": fixed(ARTICLE)}).app) as url:
        failed = await outcome(tool, f'{{"url": "{at(url)}"}}')
    assert "pip install 'counterpoint[fetch]'" in failed.reason
    monkeypatch.setitem(sys.modules, "trafilatura", None)
    with pytest.raises(MissingExtra, match=r"pip install 'counterpoint\[fetch\]'"):
        fetch()
