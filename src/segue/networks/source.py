"""A network as Python source that builds the same one.

The source has segue's own layers, or is a module of plain PyTorch. Such a module needs PyTorch
only, and is exact on sequences of unequal length: backward layers read each sequence from its own
end, and all that looks along time leaves out the padding. A function in the same source copies
segue's weights into it. Each layer writes its own lines (`LayerSpec.write_torch`); they call what
`torch_helpers.py` and `torch_features.py` have, of which the source gets what it needs.
`templates/torch_network.txt` has what stands around them.
"""

from __future__ import annotations

import ast
import functools
import json
import keyword
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from segue.errors import OptionError, SpecError, did_you_mean
from segue.expressions import parsed
from segue.extras import require
from segue.layers import LAYERS, BuildContext, Dense, LayerSpec, Shape
from segue.layers.base import TorchSource, plan_layers
from segue.spec import to_text
from segue.spec.base import fields_of

LINE = 88  # a call that is longer is laid out over several lines


def to_python(
    specs: tuple[LayerSpec, ...],
    shape: Shape,
    output: Shape,
    parameters: int,
    framework: str = "segue",
    *,
    static: int = 0,
) -> str:
    """Write a network as Python source that builds the same one, without its weights.

    Args:
        specs: the layers without the head.
        shape: of the input.
        output: of the head.
        parameters: their number.
        framework: "segue", or "torch" for a module of plain PyTorch with a function that copies the
            weights of `Network.get_weights()` into it.
        static: the number of static features, which are joined before the head.

    Raises:
        OptionError: another framework.
        SpecError: layers that cannot be written so; all of them are named.
    """
    if framework not in ("segue", "torch"):
        near = did_you_mean(str(framework), ("segue", "torch"))
        raise OptionError(f"`framework` is {framework!r}; expected 'segue' or 'torch'.{near}")
    facts: dict[str, Any] = {"shape": shape, "output": output, "static": static}
    if framework == "torch":
        source = torch_source(specs, shape, output, static=static)
        facts |= torch_facts(source) | {"network": to_text(specs), "model": None}
    else:
        facts["kinds"] = sorted({type(spec).__name__ for spec in _all_specs(specs)} | {"Shape"})
        facts["layers"] = code_of(specs, 4)
        facts["parameters"] = parameters
    return rendered(f"{framework}_network.txt", facts)


def rendered(template: str, facts: dict[str, Any]) -> str:
    """A template with facts filled in."""
    require("jinja2")
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("segue.networks"),
        autoescape=False,  # noqa: S701  (what is written is Python, not HTML)
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(facts)


def torch_source(
    specs: tuple[LayerSpec, ...],
    shape: Shape,
    output: Shape,
    source: TorchSource | None = None,
    static: int = 0,
) -> TorchSource:
    """The lines of plain PyTorch that the layers and the head write.

    Args:
        specs: the layers without the head.
        shape: of the input.
        output: of the head.
        source: with what comes before; `None`: nothing does.
        static: the number of static features, which are joined before the head.

    Raises:
        SpecError: layers that have no form in plain PyTorch; all of them are named.
    """
    require("torch")
    from torch import nn  # for the names that its modules have themselves

    own = {"x", "lengths", "static", "first", "second", "attended", "torch", "functional", "nn"}
    reserved = {*keyword.kwlist, *dir(nn.Module()), *_helpers(), *own}
    source, body = source or TorchSource(), shape
    source.reserved = reserved
    for planned in plan_layers(specs, BuildContext("", shape, output.sequence)):
        planned.spec.write_torch(source, planned.context)
        body = planned.shape
    if static:
        joined = "static[:, None].expand(-1, x.shape[1], -1)" if output.sequence else "static"
        source.steps.append(f"x = torch.cat((x, {joined}), dim=-1)")
    head = body.with_features(body.features + static)
    Dense(output.features).write_torch(source, BuildContext("head", head))
    if source.problems:
        raise SpecError(
            f"This network is not written in plain PyTorch: {'; '.join(source.problems)}. "
            "framework='segue' writes every network."
        )
    return source


@functools.cache
def _helpers() -> dict[str, str]:
    """What written source may call, by name, in the order in which it stands in its files."""
    found: dict[str, str] = {}
    for file in ("torch_helpers.py", "torch_features.py"):
        text = Path(__file__).with_name(file).read_text(encoding="utf-8")
        nodes = [n for n in parsed(text).body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
        found |= {node.name: ast.get_source_segment(text, node) or "" for node in nodes}
    return found


def torch_facts(source: TorchSource) -> dict[str, Any]:
    """The lines, the helpers that they need, and the imports, as a template takes them."""
    known, needed = _helpers(), set[str]()
    waiting = [*source.modules, *source.steps, *source.copies]
    while waiting:
        words = set(re.findall(r"\w+", waiting.pop()))
        found = (words & known.keys()) - needed
        needed |= found
        waiting += [known[name] for name in found]
    texts = [text for name, text in known.items() if name in needed]
    whole = "\n".join([*source.modules, *source.steps, *texts])
    return {
        "source": source,
        "helpers": texts,
        "imports": [name for name in ("functional",) if f"{name}." in whole],
        "has_math": "math." in whole,
    }


def _all_specs(value: Any) -> list[LayerSpec]:
    """Every spec in a spec or a list of them."""
    if isinstance(value, tuple):
        return [spec for entry in value for spec in _all_specs(entry)]
    if not isinstance(value, LayerSpec):
        return []
    if LAYERS.get(value.kind) is not type(value):
        raise SpecError(
            f"{value} is a layer of your own: its source is yours, so no source is written here."
        )
    return [value, *(s for f in fields(value) for s in _all_specs(getattr(value, f.name)))]


def code_of(value: Any, indent: int = 0) -> str:
    """The source of a value, `indent` blanks from the margin; a line for each part if it is long.

    >>> from segue.layers import Dense
    >>> code_of((Dense(8, "relu"),))
    '(Dense(8, activation="relu"),)'
    """
    if isinstance(value, LayerSpec):  # required arguments by position, the rest without defaults
        opening, parts = f"{type(value).__name__}(", []
        for name, info in fields_of(type(value)).items():
            given = getattr(value, name)
            if info.required or given != getattr(type(value), name, None):
                parts.append(("" if info.required else f"{name}=", given))
    elif isinstance(value, tuple):
        opening, parts = "(", [("", entry) for entry in value]
    else:
        return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
    short = ", ".join(f"{name}{code_of(part)}" for name, part in parts)
    comma = "," if opening == "(" and len(parts) == 1 else ""
    line = f"{opening}{short}{comma})"
    if indent + len(line) <= LINE:
        return line
    rows = [f"{' ' * (indent + 4)}{name}{code_of(part, indent + 4)}," for name, part in parts]
    return "\n".join([opening, *rows, f"{' ' * indent})"])
