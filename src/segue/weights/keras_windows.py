"""Convolutions and pools of Keras as the specs that compute the same: one function a layer."""

from __future__ import annotations

from typing import Any

from segue.layers import AvgPool, Conv, Flatten, MaxPool, Pool
from segue.layers.windows import Padding, Windows
from segue.weights.keras_config import KerasLayer
from segue.weights.keras_translation import Converter, Translation


def _windows(
    found: Translation, layer: KerasLayer, size: Any, stride: Any, dilation: Any = 1
) -> Windows:
    """The windows of a layer, unless Keras lays them otherwise for some lengths."""
    found.check(layer, data_format="channels_last")
    if not found.is_sequence:
        found.refuse(layer, "comes when the sequence has ended")
    width, step, gap = (
        one[0] if isinstance(one, list) else one for one in (size, stride, dilation)
    )
    padding = layer.config.get("padding", "valid")
    windows = Windows(
        width, step, gap, only_before=padding == "causal", only_inside=padding == "valid"
    )
    if padding == "same" and not is_same(windows):
        found.refuse(
            layer, f"has padding='same' with a stride of {windows.stride}: where Keras lays its "
            "windows then depends on the length of the sequence"
        )  # fmt: skip
    return windows


def is_same(windows: Windows) -> bool:
    """Whether Keras's padding "same" lays these windows as segue does, whatever the length.

    Keras pads `span - 1 - (length - 1) % stride` steps, or none if that is less, half of them
    before.

    >>> is_same(Windows(3)), is_same(Windows(2, stride=2)), is_same(Windows(3, stride=2))
    (True, True, False)
    """
    return max(windows.span - windows.stride, 0) // 2 == (windows.span - 1) // 2


def _conv(found: Translation, layer: KerasLayer) -> None:
    found.check(layer, groups=1)
    config = layer.config
    size, stride, dilation = config["kernel_size"], config["strides"], config["dilation_rate"]
    windows = _windows(found, layer, size, stride, dilation)
    activation, biased = found.activation(layer), bool(config.get("use_bias", True))
    weights = found.take(layer.path, "kernel" + " bias" * biased)
    spec = Conv(
        config["filters"], windows.width, activation, stride=windows.stride,
        dilation=windows.dilation, causal=windows.only_before, bias=biased,
        padding=_padding_of(windows),
    )  # fmt: skip
    found.add(layer, spec, weights)


def _moving_pool(kind: type[MaxPool | AvgPool]) -> Converter:
    """MaxPooling1D and AveragePooling1D."""

    def convert(found: Translation, layer: KerasLayer) -> None:
        size, stride = layer.config["pool_size"], layer.config.get("strides")
        windows = _windows(found, layer, size, stride or size)
        spec = kind(windows.width, stride=windows.stride, padding=_padding_of(windows))
        found.add(layer, spec)

    return convert


def _padding_of(windows: Windows) -> Padding:
    """As a spec has it."""
    return "valid" if windows.only_inside and windows.span > 1 else "same"


def _pool(how: str) -> Converter:
    def convert(found: Translation, layer: KerasLayer) -> None:
        found.check(layer, data_format="channels_last", keepdims=False)
        found.add(layer, Pool(how))  # type: ignore[arg-type]
        found.is_sequence = False

    return convert


def _flatten(found: Translation, layer: KerasLayer) -> None:
    found.check(layer, data_format="channels_last")
    found.add(layer, Flatten() if found.is_sequence else None)
    found.is_sequence = False


WINDOW_LAYERS: dict[str, Converter] = {
    "Conv1D": _conv, "MaxPooling1D": _moving_pool(MaxPool),
    "AveragePooling1D": _moving_pool(AvgPool), "GlobalAveragePooling1D": _pool("mean"),
    "GlobalMaxPooling1D": _pool("max"), "Flatten": _flatten,
}  # fmt: skip
