"""`--store`, or the environment: a URL may hold a password, and a command line can be read by all of a machine."""

import argparse
import os
from typing import Final

VARIABLE: Final = "COUNTERPOINT_STORE"


def store_given() -> str | None:
    return os.environ.get(VARIABLE) or None


def add_store(command: argparse.ArgumentParser, what: str) -> None:
    """Required, unless the environment says where."""
    given = store_given()
    command.add_argument(
        "--store", required=given is None, default=given, metavar="URL", help=f"{what} (default: what {VARIABLE} says)"
    )
