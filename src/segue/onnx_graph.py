"""A builder of ONNX graphs: tensors with the arithmetic of arrays, and padded batches of them.

Layers and preparation steps write their own form with it; `segue.weights.onnx` makes a file of the
whole. Only `Graph.model` needs the package `onnx`.

Source: the operators of ONNX, https://onnx.ai/onnx/operators, of version `OPSET`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from segue.extras import require

# Of 2021: every ONNX Runtime since 1.12 (2022) runs it, and others have caught up with it. The
# file format of the same year.
OPSET, FORMAT = 17, 8

# Of an input or output; a text names an axis of any length, and `None` is one without a name.
Dims = tuple[int | str | None, ...]
Array = Any


class Node(NamedTuple):
    """One operator of a graph."""

    kind: str
    name: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]


class Port(NamedTuple):
    """An input or output of a graph."""

    name: str
    dtype: Any
    dims: Dims | None  # `None`: any


class State(NamedTuple):
    """What a stream keeps from one step to the next: its input and what it is before the first."""

    port: Port
    initial: Any


class Graph:
    """A graph to be: its nodes in order, constants, inputs and outputs.

    Attributes:
        scope: the name of the layer at hand, which begins the names of its nodes.
        states: of a graph of one step.
        kept: their values after the step, which are outputs behind the others.
        reset: `[batch]`, of a graph of one step: whether a sequence begins with this step.
    """

    def __init__(self) -> None:
        self.scope = ""
        self.nodes: list[Node] = []
        self.inputs: list[Port] = []
        self.outputs: list[Port] = []
        self.kept: list[Port] = []
        self.constants: dict[str, Any] = {}
        self.states: dict[str, State] = {}
        self.reset: Value | None = None
        self._masks: dict[str, Value] = {}
        self._small: dict[Any, Value] = {}

    # -- tensors --------------------------------------------------------------------------------

    def input(self, name: str, dtype: Any, dims: Dims | None) -> Value:
        """A new input; an axis of any length is a name."""
        self.inputs.append(Port(name, np.dtype(dtype), dims))
        return Value(self, name, np.dtype(dtype))

    def output(self, name: str, value: Value, dims: Dims) -> None:
        """Make a tensor an output of the graph."""
        self.nodes.append(Node("Identity", f"output/{name}", [value.name], [name], {}))
        self.outputs.append(Port(name, value.dtype, dims))

    def constant(self, array: Any, dtype: Any = None) -> Value:
        """A tensor that is written in the file; small ones only once."""
        array = np.asarray(array, dtype)
        if array.size <= 8:
            key = (array.dtype.str, array.shape, array.tobytes())
            if key not in self._small:
                self._small[key] = self._constant(array)
            return self._small[key]
        return self._constant(array)

    def _constant(self, array: Any) -> Value:
        name = f"{self.scope}/constant_{len(self.constants)}"
        self.constants[name] = np.ascontiguousarray(array).reshape(array.shape)
        return Value(self, name, array.dtype)

    def node(
        self, kind: str, *inputs: Value | None, dtypes: Sequence[Any], **attributes: Any
    ) -> list[Value]:
        """Add an operator with an output of each of these types."""
        name = f"{self.scope}/{kind}_{len(self.nodes)}"
        values = [Value(self, f"{name}:{i}", np.dtype(dtype)) for i, dtype in enumerate(dtypes)]
        given = ["" if value is None else value.name for value in inputs]
        outputs = [value.name for value in values]
        self.nodes.append(Node(kind, name, given, outputs, attributes))
        return values

    def range(self, count: Value) -> Value:
        """`[count]` int64 from 0 on, of a count `[1]`."""
        zero, one = self.constant(0, np.int64), self.constant(1, np.int64)
        return self.node("Range", zero, count.squeeze(0), one, dtypes=[np.int64])[0]

    def mask(self, lengths: Value, time: Value) -> Value:
        """`[batch, time]`, true at the real steps of sequences of these lengths."""
        if lengths.name not in self._masks:
            self._masks[lengths.name] = self.range(time) < lengths.unsqueeze(1)
        return self._masks[lengths.name]

    def shape(self, dims: Iterable[int | Value]) -> Value:
        """A shape of numbers and of sizes `[1]`, as a tensor."""
        dims = list(dims)
        if all(isinstance(one, int) for one in dims):
            return self.constant(dims, np.int64)
        parts = [one if isinstance(one, Value) else self.constant([one], np.int64) for one in dims]
        return concat(parts, 0)

    def scan(self, step: Callable[..., Value], state: Value, *along: Value, axes: int) -> Value:
        """The last state of a loop over the entries of tensors along their first axis, in order.

        Args:
            step: gives the next state; it gets the state before, and an entry of each tensor.
            state: before the first entry.
            along: the tensors.
            axes: of the state, which older runtimes want to know.
        """
        body = Graph()
        body.scope = f"{self.scope}/Scan_{len(self.nodes)}"
        given = [
            body.input(f"{body.scope}/in_{number}", one.dtype, None)
            for number, one in enumerate((state, *along))
        ]
        body.output(f"{body.scope}/out", step(*given), (None,) * axes)
        return state.op("Scan", *along, body=body, num_scan_inputs=len(along))

    # -- one step at a time ---------------------------------------------------------------------

    def state(self, name: str, dims: Dims, initial: Any, dtype: Any = np.float32) -> Value:
        """A state before this step, `[batch, *dims]`; where a sequence begins, its first value.

        Args:
            name: unique in the graph, such as "lstm_1/h".
            dims: of one sequence; the axis "past" grows from step to step, from 0 on.
            initial: before the first step: a number, or an array of `dims`.
            dtype: of the numbers.
        """
        axes: Dims = ("batch", *dims)
        came = self.input(f"state/{name}", dtype, axes)
        self.states[name] = State(self.inputs[-1], initial)
        if "past" in dims:
            return came
        assert self.reset is not None
        begins = self.reset.reshape(-1, *(1 for _ in dims))
        return begins.where(self.constant(initial, dtype), came)

    def keep(self, name: str, value: Value) -> None:
        """The state after this step."""
        port = self.states[name].port
        dims = tuple("past_and_now" if axis == "past" else axis for axis in port.dims or ())
        self.output(f"next/{name}", value, dims)
        self.kept.append(self.outputs.pop())

    # -- the file -------------------------------------------------------------------------------

    def model(self, name: str, texts: Mapping[str, str]) -> Any:
        """The `onnx.ModelProto` of the graph.

        Args:
            name: of the graph.
            texts: the metadata.
        """
        onnx = require("onnx", "onnx", "to write ONNX files")
        helper = onnx.helper
        model = helper.make_model(
            self._written(onnx, name),
            opset_imports=[helper.make_opsetid("", OPSET)],
            producer_name="segue",
        )
        model.ir_version = FORMAT
        helper.set_model_props(model, dict(texts))
        return model

    def _written(self, onnx: Any, name: str) -> Any:
        """The `onnx.GraphProto`."""
        helper = onnx.helper

        def info(port: Port) -> Any:
            kind = helper.np_dtype_to_tensor_dtype(port.dtype)
            return helper.make_tensor_value_info(port.name, kind, port.dims)

        def node(one: Node) -> Any:
            attributes = {
                key: value._written(onnx, one.name) if isinstance(value, Graph) else value
                for key, value in one.attributes.items()
            }
            return helper.make_node(one.kind, one.inputs, one.outputs, name=one.name, **attributes)

        return helper.make_graph(
            [node(one) for one in self.nodes],
            name,
            [info(port) for port in self.inputs],
            [info(port) for port in (*self.outputs, *self.kept)],
            [onnx.numpy_helper.from_array(array, key) for key, array in self.constants.items()],
        )


class Value:
    """A tensor of a graph; operators and methods add nodes, and mean what they mean in NumPy.

    A number or array beside it is taken in its own type.

    >>> graph = Graph()
    >>> x = graph.input("x", np.float32, ("n",))
    >>> y = 2 * x + 1
    >>> [node.kind for node in graph.nodes]
    ['Mul', 'Add']
    """

    def __init__(self, graph: Graph, name: str, dtype: Any) -> None:
        self.graph, self.name, self.dtype = graph, name, dtype

    def op(self, kind: str, *others: Any, dtype: Any = None, **attributes: Any) -> Value:
        """Add an operator with this tensor as its first input and one output of the same type."""
        inputs = (self._as_value(other) for other in others)
        dtypes = [self.dtype if dtype is None else dtype]
        return self.graph.node(kind, self, *inputs, dtypes=dtypes, **attributes)[0]

    def _as_value(self, other: Any) -> Value:
        return other if isinstance(other, Value) else self.graph.constant(other, self.dtype)

    def _swapped(self, kind: str, other: Any) -> Value:
        return self._as_value(other).op(kind, self)

    def __add__(self, other: Any) -> Value:
        return self.op("Add", other)

    def __sub__(self, other: Any) -> Value:
        return self.op("Sub", other)

    def __mul__(self, other: Any) -> Value:
        return self.op("Mul", other)

    def __truediv__(self, other: Any) -> Value:
        return self.op("Div", other)

    def __floordiv__(self, other: Any) -> Value:
        """Of whole numbers from 0 on."""
        return self.op("Div", other)

    def __matmul__(self, other: Any) -> Value:
        return self.op("MatMul", other)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: Any) -> Value:
        return self._swapped("Sub", other)

    def __rtruediv__(self, other: Any) -> Value:
        return self._swapped("Div", other)

    def __neg__(self) -> Value:
        return self.op("Neg")

    def __lt__(self, other: Any) -> Value:
        return self.op("Less", other, dtype=bool)

    def __le__(self, other: Any) -> Value:
        return self.op("LessOrEqual", other, dtype=bool)

    def __gt__(self, other: Any) -> Value:
        return self.op("Greater", other, dtype=bool)

    def __ge__(self, other: Any) -> Value:
        return self.op("GreaterOrEqual", other, dtype=bool)

    def __and__(self, other: Value) -> Value:
        return self.op("And", other)

    def __or__(self, other: Value) -> Value:
        return self.op("Or", other)

    def __invert__(self) -> Value:
        return self.op("Not")

    def where(self, yes: Any, no: Any) -> Value:
        """`yes` where this is true, else `no`; one of the two is a tensor."""
        like = yes if isinstance(yes, Value) else no
        pair = [like._as_value(one) for one in (yes, no)]
        return self.op("Where", *pair, dtype=like.dtype)

    def cast(self, dtype: Any) -> Value:
        """In another type."""
        if np.dtype(dtype) == self.dtype:
            return self
        onnx_type = _TENSOR_TYPES[np.dtype(dtype).name]
        return self.op("Cast", dtype=dtype, to=onnx_type)

    # -- over axes ------------------------------------------------------------------------------

    def sum(self, axis: int, *, keepdims: bool = False) -> Value:
        """The sum along an axis."""
        axes = self.graph.constant([axis], np.int64)
        return self.graph.node(
            "ReduceSum", self, axes, dtypes=[self.dtype], keepdims=int(keepdims)
        )[0]

    def max(self, *axes: int, keepdims: bool = False) -> Value:
        """The largest along axes."""
        return self.op("ReduceMax", axes=list(axes), keepdims=int(keepdims))

    def mean(self, axis: int, *, keepdims: bool = False) -> Value:
        """The mean along an axis."""
        return self.op("ReduceMean", axes=[axis], keepdims=int(keepdims))

    def softmax(self, axis: int = -1) -> Value:
        """exp(x), divided by its sum along an axis."""
        return self.op("Softmax", axis=axis)

    def clip(self, low: float, high: float) -> Value:
        """Within two bounds."""
        return self.op("Clip", low, high)

    # -- shapes ---------------------------------------------------------------------------------

    def size(self, axis: int) -> Value:
        """`[1]` int64, the length of an axis, counted from 0."""
        return self.op("Shape", dtype=np.int64, start=axis, end=axis + 1)

    def reshape(self, *dims: int | Value) -> Value:
        """In another shape: numbers, sizes `[1]`, 0 for the axis as it is, -1 for what is left."""
        return self.op("Reshape", self.graph.shape(dims))

    def expand(self, *dims: int | Value) -> Value:
        """Repeated along axes of length 1."""
        return self.op("Expand", self.graph.shape(dims))

    def transpose(self, *order: int) -> Value:
        """With the axes in another order."""
        return self.op("Transpose", perm=list(order))

    def unsqueeze(self, *axes: int) -> Value:
        """With new axes of length 1."""
        return self.op("Unsqueeze", self.graph.constant(list(axes), np.int64))

    def squeeze(self, *axes: int) -> Value:
        """Without axes of length 1."""
        return self.op("Squeeze", self.graph.constant(list(axes), np.int64))

    def slice(self, start: int | Value, end: int | Value, axis: int) -> Value:
        """A piece along an axis; bounds as in NumPy, or sizes `[1]`."""
        bounds = [one if isinstance(one, Value) else self.graph.constant([one], np.int64)
                  for one in (start, end)]  # fmt: skip
        return self.op("Slice", *bounds, self.graph.constant([axis], np.int64))

    def gather(self, index: Any, axis: int = 0) -> Value:
        """What stands at whole numbers along an axis."""
        if not isinstance(index, Value):
            index = self.graph.constant(index, np.int64)
        return self.op("Gather", index, axis=axis)

    def take_along(self, index: Value, axis: int) -> Value:
        """As NumPy's `take_along_axis`."""
        return self.op("GatherElements", index, axis=axis)

    def at(self, steps: Value) -> Value:
        """`[batch, ...]`, of `[batch, time, ...]` one step of each sequence, `[batch]` int64."""
        return self.op("GatherND", steps.unsqueeze(1), batch_dims=1)


