"""The tool that fetches a page of the web: http and https only, from public addresses, bounded in size and time.

What a page says is data. Where it may come from is decided by `addresses.py` and enforced by `pinned.py`, at each hop.
"""

import importlib.util
from collections.abc import Iterable
from http import HTTPStatus
from typing import Annotated, Any

import anyio
import anyio.to_thread
import httpx
import msgspec

from counterpoint.errors import MissingExtra, ToolError, ToolUnavailable
from counterpoint.shared_context.notes import Delivery, Source
from counterpoint.tools.addresses import networks
from counterpoint.tools.definition import Tool, tool
from counterpoint.tools.document_files import is_text
from counterpoint.tools.html_text import Link
from counterpoint.tools.page_body import body_text, read_body
from counterpoint.tools.pinned import PinnedTransport, Resolve, resolve
from counterpoint.tools.readable import Readable, readable
from counterpoint.tools.web_answer import tls_context

MAX_BYTES = 2_000_000
"""Of a page; what comes after is left out, and that is said."""

MAX_CHARACTERS = 15_000
"""Of a page's text: about 4,000 tokens."""

REDIRECTS = 5
SECONDS = 15.0

_HTML = frozenset(("text/html", "application/xhtml+xml"))
_TEXT = frozenset(("text/plain", "text/markdown", "text/x-markdown", "application/json", "text/json"))
_HEADERS = {
    "User-Agent": "Mozilla/5.0 (compatible; counterpoint)",
    "Accept": "text/html, application/xhtml+xml, text/plain, text/markdown, application/json",
    "Accept-Encoding": "gzip, deflate",
}


class WebPage(msgspec.Struct, frozen=True):
    """`url`: where it was found in the end. `cut`: only its beginning is here."""

    url: str
    title: str
    text: str
    links: tuple[Link, ...] = ()
    cut: bool = False

    @property
    def source(self) -> Source:
        return Source(self.url, self.title)

    def __str__(self) -> str:
        links = "".join(f"\n- {link.text}: {link.url}" for link in self.links)
        return (
            (f"{self.title}\n" if self.title else "")
            + f"{self.url}\n\n{self.text}"
            + ("\n[cut: the page goes on]" if self.cut else "")
            + (f"\n\nLinks:{links}" if links else "")
        )


class Fetcher:
    """`allow`: networks that may be fetched from besides the public ones. `seconds`: for everything together."""

    def __init__(
        self,
        *,
        allow: Iterable[str] = (),
        seconds: float = SECONDS,
        size: int = MAX_BYTES,
        redirects: int = REDIRECTS,
        resolve: Resolve = resolve,
    ) -> None:
        self._allowed = networks(allow)
        self._seconds = seconds
        self._size = size
        self._redirects = redirects
        self._resolve = resolve

    async def fetch(self, url: str) -> WebPage:
        """Raises `ToolError`, or `ToolUnavailable` where a later try may succeed, in a sentence."""
        try:
            with anyio.fail_after(self._seconds):
                transport = PinnedTransport(await tls_context(), self._allowed, self._resolve)
                async with httpx.AsyncClient(
                    transport=transport, trust_env=False, headers=_HEADERS, timeout=self._seconds
                ) as client:
                    return await self._followed(client, _checked(url))
        except (TimeoutError, httpx.TimeoutException) as error:
            raise ToolUnavailable(f"{url} did not come within {self._seconds:g} seconds.") from error
        except httpx.TransportError as error:
            raise ToolUnavailable(f"{url} cannot be reached ({type(error).__name__}).") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ToolError(f"{url} gave an answer that cannot be read ({type(error).__name__}).") from error

    async def _followed(self, client: httpx.AsyncClient, url: httpx.URL) -> WebPage:
        visited: set[httpx.URL] = set()
        while len(visited) <= self._redirects:
            if url in visited:
                raise ToolError(f"{url} leads back to itself by redirects.")
            visited.add(url)
            async with client.stream("GET", url) as response:
                if (target := response.headers.get("location")) is None or not response.is_redirect:
                    return await self._read(response)
            url = _checked(str(url.join(target)))
        raise ToolError(f"{url} was not reached: there were more than {self._redirects} redirects.")

    async def _read(self, response: httpx.Response) -> WebPage:
        _check_status(response)
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind and kind not in _HTML and kind not in _TEXT and not kind.endswith("+json"):
            raise ToolError(f"{response.url} is {kind[:80]}; only HTML, plain text, Markdown and JSON can be read.")
        body = await read_body(response, self._size)
        if not is_text(text := body_text(body, response.charset_encoding)):
            raise ToolError(f"{response.url} says that it is text, but it is not.")
        if kind in _HTML or (not kind and text.lstrip()[:1] == "<"):
            url = str(response.url)
            found = await anyio.to_thread.run_sync(readable, text, url, abandon_on_cancel=True)
        else:
            found = Readable("", text)
        if not found.text.strip():
            raise ToolError(f"{response.url} has no text that can be read.")
        cut = body.cut or len(found.text) > MAX_CHARACTERS
        return WebPage(str(response.url), found.title[:200], found.text[:MAX_CHARACTERS].strip(), found.links, cut)


def _checked(url: str) -> httpx.URL:
    """Only what a person would type to read a page."""
    try:
        read = httpx.URL(url.strip()).copy_with(fragment=None)
    except httpx.InvalidURL as error:
        raise ToolError(f"{url[:200]!r} is not an address: {error}.") from error
    if read.scheme not in ("http", "https") or not read.host:
        raise ToolError(f"{url[:200]!r} cannot be fetched: only addresses with http:// or https:// can.")
    if read.userinfo:
        raise ToolError("An address with a user name or a password in it is not fetched.")
    return read


def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    if status == HTTPStatus.OK:
        return
    told = f"{response.url} answered {status} {response.reason_phrase}".rstrip()
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        raise ToolError(f"{told}: there is no such page.")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise ToolError(f"{told}: it does not let everybody read it.")
    if status == HTTPStatus.TOO_MANY_REQUESTS or response.is_server_error:
        raise ToolUnavailable(f"{told}: try again later.")
    raise ToolError(f"{told}.")


def fetch(
    *,
    allow: Iterable[str] = (),
    seconds: float = SECONDS,
    size: int = MAX_BYTES,
    redirects: int = REDIRECTS,
    resolve: Resolve = resolve,
    name: str = "fetch",
) -> Tool[..., Any]:
    """A tool that fetches a page. Raises `MissingExtra` if what it needs is not installed."""
    if importlib.util.find_spec("trafilatura") is None:
        raise MissingExtra("fetching a page", "fetch")
    fetcher = Fetcher(allow=allow, seconds=seconds, size=size, redirects=redirects, resolve=resolve)

    @tool(name=name, delivery=Delivery.SILENT, timeout=seconds + 5, duplicates="join", max_result=2 * MAX_CHARACTERS)
    async def fetch(url: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]) -> WebPage:
        """Fetch a web page and return its title, its readable text and the links in it.

        Args:
            url: The page's full address, with http:// or https://.
        """
        return await fetcher.fetch(url)

    return fetch
