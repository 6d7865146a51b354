"""What a docstring in Google style tells a model: the description, and a text per argument.

Everything before the first section is the description. It knows nothing of signatures.
"""

import inspect
import re

import msgspec

_SECTION = re.compile(r"^(Args|Arguments|Parameters|Returns?|Yields?|Raises|Examples?|Notes?):\s*$")
_ARGUMENT = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")


class Docs(msgspec.Struct, frozen=True):
    """`arguments`: by parameter name, each on one line."""

    description: str = ""
    arguments: dict[str, str] = {}

    @property
    def summary(self) -> str:
        """The first sentence or line."""
        return first_sentence(self.description)


def first_sentence(text: str) -> str:
    paragraph = " ".join(text.split("\n\n", 1)[0].split())
    return re.split(r"(?<=[.!?])\s", paragraph, maxsplit=1)[0]


def read_docstring(docstring: str | None) -> Docs:
    """Never fails: what is not written in this style is description."""
    sections: dict[str, list[str]] = {"": []}
    current = sections[""]
    for line in inspect.cleandoc(docstring or "").splitlines():
        if heading := _SECTION.match(line):
            current = sections.setdefault(heading[1], [])
        else:
            current.append(line)
    wanted = [line for name in ("Args", "Arguments", "Parameters") for line in sections.get(name, [])]
    return Docs("\n".join(sections[""]).strip(), _arguments(wanted))


def _arguments(lines: list[str]) -> dict[str, str]:
    """A line that is indented deeper than the first one continues the argument above it."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    depth = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    for line in lines:
        entry = _ARGUMENT.match(line.strip()) if len(line) - len(line.lstrip()) == depth else None
        if entry:
            current = found.setdefault(entry[1], [])
        current.append(entry[2] if entry else line.strip())
    return {name: " ".join(text for text in texts if text) for name, texts in found.items()}
