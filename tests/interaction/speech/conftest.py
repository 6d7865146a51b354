"""The scripted engine of the instruct model's tests stands beside them."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "engines"))
