"""ONNX Runtime, imported in one place: it would queue telemetry in the user's home.

From 1.32 on its import alone writes `~/.cache/Microsoft/DeveloperTools/.onnxruntime/`, an id of the
device and events that wait to be sent, unless the environment says otherwise before.
"""

from __future__ import annotations

import os
from typing import Any

from segue.extras import require

NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"


def onnx_runtime() -> Any:
    """The module `onnxruntime`, which writes nothing and sends nothing.

    A value that the user has given to the variable `ORT_DISABLE_TELEMETRY` stays.

    Raises:
        MissingPackageError: ONNX Runtime is not installed.
    """
    os.environ.setdefault(NO_TELEMETRY, "1")
    return require("onnxruntime", "onnx", "to run ONNX files")


def session_of(model: bytes | str) -> Any:
    """A session of ONNX Runtime on the processor, which tells errors only.

    Raises:
        MissingPackageError: ONNX Runtime is not installed.
    """
    runtime = onnx_runtime()
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
