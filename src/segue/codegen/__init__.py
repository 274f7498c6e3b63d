"""A network as Python source: with segue's layers, or in plain PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segue.codegen.pytorch import pytorch_source
from segue.codegen.specs import segue_source
from segue.errors import OptionError, did_you_mean

if TYPE_CHECKING:
    from segue.networks import Network

__all__ = ["pytorch_source", "segue_source", "to_python"]

FRAMEWORKS = {"segue": segue_source, "torch": pytorch_source}


def to_python(network: Network, framework: str = "segue") -> str:
    """Write a network as Python source that builds the same one, without its weights.

    Args:
        network: a built network.
        framework: "segue", or "torch" for a module of plain PyTorch with a function that copies the
            weights of `network.get_weights()` into it.

    Raises:
        OptionError: another framework.
        SpecError: layers that cannot be written so; all of them are named.
    """
    if framework not in FRAMEWORKS:
        near = did_you_mean(str(framework), FRAMEWORKS)
        raise OptionError(f"`framework` is {framework!r}; expected 'segue' or 'torch'.{near}")
    return FRAMEWORKS[framework](network)
