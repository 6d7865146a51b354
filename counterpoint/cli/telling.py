"""Entries of the log in words: what becomes of the work, and what befalls the conversation. Pure."""

from counterpoint.errors import CorruptRecord
from counterpoint.shared_context.codec import decode
from counterpoint.shared_context.entries import (
    Amended,
    ApprovalAnswered,
    ApprovalAsked,
    Asked,
    Body,
    Closed,
    Degraded,
    Failed,
    Gap,
    Left,
    MediaFault,
    Opened,
    Orphaned,
    Paused,
    Recovered,
    Resumed,
    Settled,
    Stored,
    Taken,
    TooLate,
    ToolCalled,
    ToolReturned,
    Unknown,
    Withdrawn,
)
from counterpoint.shared_context.resume_token import ResumeToken

_SHOWN = 400


def told(body: Body) -> str:
    """For the lane of the background; empty for what is not about it."""
    match body:
        case Asked(delegation=delegation):
            return f"{delegation.id} asked: {delegation.request}"
        case Amended(delegation=id, text=text):
            return f"{id} corrected: {text}"
        case Withdrawn(delegation=id, reason=reason):
            return f"{id} withdrawn{_because(reason)}"
        case TooLate(wish=wish):
            return _too_late(wish)
        case Taken(delegation=id, attempt=attempt):
            return f"{id} taken" + (f" (attempt {attempt})" if attempt > 1 else "")
        case ToolCalled(delegation=id, tool=tool, arguments=arguments, effects=effects):
            return f"{id} calls {tool}({brief(arguments)})" + (" (writes)" if effects != "read" else "")
        case ToolReturned(delegation=id, failed=failed, result=result, seconds=seconds):
            done = "failed" if failed else "returned"
            return f"{id} tool {done} after {seconds:.2f} s: {brief(result)}"
        case ApprovalAsked(delegation=id, question=question):
            return f"{id} asks for approval: {question}"
        case ApprovalAnswered(approved=approved, reason=reason):
            return ("approved" if approved else "refused") + _because(reason)
        case Settled(delegation=id, state=state, reason=reason):
            return f"{id} {state.value}{_because(reason)}"
        case _:
            return ""


def befallen(stored: Stored) -> str:
    """For a line across: who hosts, what was not lived through, what failed."""
    header = stored.entry.header
    match stored.entry.body:
        case Opened(session=session, model=model, token=token):
            hosted = f"hosted by {header.writer}: session {session}, epoch {header.epoch}, {model or 'a model'}"
            return hosted + ("" if token is None else _came_back(token))
        case Left():
            return "the host has left; the conversation stays open"
        case Closed(reason=reason):
            return f"closed{_because(reason)}"
        case Gap(first=first, last=last, reason=reason):
            return f"{last - first + 1} beats ({first} to {last}) were not lived through: {reason}"
        case Degraded(reason=reason):
            return f"degraded: the store cannot be written{_because(reason)}"
        case Recovered(seconds=seconds, entries=entries, given_up=given_up):
            lost = f", {given_up} were given up" if given_up else ""
            return f"recovered after {seconds:.1f} s: {entries} entries had waited{lost}"
        case Paused(reason=reason):
            return f"paused{_because(reason)}"
        case Resumed():
            return "resumed"
        case MediaFault(modality=modality, concealed=concealed, discarded=discarded, reason=reason):
            return f"{modality}: {concealed:.2f} s made up, {discarded:.2f} s not used{_because(reason)}"
        case Failed(what=what, reason=reason):
            return f"{what} failed{_because(reason)}"
        case Orphaned(raw=raw):
            return f"orphaned by {header.writer} (epoch {header.epoch}): {_held(raw)}"
        case Unknown(kind=kind, raw=raw):
            return f"an entry of kind {kind!r} that this version does not know ({len(raw)} bytes)"
        case _:
            return ""


def _came_back(token: ResumeToken) -> str:
    played = "nothing" if token.beat is None else f"up to beat {token.beat}"
    return f"; the listener of {token.session} came back, having played {played}"


def _held(raw: bytes) -> str:
    try:
        body = decode(raw).body
    except CorruptRecord:
        return f"{len(raw)} bytes"
    return _first(told(body), str(getattr(body, "text", ""))) or type(body).__name__


def _first(*texts: str) -> str:
    return next((text for text in texts if text), "")


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _too_late(wish: Asked | Amended | Withdrawn) -> str:
    match wish:
        case Asked(delegation=delegation):
            return f"{delegation.id} was never asked, its time was over: {delegation.request}"
        case Amended(delegation=id, text=text):
            return f"{id} was settled already, too late to correct it: {text}"
        case Withdrawn(delegation=id):
            return f"{id} was settled already, too late to withdraw it"


def brief(text: str) -> str:
    """On one line, and not all of what a tool found."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"
