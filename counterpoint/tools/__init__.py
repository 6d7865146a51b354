"""What the background model can do: `@tool`, the toolbox, and how a call is executed.

Ready-made tools are in their modules: `search.documents`, `web_search.web_search`, `fetch.fetch`.
"""

from counterpoint.tools.call import Calls, run_call
from counterpoint.tools.context import ToolContext, ToolProgress
from counterpoint.tools.definition import Tool, tool
from counterpoint.tools.events import Event, FailedCall, Outcome, PartialResult, Returned
from counterpoint.tools.schema import ToolSchema
from counterpoint.tools.toolbox import Toolbox, load_tools

__all__ = [
    "Calls",
    "Event",
    "FailedCall",
    "Outcome",
    "PartialResult",
    "Returned",
    "Tool",
    "ToolContext",
    "ToolProgress",
    "ToolSchema",
    "Toolbox",
    "load_tools",
    "run_call",
    "tool",
]
