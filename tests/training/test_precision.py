"""Products in bfloat16: where they are taken, what is refused, and what a checkpoint keeps.

The processor's own tiles are there on few machines; in their place the library computes in plain
C++ what they would, where the environment says so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segue import SequenceClassifier, TrainingOptions
from segue.errors import ModelFileError, OptionError
from segue.kernels import forward, native
from segue.training.checkpoint import TrainingFolder
from segue.training.loop import train
from segue.training.native_trainer import LEAST_BATCH, LEAST_UNITS, NativeTrainer
from segue.training.trainers import make_trainer

pytestmark = pytest.mark.skipif(
    forward.path()[0] not in forward.NATIVE, reason="the native library is not there"
)
HAS_AMX = native.has_precision(native.BFLOAT16)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGUE_TILES", "plain")


def signals(count: int, seed: int = 0) -> tuple[Any, Any]:
    """Noisy sines of two frequencies, of 12 to 20 steps."""
    random = np.random.default_rng(seed)
    y = np.arange(count) % 2
    x = []
    for label in y:
        steps = np.arange(random.integers(12, 21)) + random.uniform(0, 9)
        wave = np.sin(steps[:, None] * (0.7 if label else 0.45))
        x.append(np.float32(wave + random.normal(0, 0.7, wave.shape)))
    return x, y


def model(network: str = "lstm(32)", **options: Any) -> SequenceClassifier:
    batch_size, epochs = options.pop("batch_size", 16), options.pop("epochs", 4)
    given = TrainingOptions(progress="none", **options)
    return SequenceClassifier(network, epochs=epochs, batch_size=batch_size, seed=0, options=given)


def trainer_of(network: str = "lstm(32)", **options: Any) -> Any:
    return make_trainer(model(network, **options)._training_job(*signals(64)))


@pytest.mark.skipif(HAS_AMX, reason="this processor has AMX")
def test_without_tiles_auto_is_float32_and_bfloat16_is_refused() -> None:
    assert trainer_of().precision == "float32"
    with pytest.raises(OptionError, match=r"needs a processor with AMX .*=\"float32\""):
        trainer_of(precision="bfloat16")


@pytest.mark.usefixtures("plain")
def test_auto_takes_bfloat16_where_it_pays() -> None:
    """By the units of the largest recurrent layer and the batch."""
    units, batch = LEAST_UNITS, LEAST_BATCH
    cases = {
        (f"lstm({units})", batch): "bfloat16",
        (f"bigru({units - 1}) rnn({units})", batch): "bfloat16",
        (f"lstm({units - 1})", batch): "float32",
        (f"lstm({units})", batch - 1): "float32",
        ("dense(64) pool(mean)", 64): "float32",
    }
    for (network, size), expected in cases.items():
        assert trainer_of(network, batch_size=size).precision == expected
        assert trainer_of(network, batch_size=size, precision="float32").precision == "float32"
    assert trainer_of("lstm(3)", batch_size=1, precision="bfloat16").precision == "bfloat16"


@pytest.mark.usefixtures("plain")
def test_bfloat16_is_refused_where_nothing_is_computed_in_it() -> None:
    with pytest.raises(OptionError, match="the network has none"):
        trainer_of("dense(64) pool(mean)", precision="bfloat16")
    with pytest.raises(OptionError, match=r"trained with PyTorch, in float32 \(.*conv.*\)"):
        trainer_of("conv(8, 3) lstm(32)", precision="bfloat16")
    assert trainer_of("conv(8, 3) lstm(32)").precision == "float32"


def test_another_precision_is_refused_by_name() -> None:
    with pytest.raises(OptionError, match=r"`precision` is 'bfloat61'\. Did you mean \"bfloat16"):
        TrainingOptions(precision="bfloat61")  # type: ignore[arg-type]


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    "network",
    [
        "bilstm(32, dropout=0.1)",
        "gru(32, recurrent_dropout=0.1)",
        'gru(32, reset="before")',
        "rnn(32)",
    ],
)
@pytest.mark.slow
def test_it_learns_as_in_float32(network: str) -> None:
    """The final loss differs by less than it does from seed to seed, or by little."""
    x, y = signals(96)
    losses: dict[tuple[str, int], float] = {}
    for precision in ("float32", "bfloat16"):
        for seed in range(3):
            fitted = model(network, precision=precision, epochs=8).set_params(seed=seed)
            fitted.fit(x, y, validation_data=None)
            losses[precision, seed] = fitted.history_["loss"][-1]
    of = {p: np.array([losses[p, seed] for seed in range(3)]) for p in ("float32", "bfloat16")}
    assert (of["float32"] != of["bfloat16"]).all()
    assert abs(of["float32"] - of["bfloat16"]).max() < max(0.02, np.ptp(of["float32"]))


@pytest.mark.usefixtures("plain")
def test_the_bits_do_not_depend_on_threads() -> None:
    x, y = signals(200)
    one, two = (
        model("gru(32) lstm(32)", threads=threads, batch_size=100, epochs=2).fit(x, y)
        for threads in (1, 2)
    )
    assert "bfloat16" in dict(one.training_summary_)["kernels"]
    for name, weights in one.network_.get_weights().items():
        np.testing.assert_array_equal(weights, two.network_.get_weights()[name])


@pytest.mark.usefixtures("plain")
def test_what_is_only_measured_is_so_in_float32() -> None:
    trainers = [trainer_of(precision=precision) for precision in ("float32", "bfloat16")]
    assert isinstance(trainers[1], NativeTrainer)
    one, other = (trainer.measure(trainer.job.train).sums for trainer in trainers)
    assert one == other


def test_a_training_goes_on_in_the_precision_that_it_was_begun_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resume(path: Path) -> TrainingFolder:
        return TrainingFolder(path, resume=True)

    for precision, folder in (("float32", tmp_path / "a"), ("bfloat16", tmp_path / "b")):
        with monkeypatch.context() as context:
            if precision == "bfloat16":
                context.setenv("SEGUE_TILES", "plain")
            trainer = trainer_of(precision=precision)
            callbacks, state = TrainingFolder(folder).open(trainer, {})
            train(trainer, state, callbacks)
    monkeypatch.setenv("SEGUE_TILES", "plain")
    for precision, folder in (("float32", tmp_path / "a"), ("bfloat16", tmp_path / "b")):
        trainer = trainer_of()
        assert trainer.precision == "bfloat16"
        resume(folder).open(trainer, {})
        assert trainer.precision == precision
    if HAS_AMX:
        return
    monkeypatch.delenv("SEGUE_TILES")
    with pytest.raises(ModelFileError, match=r"begun in bfloat16: .*AMX.* Resume where that can"):
        resume(tmp_path / "b").open(trainer_of(), {})


def test_an_unknown_form_of_tiles_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGUE_TILES", "fancy")
    with pytest.raises(OptionError, match="SEGUE_TILES=fancy is unknown; expected plain"):
        forward.bfloat16()
