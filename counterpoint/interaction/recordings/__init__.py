"""A recording of a session: everything that its model perceived and expressed, for running the model again."""

from counterpoint.interaction.recordings.frames import SUFFIX
from counterpoint.interaction.recordings.recorded_model import fingerprint_of, recorded
from counterpoint.interaction.recordings.rerun import Rerun, RerunDifference, rerun

__all__ = ["SUFFIX", "Rerun", "RerunDifference", "fingerprint_of", "recorded", "rerun"]
