"""More threads only where each step has much to multiply."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from segue.kernels.threads import choose_threads, threads
from segue.layers import Shape
from segue.modules.network import TorchNetwork
from segue.networks import as_specs


@pytest.mark.parametrize(
    ("network", "shape", "is_shared"),
    [
        ("bilstm(100)", Shape(12), False),
        ("lstm(600)", Shape(12), True),
        ("embedding(64) bigru(64)", Shape(1, tokens=10_000), False),  # looked up, not multiplied
        ("embedding(64) lstm(600)", Shape(1, tokens=10_000), True),
    ],
)
def test_threads_follow_from_what_is_multiplied(
    network: str, shape: Shape, is_shared: bool
) -> None:
    with threads(2):
        chosen = choose_threads(TorchNetwork(as_specs(network), shape, 3), batch_size=32)
    assert chosen == (2 if is_shared else 1)


def test_first_weights_do_not_depend_on_threads() -> None:
    """The same seed on a machine with other processors: an orthogonal matrix takes many sums."""
    found = []
    for count in (1, 2):
        with threads(count):
            found.append(
                TorchNetwork(as_specs("lstm(64) gru(48)"), Shape(3), 2, seed=0).get_weights()
            )
    for name, weights in found[0].items():
        np.testing.assert_array_equal(weights, found[1][name], err_msg=name)


# -- processes that are forked --------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_after_several_threads_goes_on_with_one() -> None:
    """OpenMP's threads stay in the parent: without that, the child would wait for ever."""
    code = textwrap.dedent("""
        import os, sys, warnings
        import numpy as np, segue
        x = np.random.default_rng(0).normal(size=(200, 40, 3)).astype(np.float32)
        options = segue.TrainingOptions(progress="none", threads=2)
        model = segue.SequenceClassifier("lstm(128)", epochs=1, options=options)
        model.fit(x, np.arange(200) % 2)
        expected = model.predict_proba(x)
        child = os.fork()
        if child == 0:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                found = [model.predict_proba(x) for _ in range(2)]
                model.fit(x[:40], np.arange(40) % 2)
            texts = [str(one.message) for one in said]
            good = all(np.abs(one - expected).max() < 1e-5 for one in found)
            print(good, sum("forked from one" in text for text in texts), flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        print(np.array_equal(model.predict_proba(x), expected))
    """)
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "SEGUE_KERNELS": "torch"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=100,
        env=environment,
        check=False,
    )
    assert done.stdout.split("\n")[:2] == ["True 1", "True"], done.stderr
