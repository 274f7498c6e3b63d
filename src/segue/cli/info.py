"""`segue info`: what is installed, where data lie, and the defaults of training."""

from __future__ import annotations

import os
from typing import Any

from segue.cli.shared import print_json, print_table


def info(*, defaults: bool = False, json: bool = False) -> None:
    """Print versions, threads, folders; or defaults.

    Example: segue info --defaults

    Options:
        defaults: print the defaults of training instead.
    """
    facts = training_defaults() if defaults else machine()
    if json:
        print_json(facts)
        return
    print_table((name, "none" if value is None else str(value)) for name, value in facts.items())


def machine() -> dict[str, Any]:
    """Versions and hardware that a result depends on, and the folders of data."""
    import torch

    from segue.readers.fetching import cache_folder
    from segue.runs import versions

    return {
        **versions(),
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.is_available(),
        "data folder (SEGUE_DATA)": os.environ.get("SEGUE_DATA") or "not set",
        "downloads": str(cache_folder()),
    }


def training_defaults() -> dict[str, Any]:
    """The arguments of `SequenceClassifier`, then those of `TrainingOptions`."""
    from segue.estimators import SequenceClassifier
    from segue.training import TrainingOptions

    settings = SequenceClassifier().get_params(deep=False)
    del settings["options"]  # they follow, one by one
    return {**settings, **dict(TrainingOptions.defaults())}
