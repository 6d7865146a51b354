"""Search in a folder of documents: an index of its passages that follows the folder, and the tool that uses it.

All reading is done in worker threads, a few files at a time. Languages that are written without spaces between words
are found by whole phrases only.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import anyio
import anyio.to_thread
import msgspec

from counterpoint.errors import ConfigurationError, ToolError
from counterpoint.shared_context.notes import Delivery
from counterpoint.tools.context import ToolContext
from counterpoint.tools.definition import Tool, tool
from counterpoint.tools.document_files import Found, NotTextError, Skipped, read_text, walk
from counterpoint.tools.passage_table import Passage, PassageTable
from counterpoint.tools.sections import Document, take_apart

__all__ = ["DocumentIndex", "Passage", "Refreshed", "Skipped", "documents"]

_BATCH = 20
"""Files indexed in one go: some 20 ms, after which others get their turn."""

_WORTH_SAYING = 200
"""Below so many new files, indexing is over before it is worth a word."""

FRESH_SECONDS = 2.0
"""The folder is not read again for a search that comes sooner after the last one."""


class Refreshed(msgspec.Struct, frozen=True):
    """How many documents were read anew, because they are new or changed, and how many are gone."""

    read: int = 0
    removed: int = 0


class DocumentIndex:
    """Nothing is read before `refresh`. `cache`: a file that keeps the index for the next run (default: memory).

    `skipped`: the files that the last `refresh` could not take in, and why.
    """

    def __init__(self, folder: Path | str, cache: Path | str | None = None) -> None:
        self.folder = Path(folder).absolute()
        self.skipped: tuple[Skipped, ...] = ()
        self._table = PassageTable(self.folder, Path(cache) if cache else None)
        self._refreshing = anyio.Lock()

    async def refresh(self, progress: Callable[[str], None] = lambda _: None) -> Refreshed:
        """Read what is new or has changed, forget what is gone.

        Raises `ConfigurationError` if there is no such folder or the cache cannot be used.
        """
        async with self._refreshing:
            found, skipped = await anyio.to_thread.run_sync(self._look)
            known = await anyio.to_thread.run_sync(self._table.known)
            gone = known.keys() - {file.path for file in found}
            if gone:
                await anyio.to_thread.run_sync(self._table.remove, gone)
            new = [file for file in found if known.get(file.path) != file]
            for start in range(0, len(new), _BATCH):
                if len(new) >= _WORTH_SAYING and start % _WORTH_SAYING == 0:
                    progress(f"Reading the documents: {start} of {len(new)}")
                skipped += await anyio.to_thread.run_sync(self._read, new[start : start + _BATCH])
            skipped += await anyio.to_thread.run_sync(self._table.skipped)
            self.skipped = tuple(sorted(skipped))
            return Refreshed(len(new), len(gone))

    async def search(self, query: str, k: int = 5) -> list[Passage]:
        """The `k` passages that fit a question or some words best, as far as the folder has been read."""
        return await anyio.to_thread.run_sync(self._table.search, query, k)

    async def count(self) -> int:
        """How many documents there are to search in."""
        return await anyio.to_thread.run_sync(self._table.documents)

    async def aclose(self) -> None:
        """Close the cache; the index opens again when it is used again."""
        await anyio.to_thread.run_sync(self._table.close)

    def _look(self) -> tuple[list[Found], list[Skipped]]:
        try:
            seen = list(walk(self.folder))
        except OSError as error:
            raise ConfigurationError(f"The folder {self.folder} cannot be read: {error.strerror}") from error
        return [each for each in seen if isinstance(each, Found)], [each for each in seen if isinstance(each, Skipped)]

    def _read(self, files: Sequence[Found]) -> list[Skipped]:
        """What holds no text is remembered until it changes; what could not be read is tried again next time."""
        contents: dict[Found, Document | Skipped] = {}
        unreadable: list[Skipped] = []
        for file in files:
            try:
                contents[file] = take_apart(read_text(self.folder, file.path), Path(file.path).suffix.lower())
            except NotTextError as error:
                contents[file] = Skipped(file.path, str(error))
            except OSError as error:
                unreadable.append(Skipped(file.path, f"unreadable: {error.strerror}"))
        self._table.remove([each.path for each in unreadable])
        self._table.put(contents)
        return unreadable


def documents(folder: Path | str, *, cache: Path | str | None = None, name: str = "search") -> Tool[..., Any]:
    """A tool that searches a folder of documents (text, Markdown, reStructuredText, HTML, code).

    Each passage is a partial result, with its file as its source. Raises `ConfigurationError` if there is no folder.
    """
    index = DocumentIndex(folder, cache)
    if not index.folder.is_dir():
        raise ConfigurationError(f"{index.folder} is not a folder: name the one with the documents to search")
    refreshed_at = float("-inf")

    @tool(name=name, delivery=Delivery.SILENT, timeout=60, duplicates="join", max_result=30_000)
    async def search(
        query: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)],
        k: Annotated[int, msgspec.Meta(ge=1, le=20)] = 5,
        *,
        context: ToolContext[Any],
    ) -> AsyncGenerator[Passage, None]:
        """Search the documents. Returns the passages that fit best, each with the file it is from.

        Args:
            query: A question, or the words to look for.
            k: How many passages to return.
            context: Filled in.
        """
        nonlocal refreshed_at
        if anyio.current_time() - refreshed_at > FRESH_SECONDS:
            await index.refresh(context.progress)
            refreshed_at = anyio.current_time()
        if not await index.count():
            raise ToolError(
                f"There is nothing to search in: the folder {index.folder.name!r} has no readable documents."
            )
        for passage in await index.search(query, k):
            yield passage

    return search
