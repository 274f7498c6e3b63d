"""Gradients of the native library against those of PyTorch in float64, and its other promises."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from segue.kernels import autograd, native
from segue.kernels.cells import Masks, RecurrentWeights, gru, lstm, rnn

try:
    native.load()
except native.NativeUnavailableError as error:
    pytest.skip(str(error), allow_module_level=True)

CELLS: dict[str, tuple[Callable[..., Any], int, tuple[int, ...], int]] = {
    "lstm": (lstm, 4, (), 2),
    "gru": (gru, 3, (2,), 1),
    "gru_before": (gru, 3, (), 1),
    "rnn_tanh": (rnn, 1, (), 1),
    "rnn_relu": (functools.partial(rnn, activation="relu"), 1, (), 1),
}
cells = pytest.mark.parametrize("cell", CELLS)


@pytest.fixture(autouse=True)
def native_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEGUE_KERNELS", raising=False)


class Case:
    """A cell, a batch, and all that a gradient may be wanted of."""

    def __init__(
        self,
        cell: str,
        lengths: list[int],
        *,
        channels: int = 3,
        units: int = 9,
        masks: str = "",
        seed: int = 0,
    ) -> None:
        self.cell, (self.run, gates, bias, states) = cell, CELLS[cell]
        generator = torch.Generator().manual_seed(seed)

        def draw(*size: int, scale: float = 1.0) -> Tensor:
            return torch.randn(*size, generator=generator, dtype=torch.float64) * scale

        batch, time = len(lengths), max(lengths) + 1
        self.lengths = torch.tensor(lengths)
        self.parts = {
            "x": draw(batch, time, channels),
            "kernel": draw(channels, gates * units, scale=0.4),
            "recurrent_kernel": draw(units, gates * units, scale=0.5 / units**0.5),
            "bias": draw(*bias, gates * units, scale=0.3),
            **{name: draw(batch, units) for name in "hc"[:states]},
        }
        self.masks = Masks(
            (draw(batch, gates, channels) > -0.5) / 0.7 if "x" in masks else None,
            (draw(batch, gates, units) > -0.5) / 0.7,
        )
        self.has_masks = bool(masks)
        self.weights = [draw(batch, time, units), *(draw(batch, units) for _ in range(states))]

    def outputs(self, parts: dict[str, Tensor]) -> list[Tensor]:
        """The outputs and the final state."""
        x, kernel, recurrent_kernel, bias, *state = parts.values()
        weights = RecurrentWeights(kernel, recurrent_kernel, bias)
        masks = Masks(*(m if m is None else m.to(x.dtype) for m in self.masks))
        more = {"masks": masks} if self.has_masks else {}
        outputs, after = self.run(x, self.lengths, weights, tuple(state), **more)
        inside = torch.arange(x.shape[1]) < self.lengths[:, None]
        return [torch.where(inside[:, :, None], outputs, 0), *after]

    def gradients(self, dtype: torch.dtype, which: str = "os") -> dict[str, Tensor]:
        """Of a sum of the outputs ("o") and of the final state ("s"), and both of these too."""
        parts = {name: part.to(dtype).requires_grad_() for name, part in self.parts.items()}
        outputs = self.outputs(parts)
        weighed = [
            (output * weight.to(dtype)).sum()
            for number, (output, weight) in enumerate(zip(outputs, self.weights, strict=True))
            if ("s" if number else "o") in which
        ]
        torch.stack(weighed).sum().backward()  # type: ignore[no-untyped-call]
        named = {f"output {n}": output.detach() for n, output in enumerate(outputs)}
        return named | {n: p.grad for n, p in parts.items() if p.grad is not None}


def check(case: Case, which: str = "os") -> None:
    found, expected = case.gradients(torch.float32, which), case.gradients(torch.float64, which)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        tolerance = (1e-5 if name.startswith("output") else 1e-4) * float(value.abs().max())
        torch.testing.assert_close(
            found[name].double(), value, rtol=0, atol=tolerance, msg=lambda m, n=name: f"{n}: {m}"
        )


@cells
@pytest.mark.parametrize("masks", ["", "h", "xh"])
@pytest.mark.parametrize("which", ["o", "s", "os"])
def test_gradients_of_a_ragged_batch(cell: str, masks: str, which: str) -> None:
    check(Case(cell, [5, 1, 7, 7, 2, 3], masks=masks), which)


@cells
@pytest.mark.parametrize("lengths", [[1], [6], [1, 1, 1], [4] * 40], ids=str)
def test_gradients_of_one_sequence_one_step_and_several_shards(
    cell: str, lengths: list[int]
) -> None:
    check(Case(cell, lengths))


@cells
@pytest.mark.parametrize(("channels", "units"), [(1, 1), (20, 8), (2, 33)])
def test_gradients_for_other_sizes(cell: str, channels: int, units: int) -> None:
    check(Case(cell, [3, 5, 2], channels=channels, units=units))


def took_native(case: Case, dtype: torch.dtype = torch.float32) -> bool:
    parts = {name: part.to(dtype).requires_grad_() for name, part in case.parts.items()}
    return "_Recurrence" in str(case.outputs(parts)[1].grad_fn)


@cells
def test_the_library_computes_in_float32_and_pytorch_otherwise(
    cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case(cell, [2, 3])
    assert took_native(case)
    assert not took_native(case, torch.float64)
    monkeypatch.setenv("SEGUE_KERNELS", "torch")
    assert not took_native(case)


def test_without_a_gradient_pytorch_computes() -> None:
    case = Case("lstm", [2, 3])
    x, *weights = (part.float() for part in list(case.parts.values())[:4])
    state = tuple(part.float() for part in list(case.parts.values())[4:])
    args = ("lstm", x, case.lengths, RecurrentWeights(*weights), state)
    assert autograd.recurrence(*args, masks=None) is None
    weights[0].requires_grad_()
    assert autograd.recurrence(*args, masks=None) is not None
    with torch.no_grad():
        assert autograd.recurrence(*args, masks=None) is None


@cells
def test_padding_is_not_read_and_gets_no_gradient(cell: str) -> None:
    """With NaN behind the ends every gradient has the same bits."""
    case = Case(cell, [5, 1, 7, 2], masks="xh")
    clean = case.gradients(torch.float32)
    padding = torch.arange(8) >= case.lengths[:, None]
    case.parts["x"][padding] = torch.nan
    case.weights[0][padding] = 0
    found = case.gradients(torch.float32)
    for name, value in clean.items():
        assert torch.equal(found[name], value), name
    assert not found["x"][padding].any()


@cells
def test_only_the_gradients_that_are_wanted(cell: str) -> None:
    case = Case(cell, [2, 4, 3])
    everything = case.gradients(torch.float32)
    for wanted in case.parts:
        parts = {n: p.float().requires_grad_(n == wanted) for n, p in case.parts.items()}
        outputs = case.outputs(parts)
        total = sum((o * w.float()).sum() for o, w in zip(outputs, case.weights, strict=True))
        (gradient,) = torch.autograd.grad(total, [parts[wanted]])
        assert torch.equal(gradient, everything[wanted]), wanted


def test_a_graph_that_is_kept_gives_its_gradient_again() -> None:
    case = Case("gru", [2, 4, 3])
    parts = {name: part.float().requires_grad_() for name, part in case.parts.items()}
    total = torch.stack([output.sum() for output in case.outputs(parts)]).sum()
    first = torch.autograd.grad(total, [*parts.values()], retain_graph=True)
    second = torch.autograd.grad(total, [*parts.values()])
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@cells
def test_the_number_of_threads_changes_no_bit(cell: str) -> None:
    case = Case(cell, [30, 25] * 40, channels=20, units=64)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = case.gradients(torch.float32)
        torch.set_num_threads(3)
        three = case.gradients(torch.float32)
    finally:
        torch.set_num_threads(before)
    for name, value in one.items():
        assert torch.equal(three[name], value), name


def test_sizes_that_do_not_fit_are_pytorchs_to_refuse() -> None:
    case = Case("lstm", [2, 4, 3])
    case.parts["kernel"] = case.parts["kernel"][:2]
    with pytest.raises(RuntimeError):
        case.gradients(torch.float32)
