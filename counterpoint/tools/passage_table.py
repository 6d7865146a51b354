"""Passages of documents in SQLite, found by their words (FTS5). Blocking: use it in worker threads.

It knows nothing of files and formats. One connection, one lock: what a cancelled caller left running is waited for.
"""

import re
import sqlite3
import threading
import weakref
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from counterpoint.errors import ConfigurationError, ToolUnavailable
from counterpoint.shared_context.notes import Source
from counterpoint.tools.document_files import Found, Skipped
from counterpoint.tools.sections import Document

_APPLICATION = 0x43505349
_VERSION = 1
_SCHEMA = f"""
PRAGMA application_id = {_APPLICATION};
CREATE TABLE folder (path TEXT);
CREATE TABLE files (
    id INTEGER PRIMARY KEY, path TEXT UNIQUE, changed INTEGER, size INTEGER, title TEXT, skipped TEXT
);
CREATE TABLE passages (id INTEGER PRIMARY KEY, file INTEGER);
CREATE INDEX passages_of_file ON passages (file);
CREATE VIRTUAL TABLE words USING fts5 (
    title, heading, text, tokenize = 'porter unicode61 remove_diacritics 2'
);
"""

MAX_WORDS = 32
"""Words of a query that are looked up; a longer one is a text, not a question."""

_UNTELLING = """
    a about all also am an and any are as at be been but by can could did do does for from had has have he her his how i
    if in into is it its just me my no not of on or our please shall she should so some such tell than that the their
    them then there these they this those to us was we were what when where which who whom whose why will with would you
    your
"""
_STOP_WORDS = frozenset(_UNTELLING.split())


class Passage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A few sentences of a document. `heading`: what they stand under. `score`: higher is better, within one search."""

    text: str
    source: Source
    heading: str = ""
    score: float = 0.0


def match_expression(question: str) -> str:
    """The words of a question that carry it, any of which may match. Nothing in it is FTS5 syntax any more."""
    words = list(dict.fromkeys(word.lower() for word in re.findall(r"\w+", question.replace("_", " "))))
    telling = [word for word in words if word not in _STOP_WORDS] or words
    return " OR ".join(f'"{word}"' for word in telling[:MAX_WORDS])


class PassageTable:
    """In memory, or in a file that another run can go on with. Opens on first use; closes when it is collected.

    Raises `ConfigurationError` if the file is not one of ours or cannot be used.
    """

    def __init__(self, folder: Path, file: Path | None = None) -> None:
        self._folder = folder
        self._file = file
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def known(self) -> dict[str, Found]:
        with self._use() as connection:
            rows = connection.execute("SELECT path, changed, size FROM files")
            return {path: Found(path, changed, size) for path, changed, size in rows}

    def skipped(self) -> list[Skipped]:
        with self._use() as connection:
            rows = connection.execute("SELECT path, skipped FROM files WHERE skipped IS NOT NULL")
            return [Skipped(path, reason) for path, reason in rows]

    def documents(self) -> int:
        with self._use() as connection:
            return connection.execute("SELECT count(*) FROM files WHERE skipped IS NULL").fetchone()[0]

    def put(self, files: Mapping[Found, Document | Skipped]) -> None:
        """Replace what is known of these files, all in one transaction."""
        with self._use() as connection:
            _remove(connection, (file.path for file in files))
            for file, content in files.items():
                _insert(connection, file, content)

    def remove(self, paths: Iterable[str]) -> None:
        with self._use() as connection:
            _remove(connection, paths)

    def search(self, question: str, k: int) -> list[Passage]:
        """The best first. A word in a heading counts three times, in the document's title twice."""
        if not (expression := match_expression(question)):
            return []
        with self._use() as connection:
            rows = connection.execute(
                """
                SELECT files.path, files.title, words.heading, words.text, -bm25(words, 2.0, 3.0, 1.0) AS score
                FROM words JOIN passages ON passages.id = words.rowid JOIN files ON files.id = passages.file
                WHERE words MATCH ? ORDER BY score DESC, words.rowid LIMIT ?
                """,
                (expression, k),
            ).fetchall()
        return [
            Passage(text, Source(path, title), heading, round(score, 3)) for path, title, heading, text, score in rows
        ]

    @contextmanager
    def _use(self) -> Generator[sqlite3.Connection, None, None]:
        """One transaction."""
        with self._lock:
            try:
                with self._open() as connection:
                    yield connection
            except sqlite3.OperationalError as error:
                raise ToolUnavailable(f"The index of the documents cannot be used just now: {error}") from error
            except sqlite3.Error as error:
                raise ConfigurationError(
                    f"The index of {self._folder} is damaged: {error}; delete {self._file}"
                ) from error

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            place = str(self._file) if self._file else ":memory:"
            try:
                connection = sqlite3.connect(place, check_same_thread=False, timeout=5)
            except sqlite3.Error as error:
                raise ConfigurationError(f"The index {place} cannot be opened: {error}") from error
            weakref.finalize(self, connection.close)
            try:
                _prepare(connection, str(self._folder), place)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection


def _prepare(connection: sqlite3.Connection, folder: str, place: str) -> None:
    """An empty file becomes an index; one of an older version is made anew; a foreign one is left alone."""
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        if tables and application != _APPLICATION:
            raise ConfigurationError(f"{place} is another program's database: name another file for the index")
        if tables and version == _VERSION:
            (known,) = connection.execute("SELECT path FROM folder").fetchone()
            if known != folder:
                raise ConfigurationError(f"{place} is the index of {known}: name another file for that of {folder}")
            return
        for name in ("words", "passages", "files", "folder"):
            connection.execute(f"DROP TABLE IF EXISTS {name}")
        connection.executescript(_SCHEMA)
        with connection:
            connection.execute("INSERT INTO folder VALUES (?)", (folder,))
        connection.execute(f"PRAGMA user_version = {_VERSION}")
    except sqlite3.Error as error:
        raise ConfigurationError(
            f"The index {place} cannot be used: {error}; delete it or name another file"
        ) from error


def _remove(connection: sqlite3.Connection, paths: Iterable[str]) -> None:
    for path in paths:
        connection.execute(
            """
            DELETE FROM words WHERE rowid IN (
                SELECT passages.id FROM passages JOIN files ON files.id = passages.file WHERE files.path = ?
            )
            """,
            (path,),
        )
        connection.execute("DELETE FROM passages WHERE file = (SELECT id FROM files WHERE path = ?)", (path,))
        connection.execute("DELETE FROM files WHERE path = ?", (path,))


def _insert(connection: sqlite3.Connection, file: Found, content: Document | Skipped) -> None:
    skipped = content.reason if isinstance(content, Skipped) else None
    title = content.title if isinstance(content, Document) else ""
    row = connection.execute(
        "INSERT INTO files (path, changed, size, title, skipped) VALUES (?, ?, ?, ?, ?)",
        (file.path, file.changed, file.size, title, skipped),
    )
    for passage in content.passages if isinstance(content, Document) else ():
        place = connection.execute("INSERT INTO passages (file) VALUES (?)", (row.lastrowid,))
        connection.execute(
            "INSERT INTO words (rowid, title, heading, text) VALUES (?, ?, ?, ?)",
            (place.lastrowid, title, passage.heading, passage.text),
        )
