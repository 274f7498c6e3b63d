"""Which device a training uses: by name, or the graphics processor where there is one."""

from __future__ import annotations

import torch

from segue.errors import OptionError


def choose_device(device: str) -> torch.device:
    """Turn the name into a device; "auto" is the graphics processor if PyTorch sees one.

    Raises:
        OptionError: another name, or a device that is not there.

    >>> choose_device("cpu")
    device(type='cpu')
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise OptionError(f"`device` is {device!r}; expected auto, cpu or cuda.") from error
    try:
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise OptionError(
            f"`device` is {device!r}, and PyTorch has none here ({str(error).splitlines()[0]}): "
            "take device='cpu' or 'auto'."
        ) from error
    return chosen
