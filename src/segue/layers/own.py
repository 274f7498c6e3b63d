"""A PyTorch module of the user's own, anywhere in a network."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pydantic
import torch
from torch import Tensor, nn

from segue.errors import SpecError
from segue.layers.base import Layer, LayerSpec, Place, Shape, Takes
from segue.padded import Padded
from segue.randomness import Draws, key
from segue.spec import Name


@dataclass(frozen=True)
class Own(LayerSpec):
    """A module of one's own: `[LSTM(64), MyModule(64)]`, or `Own(MyModule(64), name="mine")`.

    The module takes a `Padded` and gives a `Padded` of the same lengths, or `[batch, feature]`
    where it ends the sequence; behind the end of the sequence it takes and gives
    `[batch, feature]`. It must ignore everything at or beyond `lengths`;
    `segue.testing.check_layer(MyModule(3))` says whether it does. It may have

    - `shape_out(shape) -> Shape`, what comes out; else it is tried on a tiny batch.
    - `step(x_t, state) -> (y_t, state)` and `initial_state(batch)`, if it is causal.
    - `takes = "tokens"` or `"sequence"`, if not anything will do.

    Each network gets a copy of it, with the weights as they are. While it runs in training, it is
    in `train()` mode, and PyTorch's global generator is seeded by the training's seed and step
    (and put back afterwards), so that its own `nn.Dropout` draws the same bits in every run.

    Args:
        module: the module.
        name: the layer's own name.
    """

    kind: ClassVar[str] = "own"
    is_own: ClassVar[bool] = True

    module: pydantic.InstanceOf[nn.Module]
    name: Name | None = None

    def __post_init__(self) -> None:
        refuse_note(self.module)
        super().__post_init__()

    def __str__(self) -> str:
        return f"{self.kind}({type(self.module).__name__})"

    def to_json(self) -> dict[str, Any]:
        """A note of what was there; nothing can be made of it again."""
        return {"kind": self.kind, "module": type(self.module).__name__}

    def needs(self) -> Takes:
        takes: Takes = getattr(self.module, "takes", "either")
        return takes

    def build(self, place: Place) -> Layer:
        return OwnLayer(place, copy.deepcopy(self.module))


def refuse_note(module: Any) -> None:
    """Raise for what a file has in place of the user's own: the name of its class."""
    if isinstance(module, str):
        raise SpecError(
            f"the network has a layer of the user's own, {module!r}, which a file cannot bring: "
            "segue.load(path, network=...) takes the layers that it was made with."
        )


class OwnLayer(Layer):
    """Weights: those of the module, with slashes for dots: `linear/weight`."""

    draws_weights = False

    def __init__(self, place: Place, module: Any) -> None:
        super().__init__(place.name, shape_of(place, module))
        self.module = module
        self.causal = hasattr(module, "step")

    def forward(self, x: Any, draws: Draws | None = None) -> Any:
        self.module.train(draws is not None)
        with _seeded(draws, self.name, x.values if isinstance(x, Padded) else x):
            return self.module(x)

    def initial_state(self, batch: int) -> Any:
        begin = getattr(self.module, "initial_state", None)
        return None if begin is None else begin(batch)

    def step(self, x_t: Tensor, state: Any) -> tuple[Tensor, Any]:
        if not self.causal:
            raise self.not_causal()
        self.module.eval()
        y_t, state = self.module.step(x_t, state)
        return y_t, state

    def weights(self) -> dict[str, Tensor]:
        return {name.removeprefix("module/"): w for name, w in super().weights().items()}


@contextlib.contextmanager
def _seeded(draws: Draws | None, name: str, like: Tensor) -> Iterator[None]:
    if draws is None:
        yield
        return
    with torch.random.fork_rng([like.device] if like.is_cuda else []):
        torch.manual_seed(key(draws.seed, draws.epoch, draws.step, draws.first, name))
        yield


def shape_of(place: Place, module: Any) -> Shape:
    """What a module gives: what it says itself, or what a tiny batch shows."""
    if hasattr(module, "shape_out"):
        said: Shape = module.shape_out(place.shape)
        return said
    batch = _tiny_batch(place.shape, module)
    what = f"{place.name} ({type(module).__name__})"
    try:
        with torch.no_grad():
            answer = module.eval()(batch)
    except Exception as error:
        got = "[batch, feature]"
        if place.shape.sequence:
            got = "a Padded: `values` [batch, time, feature] and `lengths` [batch]"
        raise SpecError(
            f"{what} fails on a tiny batch of {place.shape}: {error}. A module in a network is "
            f"given {got} here."
        ) from error
    if isinstance(answer, Padded) and isinstance(batch, Padded):
        if not torch.equal(answer.lengths, batch.lengths):
            raise SpecError(
                f"{what} changes the lengths from {batch.lengths.tolist()} to "
                f"{answer.lengths.tolist()}: give it a method shape_out(shape)."
            )
        return place.shape.with_features(answer.values.shape[2])
    if isinstance(answer, Tensor) and answer.ndim == 2 and len(answer) == 2:
        return place.shape.ended(answer.shape[1])
    shown = f"shape {tuple(answer.shape)}" if isinstance(answer, Tensor) else repr(type(answer))
    raise SpecError(
        f"{what} is to give a Padded or [batch, feature]; of a batch of 2 came {shown}."
    )


def _tiny_batch(shape: Shape, module: nn.Module) -> Any:
    """Two sequences of 3 and 2 steps, of zeros, where the module has its weights."""
    like = next(module.parameters(), torch.zeros(0, device="cpu"))
    if not shape.sequence:
        return like.new_zeros(2, shape.features)
    dtype = like.dtype if shape.tokens is None else torch.int32
    steps = shape.length or 3
    lengths = torch.tensor([steps, shape.length or 2], device=like.device)
    return Padded(like.new_zeros(2, steps, shape.features, dtype=dtype), lengths)
