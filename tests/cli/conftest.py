"""Scripted ears and voices stand with the tests of speech."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "interaction" / "speech"))
