"""Scorers for interaction models: pure functions over what was said when. They know no model and no runtime."""

LABEL = "synthetic, not comparable with published numbers"
"""Stands beside every figure made on our own items."""
