"""`counterpoint replay`: makes the decisions of a conversation again, from its log, and says whether they are the same.

With a recording it runs the model again instead.
"""

from contextlib import aclosing
from importlib import import_module
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec

from counterpoint.cli.export import lines_of
from counterpoint.cli.options import kept_elsewhere
from counterpoint.cli.score import clock
from counterpoint.errors import ConfigurationError, CounterpointError
from counterpoint.interaction.engines.load import load_interaction
from counterpoint.interaction.policy import Policy
from counterpoint.interaction.recordings import SUFFIX, Rerun, rerun
from counterpoint.interaction.replay import Difference, SessionReplay, replay_decisions
from counterpoint.shared_context.connect import connect
from counterpoint.shared_context.entries import Body, Stored
from counterpoint.shared_context.escaping import shown
from counterpoint.shared_context.ids import Beat, ConversationId
from counterpoint.shared_context.portable import Head, LineReader
from counterpoint.shared_context.reading import reading
from counterpoint.shared_context.store import Snapshot


class ReplayDiffers(CounterpointError):
    """What was decided, or said, now is not what was then."""


class ReplayOptions(msgspec.Struct, frozen=True):
    """As on the command line. `what`: a file, or with a `store` a conversation. `until`: a beat."""

    what: str
    store: str | None = None
    until: int | None = None
    policy: str | None = None
    interaction: str | None = None


class _Kept(msgspec.Struct, frozen=True):
    conversation: ConversationId
    log: list[Stored]
    snapshot: Snapshot | None
    unreadable: int = 0


async def replay(options: ReplayOptions) -> None:
    """A line for each session. Raises `ReplayDiffers` at the first difference, after it was printed."""
    if options.interaction is not None:
        await _rerun(Path(options.what), options.interaction)
        return
    policy = None if options.policy is None else load_policy(options.policy)
    kept = await (_exported(Path(options.what)) if options.store is None else _stored(options.what, options.store))
    until = None if options.until is None else Beat(options.until)
    sessions = await replay_decisions(kept.conversation, kept.log, kept.snapshot, policy=policy, until=until)
    if kept.unreadable:
        print(f"{kept.unreadable} entries cannot be read")
    for line in (line for session in sessions for line in _told(session).splitlines()):
        print(shown(line))
    same = sum(session.same for session in sessions)
    if any(session.difference for session in sessions):
        raise ReplayDiffers(f"the replay differs; {same} decisions were the same before that")
    print(f"the same {same} decisions" if sessions else "nothing was decided in this log")


def load_policy(name: str) -> Policy:
    """The function at `module:name`. Raises `ConfigurationError`."""
    module, separator, attribute = name.partition(":")
    if not separator:
        raise ConfigurationError(f"--policy: {name!r} is not MODULE:NAME")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"--policy: {name} was not found: {error}") from error
    if not callable(found):
        raise ConfigurationError(f"--policy: {name} is no function")
    return found  # pyright: ignore[reportReturnType] (what it is comes to light when it decides)


async def _rerun(folder: Path, name: str) -> None:
    """Every recording in a folder (or the one named), with the model of that name."""
    found = await anyio.to_thread.run_sync(lambda: [folder] if folder.is_file() else sorted(folder.glob(f"*{SUFFIX}")))
    if not found:
        raise ConfigurationError(f"{folder} holds no recording: none of its files ends in {SUFFIX}")
    model = await anyio.to_thread.run_sync(load_interaction, name)
    same, differ = 0, False
    for path in found:
        run = await rerun(path, model)
        same += run.same
        differ = differ or run.difference is not None
        for line in _reran(run):
            print(shown(line))
    if differ:
        raise ReplayDiffers(f"the model says something else; {same} steps came out the same")
    print(f"the same {same} steps")


def _reran(run: Rerun) -> list[str]:
    lines = [f"session {run.session}: the same {run.same} steps"]
    if run.fingerprint != run.now:
        lines += ["  recorded with another model, or elsewhere:", f"    then {run.fingerprint}", f"    now  {run.now}"]
    if run.difference is not None:
        span = run.difference.span
        lines += [
            f"  the next one, at {clock(span.first)} (beat {span.first}, part {span.part}), differs:",
            *_fields(run.difference.expected, run.difference.got),
        ]
    if run.stopped:
        lines.append(f"  not run to its end: {run.stopped}")
    return lines


def _fields(then: msgspec.Struct, now: msgspec.Struct) -> list[str]:
    """Where two structs of one kind differ."""
    names = [name for name in then.__struct_fields__ if getattr(then, name) != getattr(now, name)]
    kind = type(then).__name__
    return [f"  {kind}.{name}: {_shown(getattr(then, name))}, now {_shown(getattr(now, name))}" for name in names]


async def _exported(path: Path) -> _Kept:
    if await anyio.Path(path).is_dir():
        raise ConfigurationError(f"{path} is a folder: with recordings in it, name the model with --interaction")
    if not await anyio.Path(path).is_file():
        raise ConfigurationError(f"{path} is not a file; name the --store of a conversation that was not exported")
    reader, log, head = LineReader(), list[Stored](), None
    async with aclosing(lines_of(path)) as some:
        async for lines in some:
            for line in lines:
                read = reader.read(line)
                if isinstance(read, Stored):
                    log.append(read)
                elif isinstance(read, Head):
                    head = read
    whole = reader.finish()
    return _Kept(whole.conversation, log, head.snapshot if head else None)


async def _stored(what: str, url: str) -> _Kept:
    conversation, log, unreadable = ConversationId(what), list[Stored](), 0
    async with connect(kept_elsewhere(url)) as store:
        snapshot = await store.last_snapshot(conversation)
        async with aclosing(reading(store, conversation)) as entries:
            async for each in entries:
                if isinstance(each, Stored):
                    log.append(each)
                else:
                    unreadable += each.last - each.first + 1
    return _Kept(conversation, log, snapshot, unreadable)


def _told(session: SessionReplay) -> str:
    name = f"epoch {session.epoch}" + (f", session {session.session}" if session.session else "")
    if session.difference is not None:
        return f"{name}: {session.same} decisions are the same, then\n{_differs(session.difference)}"
    if session.stopped:
        done = f"the same {session.same} decisions to beat {session.beat}; " if session.same else ""
        return f"{name}: {done}cannot be replayed: {session.stopped}"
    return f"{name}: the same {session.same} decisions to beat {session.beat}"


def _differs(difference: Difference) -> str:
    place = "" if difference.position is None else f", position {difference.position}"
    expected, got = difference.expected, difference.got
    if expected is not None and got is not None and type(expected) is type(got):
        what = _fields(expected, got) or [f"  {type(expected).__name__}, the same in another beat"]
    else:
        what = [f"  then {_body(expected)}", f"  now  {_body(got)}"]
    return "\n".join([f"  at {clock(difference.beat)} (beat {difference.beat}{place}):", *what])


def _body(body: Body | None) -> str:
    return "nothing" if body is None else f"{type(body).__name__} {_shown(body)}"


def _shown(value: object) -> str:
    return msgspec.json.encode(value).decode()
