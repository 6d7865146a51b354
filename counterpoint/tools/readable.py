"""What there is to read on a page: title, text, and the links in the text. Blocking: use it in worker threads.

The article is told from what surrounds it by trafilatura (the extra `fetch`), imported on first use.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any, cast
from urllib.parse import urldefrag, urljoin

import msgspec

from counterpoint.errors import MissingExtra
from counterpoint.tools.html_text import HtmlPage, Link, read_html

MAX_TAGS = 20_000
"""Finding the article takes seconds on a page with more; such a page is read as it is."""

MAX_LINKS = 20

logger = logging.getLogger(__name__)


class Readable(msgspec.Struct, frozen=True):
    title: str
    text: str
    links: tuple[Link, ...] = ()


def readable(html: str, url: str) -> Readable:
    """`url`: of the page, which its links are relative to. Raises `MissingExtra`."""
    page = read_html(html)
    text = _article(html) or "\n\n".join(block.text for block in page.blocks)
    return Readable(page.title, text, tuple(_links(page, text, url))[:MAX_LINKS])


def _article(html: str) -> str:
    extract = _extractor()
    if html.count("<") > MAX_TAGS:
        return ""
    try:
        return extract(html, include_comments=False, include_tables=True) or ""
    except Exception:  # whatever a page makes a parser raise, the page can still be read plainly
        logger.debug("no article could be found in a page", exc_info=True)
        return ""


def _extractor() -> Callable[..., str | None]:
    """Some installers leave out a part of lxml that it needs: that is a missing extra as well."""
    try:
        import trafilatura
    except ImportError as error:
        raise MissingExtra("fetching a page", "fetch") from error
    return cast("Any", trafilatura).extract


def _links(page: HtmlPage, text: str, url: str) -> Iterator[Link]:
    """Those whose words stand in the text, once each: the others are navigation."""
    seen = {urldefrag(url).url}
    for link in page.links:
        try:
            address = urldefrag(urljoin(url, link.url)).url
        except ValueError:
            continue
        if address.startswith(("http://", "https://")) and address not in seen and link.text and link.text in text:
            seen.add(address)
            yield Link(link.text, address)
