"""A mixture answers the same whichever way its products go, and as the dense model that it was cut from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from counterpoint.interaction.nn import expert_products
from counterpoint.interaction.nn.checkpoint import SHIPPED, CheckpointError, load_model, load_weights, save_model
from counterpoint.interaction.nn.expert_products import Chosen, Product, by_count, by_row, every, grouped
from counterpoint.interaction.nn.experts import Experts
from counterpoint.interaction.nn.model import Config, InteractionNet

DENSE = Config(width=32, layers=2, heads=4, inner=48, bands=8, deepening=0)
MIXED = replace(DENSE, experts=8, chosen=2, shared=16)
needs_groups = pytest.mark.skipif(
    not expert_products._groups("cpu", torch.float32), reason="this PyTorch has no grouped products on a processor"
)


def experts(seed: int = 0) -> Experts:
    torch.manual_seed(seed)
    return Experts(width=32, count=8, chosen=2, size=12)


def one_after_the_other(x: Tensor, chosen: Chosen, gate_up: Tensor, down: Tensor) -> Tensor:
    """The definition."""
    rows = []
    for row, numbers, weights in zip(x, chosen.experts.tolist(), chosen.weights, strict=True):
        answers = []
        for number, weight in zip(numbers, weights, strict=True):
            gate, up = (gate_up[number] @ row).chunk(2)
            answers.append(weight * (functional.silu(gate) * up) @ down[number])
        rows.append(torch.stack(answers).sum(0))
    return torch.stack(rows) if rows else x


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 9, 64])
@pytest.mark.parametrize("product", [by_row, pytest.param(grouped, marks=needs_groups), by_count, every])
def test_every_order_of_work_gives_the_same_answers(product: Product, rows: int) -> None:
    made, x = experts(), torch.randn(rows, 32)
    with torch.no_grad():
        asked = made.choose(made.scores(x)), made.gate_up.weight, made.down.weight
        torch.testing.assert_close(product(x, *asked), one_after_the_other(x, *asked))


@pytest.mark.parametrize("product", [by_row, pytest.param(grouped, marks=needs_groups), every])
def test_experts_that_nobody_chose_change_nothing(product: Product) -> None:
    made, x = experts(), torch.randn(7, 32)
    with torch.no_grad():
        asked = Chosen(torch.tensor([[1, 6]] * 7), torch.rand(7, 2))
        before = product(x, asked, made.gate_up.weight, made.down.weight)
        others = [number for number in range(8) if number not in (1, 6)]
        made.gate_up.weight[others] += 1.0
        torch.testing.assert_close(product(x, asked, made.gate_up.weight, made.down.weight), before)


def test_without_grouped_products_the_answers_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    made = experts().eval()
    for rows in (1, 5, 30):
        x = torch.randn(rows, 32)
        with torch.no_grad():
            here = made(x)
            monkeypatch.setattr(expert_products, "_groups", lambda device, dtype: False)
            torch.testing.assert_close(made(x), here)
        monkeypatch.undo()


def test_of_equals_the_first_is_chosen_however_many_rows_there_are() -> None:
    made = experts().eval()
    with torch.no_grad():
        made.router.zero_()
        for rows in (1, 2, 3, 17, 64):
            chosen = made.choose(made.scores(torch.randn(rows, 32)))
            assert chosen.experts.tolist() == [[0, 4]] * rows
            assert chosen.weights.tolist() == [[1.0, 1.0]] * rows


def test_what_is_learned_goes_through_the_same_sum() -> None:
    made, x = experts(), torch.randn(9, 32, requires_grad=True)
    (made(x) ** 2).sum().backward()
    found = [x.grad, *(p.grad for p in (made.gate_up.weight, made.down.weight, made.router, made.strength))]
    x.grad = None
    made.zero_grad()
    chosen = made.choose(made.scores(x))
    (one_after_the_other(x, chosen, made.gate_up.weight, made.down.weight) ** 2).sum().backward()
    wanted = [x.grad, *(p.grad for p in (made.gate_up.weight, made.down.weight, made.router, made.strength))]
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)


def test_the_balance_learns_who_was_chosen_too_often_whatever_the_loss() -> None:
    made = experts()
    with torch.no_grad():
        made.router.zero_()  # so that all choose 0 and 4
    for factor in (1.0, 100.0):
        made.zero_grad()
        (made(torch.randn(5, 32)).sum() * factor).backward()
        assert made.balance.grad.tolist() == [3.0, -1.0, -1.0, -1.0] * 2


def test_in_half_precision_training_is_near_and_the_choice_is_the_same() -> None:
    made, x = experts(), torch.randn(40, 32)
    with torch.autocast("cpu", torch.bfloat16):
        near = made(x)
        chosen = made.choose(made.scores(x))
    assert near.dtype == torch.bfloat16
    assert torch.equal(chosen.experts, made.choose(made.scores(x)).experts)
    torch.testing.assert_close(near.float(), made(x), atol=2e-2, rtol=2e-2)
    near.float().sum().backward()
    assert made.router.grad.abs().sum() > 0


def test_a_mixture_that_was_cut_from_a_dense_model_answers_as_that_did() -> None:
    torch.manual_seed(0)
    dense, mixture = InteractionNet(DENSE).eval(), InteractionNet(MIXED).eval()
    mixture.take(dense.state_dict())
    x = torch.randn(3, 5, 32)
    with torch.no_grad():
        chosen = mixture.blocks[0].experts.choose(mixture.blocks[0].experts.scores(x.flatten(0, 1)))
        assert len(chosen.experts.unique()) > 2, "the routers do tell places apart"
        for one, other in zip(mixture.blocks, dense.blocks, strict=True):
            torch.testing.assert_close(one.feed(x), other.feed(x))


def test_the_shipped_weights_become_a_mixture_that_answers_alike_and_could_be_shipped() -> None:
    dense, mixture = load_model(), InteractionNet(Config(experts=16)).eval()
    mixture.take(load_weights(SHIPPED))
    x = torch.randn(6, dense.config.width)
    with torch.no_grad():
        for one, other in zip(mixture.blocks, dense.blocks, strict=True):
            torch.testing.assert_close(one.feed(x), other.feed(x), atol=1e-3, rtol=1e-4)
    assert sum(2 * each.numel() for each in mixture.state_dict().values()) < 25e6
    config = mixture.config
    assert config.shared + config.chosen * mixture.blocks[0].experts.down.weight.shape[1] == config.inner


def test_a_dense_model_of_another_size_is_refused() -> None:
    with pytest.raises(RuntimeError, match="has 64 hidden units, the mixture 48"):
        InteractionNet(MIXED).take(InteractionNet(replace(DENSE, inner=64)).state_dict())
    with pytest.raises(RuntimeError, match="missing or too many"):
        InteractionNet(DENSE).take(InteractionNet(MIXED).state_dict())
    with pytest.raises(RuntimeError, match="missing or too many"):
        InteractionNet(MIXED).take({})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"experts": 6, "chosen": 4, "shared": 16}, "6 experts do not stand in 4 groups"),
        ({"experts": 2, "chosen": 2, "shared": 16}, "2 experts do not stand in 2 groups"),
        ({"experts": 8, "chosen": 2, "shared": 15}, "33 hidden units do not divide among 2"),
        ({"experts": 8, "chosen": 2, "shared": 48}, "a multiple of four hidden units, not 0"),
        ({"experts": 8, "chosen": 2, "shared": 64}, "a multiple of four hidden units, not -8"),
        ({"experts": 8, "chosen": 0, "shared": 16}, "32 hidden units do not divide among 0"),
        ({"experts": -4, "chosen": 2, "shared": 16}, "-4 experts do not stand"),
    ],
)
def test_shapes_that_do_not_divide_are_refused(wrong: dict[str, int], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        InteractionNet(replace(DENSE, **wrong))
    path = tmp_path / "native.safetensors"
    save_model(InteractionNet(MIXED), path, {})
    card = json.loads(path.with_suffix(".json").read_text())
    card["config"] |= wrong
    path.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match="is no model card"):
        load_model(path)


def test_a_mixture_comes_back_from_a_file(tmp_path: Path) -> None:
    model, path, x = InteractionNet(MIXED).eval(), tmp_path / "native.safetensors", torch.randn(4, 32)
    save_model(model, path, {})
    loaded = load_model(path)
    assert loaded.config == MIXED
    with torch.no_grad():
        torch.testing.assert_close(loaded.blocks[1].feed(x), model.blocks[1].feed(x), atol=1e-2, rtol=1e-2)


def test_the_kernels_for_a_gpu_give_the_same_answers_under_their_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    if not torch.cuda.is_available():
        monkeypatch.setenv("TRITON_INTERPRET", "1")
    pytest.importorskip("triton", reason="Triton is not installed: pip install triton")
    from counterpoint.interaction.nn.expert_kernels import by_kernel

    device = "cuda" if torch.cuda.is_available() else "cpu"
    made = experts().to(device)
    for rows in (0, 1, 2, 16, 64):
        x = torch.randn(rows, 32, device=device)
        with torch.no_grad():
            asked = made.choose(made.scores(x)), made.gate_up.weight, made.down.weight
            torch.testing.assert_close(by_kernel(x, *asked), every(x, *asked), atol=1e-4, rtol=1e-4)