_TENSOR_TYPES = {"float32": 1, "int32": 6, "int64": 7, "bool": 9, "float64": 11}


def concat(values: Sequence[Value], axis: int) -> Value:
    """Tensors side by side along an axis."""
    first, *others = values
    return first.op("Concat", *others, axis=axis) if others else first


def total(values: Iterable[Value]) -> Value:
    """The sum of tensors, one after the other."""
    first, *others = values
    for one in others:
        first = first + one
    return first


def largest(first: Value, *others: Any) -> Value:
    """The largest of tensors, entry by entry."""
    return first.op("Max", *others)


def smallest(first: Value, *others: Any) -> Value:
    """The smallest of tensors, entry by entry."""
    return first.op("Min", *others)


class Steps(NamedTuple):
    """A right-padded batch in a graph; what lies beyond the lengths is arbitrary, and finite."""

    values: Value  # [batch, time, feature], or [batch, time, 1] int64 tokens
    lengths: Value  # [batch] int64

    def mask(self) -> Value:
        """`[batch, time]`, true at real steps."""
        return self.values.graph.mask(self.lengths, self.values.size(1))

    def filled(self, value: float) -> Value:
        """The values, with a constant in place of everything beyond `lengths`."""
        return self.mask().unsqueeze(2).where(self.values, value)

    def last(self) -> Value:
        """`[batch, feature]`, each sequence's own last step."""
        return self.values.at(self.lengths - 1)
