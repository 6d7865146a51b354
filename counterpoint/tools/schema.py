"""What a background model is told of a tool."""

from typing import Any

import msgspec


class ToolSchema(msgspec.Struct, frozen=True):
    """`parameters`: a JSON schema of type object."""

    name: str
    description: str
    parameters: dict[str, Any]
