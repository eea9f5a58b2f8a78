"""An ONNX graph written node by node, and how weights are stored in it.

Tracing a PyTorch module makes a graph of PyTorch's own small steps. Written by hand it has the nodes that
the mathematics has, the same bytes every time, and is there at once. All arithmetic is in fp32, which every
runtime has on every device; only the file is smaller:

- fp16: half the size
- int8: a quarter. Each output of a matrix and each row of a table has a scale of its own
  (`nanochat.model.eight_bits`)

Nodes that turn constants into other constants, here into fp32, are run once when a model is loaded (constant
folding). So a token costs the same in all three, and no device has to know 8 or 16 bits. `DequantizeLinear`
would be one node instead of two, but runtimes leave it in place: with 7 million weights, on one core of an
AMD EPYC, ONNX Runtime Web 1.30 then takes 18 ms for a token instead of 1.4.

Opset 18 is the first in which every reduction takes its axes as an input; that runtime has it whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import copymode
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper, save_model

from nanochat.model.eight_bits import quantized

OPSET, IR_VERSION = 18, 9
DTYPES = ("fp32", "fp16", "int8")
LARGEST_FILE = 2_000_000_000  # bytes; what Protocol Buffers can hold is a little more
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
Array = npt.NDArray[Any]
Shape = Sequence[int | str]  # a name stands for a size that each call may choose


class Graph:
    """Nodes, constants, inputs and outputs, in the order in which they are added.

    Raises ValueError for a `dtype`, which is that of weights in the file, other than those in `DTYPES`.

    >>> graph = Graph("fp32")
    >>> x_N = graph.input("x_N", FLOAT, ["N"])
    >>> graph.output(graph.add("Add", x_N, graph.constant(np.float32(1), "one"), at="sum"), FLOAT, ["N"])
    >>> [(node.name, *node.input) for node in graph.model("tiny", {}).graph.node]
    [('sum/Add', 'x_N', 'one')]
    """

    def __init__(self, dtype: str) -> None:
        if dtype not in DTYPES:
            raise ValueError(f"dtype={dtype!r}: use {', '.join(DTYPES)}")
        self.dtype = dtype
        self.weights_made: dict[str, str] = {}
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, TensorProto] = {}
        self.inputs: list[ValueInfoProto] = []
        self.outputs: list[ValueInfoProto] = []
        self.used: dict[str, int] = {}

    def input(self, name: str, kind: int, shape: Shape) -> str:
        """What each call is given."""
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, name: str, kind: int, shape: Shape) -> None:
        """What each call gives back."""
        self.outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def add(self, operator: str, *inputs: str, at: str, name: str = "", **attributes: Any) -> str:
        """One node with one output, which is called by its place, or by `name`."""
        return self.add_all(operator, *inputs, at=at, names=[name] if name else None, **attributes)[0]

    def add_all(
        self, operator: str, *inputs: str, at: str, count: int = 1, names: Sequence[str] | None = None,
        **attributes: Any,
    ) -> list[str]:  # fmt: skip
        """One node with several outputs."""
        place = self.unused(f"{at}/{operator}")
        outputs = list(names or ([place] if count == 1 else [f"{place}_{i}" for i in range(count)]))
        self.nodes.append(helper.make_node(operator, list(inputs), outputs, name=place, **attributes))
        return outputs

    def unused(self, name: str) -> str:
        """The name, with a number if it was taken before."""
        count = self.used[name] = self.used.get(name, 0) + 1
        return name if count == 1 else f"{name}_{count}"

    def constant(self, value: Array | np.generic, name: str) -> str:
        """A tensor that never changes; the same name is the same tensor."""
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.asarray(value, order="C"), name)
        return name

    def whole(self, *numbers: int) -> str:
        """A constant list of whole numbers: axes, shapes, where a slice begins."""
        return self.constant(np.array(numbers, dtype=np.int64), f"ints{list(numbers)}")

    def number(self, value: float) -> str:
        """A constant number."""
        return self.constant(np.array(value, dtype=np.float32), f"number[{value!r}]")

    def weight(self, name: str, rows: Array, transposed: bool = False) -> str:
        """Weights as they are computed with, in fp32; each of `rows` has a scale of its own in int8."""
        if name in self.weights_made:
            return self.weights_made[name]
        if self.dtype == "fp32":
            made = self.constant(rows.T if transposed else rows, name)
        elif self.dtype == "fp16":
            half = rows.astype(np.float16)
            made = self.add("Cast", self.constant(half.T if transposed else half, name), at=name, to=FLOAT)
        else:
            whole, scale = quantized(rows)
            if transposed:
                whole, scale = whole.T, scale.T
            cast = self.add("Cast", self.constant(whole, name), at=name, to=FLOAT)
            made = self.add("Mul", cast, self.constant(scale, f"{name}.scale"), at=name)
        self.weights_made[name] = made
        return made

    def model(self, name: str, metadata: Mapping[str, str]) -> ModelProto:
        """The whole, as a file holds it."""
        graph = helper.make_graph(
            self.nodes, name, self.inputs, self.outputs, initializer=list(self.constants.values())
        )
        made = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION,
            producer_name="nanochat",
        )  # fmt: skip
        helper.set_model_props(made, dict(metadata))
        return made


def save(model: ModelProto, path: Path, largest: int = LARGEST_FILE) -> None:
    """Write a model as one file; the weights of one that is too large for that in a second, `NAME.data`."""
    if sum(len(one.raw_data) for one in model.graph.initializer) > largest:
        save_model(model, path, save_as_external_data=True, location=f"{path.name}.data")
        copymode(path, path.with_name(f"{path.name}.data"))  # onnx makes it for its owner alone
    else:
        path.write_bytes(model.SerializeToString(deterministic=True))


def described(values: Sequence[ValueInfoProto]) -> dict[str, dict[str, Any]]:
    """Type and shape of inputs or outputs, ready for JSON.

    >>> described([helper.make_tensor_value_info("ids", INT64, ["batch", 4])])
    {'ids': {'type': 'int64', 'shape': ['batch', 4]}}
    """
    return {
        one.name: {
            "type": helper.tensor_dtype_to_np_dtype(one.type.tensor_type.elem_type).name,
            "shape": [size.dim_param or size.dim_value for size in one.type.tensor_type.shape.dim],
        }
        for one in values
    }
