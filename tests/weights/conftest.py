"""What the tests of transfers share: Keras on PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def keras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Keras on PyTorch; the backend is chosen once, when it is imported."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        module = pytest.importorskip("keras", reason="keras is not installed")
        if module.config.backend() != "torch":
            pytest.skip("keras was imported with another backend before")
        yield module
    torch.set_num_threads(before)
