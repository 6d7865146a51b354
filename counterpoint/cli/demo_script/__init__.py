"""What `counterpoint demo` plays: a person's voice, what is said in it when, and the documents that are searched. In
`watching`, for `--watch`: another such voice, and the film to it.

Sound and film are made by `training/demonstration.py`; `NOTICE.md` says whose voice it is.
"""

from pathlib import Path
from typing import Final

SCRIPT: Final = Path(__file__).parent
DOCUMENTS: Final = SCRIPT / "documents"
WATCHING: Final = SCRIPT / "watching"
