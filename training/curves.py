"""A run's log as a picture."""

from __future__ import annotations

import json
from pathlib import Path


def draw_curves(folder: Path) -> None:
    """curves.png: losses and teacher-forced accuracies over steps."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    figure, axes = pyplot.subplots(2, 1, figsize=(8, 7), sharex=True)
    for axis, names in zip(
        axes, (("heard", "said", "text said"), ("words", "content", "answers", "cues", "text cues")), strict=True
    ):
        for name in names:
            values = [row.get(name, float("nan")) for row in rows]
            smooth = [
                sum(values[max(0, i - 24) : i + 1]) / len(values[max(0, i - 24) : i + 1]) for i in range(len(values))
            ]
            axis.plot([row["step"] for row in rows], smooth, label=name)
        axis.legend()
        axis.grid(alpha=0.3)
    axes[0].set_yscale("log")
    axes[1].set_xlabel("step")
    figure.savefig(folder / "curves.png", dpi=110)
    pyplot.close(figure)
