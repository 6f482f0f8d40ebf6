"""What an inference engine makes of a model: its operators as PyTorch has them, as exported, and as ONNX Runtime runs them."""

import copy
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lessons_lib.engines import Engine
from lessons_lib.tables import Table

STAGES = ("PyTorch", "exported graph", "as ONNX Runtime runs it")
# a part of an operator's name, in PyTorch, ONNX or ONNX Runtime, and the work that it does; the first that fits counts
WORK = (
    ("batch_norm", "batch norm"),
    ("batchnorm", "batch norm"),
    ("reorder", "change of memory layout"),
    ("transpose", "change of memory layout"),
    ("quantizelinear", "to or from 8 bits"),
    ("conv", "convolution"),
    ("relu", "ReLU"),
    ("pool", "pooling"),
    ("gemm", "linear layer"),
    ("linear", "linear layer"),
    ("matmul", "linear layer"),
    ("mean", "mean over the image"),
    ("dropout", "dropout"),
    ("add", "addition"),
)
BATCH_NORM = "batch norm"


def work_of(operator: str, activation: str = "") -> str:
    """What an operator does, in the words of the course; an operator it does not know keeps its name.

    Args:
        operator: such as "aten.conv2d.default" or "com.microsoft.nchwc.Conv". activation: what is fused with it.
    """
    plain = next((work for part, work in WORK if part in operator.lower()), operator)
    fused = next((work for part, work in WORK if activation and part in activation.lower()), activation)
    return f"{plain} with {fused}" if fused else plain


def pytorch_operators(model: nn.Module, image_shape: tuple[int, int, int]) -> list[str]:
    """The work that a prediction does in PyTorch, in order; `model` stays as it is.

    Source: torch.export, which records every operator of a forward pass.
    """
    still = copy.deepcopy(model).cpu().eval()
    program = torch.export.export(still, (torch.zeros(2, *image_shape),))
    return [work_of(str(node.target)) for node in program.graph.nodes if node.op == "call_function"]


def graph_operators(graph: bytes) -> list[str]:
    """The work that an ONNX graph does, in the order of its nodes; constants are no work.

    Args:
        graph: the bytes of an .onnx file, also of one that ONNX Runtime has optimised.
    """
    import onnx

    nodes = onnx.load_from_string(graph).graph.node
    return [
        work_of(f"{node.domain}.{node.op_type}".lstrip("."), _activation(node))
        for node in nodes
        if node.op_type != "Constant"
    ]


def _activation(node: Any) -> str:
    """The activation that is fused into a node, such as "Relu"."""
    return next((a.s.decode() for a in node.attribute if a.name == "activation"), "")


def optimised(graph: bytes) -> bytes:
    """The graph that ONNX Runtime really runs on this machine, as it writes it out after all its optimisations.

    Source: SessionOptions.optimized_model_filepath; https://onnxruntime.ai/docs/performance/model-optimizations/graph-optimizations.html
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimised.onnx"
        _session(graph, threads=1, optimise=True, write_to=str(path))
        return path.read_bytes()


def _session(graph: bytes, *, threads: int, optimise: bool, write_to: str = "") -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimise else levels.ORT_DISABLE_ALL
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    if write_to:
        options.optimized_model_filepath = write_to
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def engine(graph: bytes, *, threads: int = 1, optimise: bool = True) -> Engine:
    """ONNX Runtime with a graph, freshly loaded, with or without its graph optimisations.

    Args:
        graph: from `onnx_graph.export`. threads: CPU threads it may use. optimise: False runs the graph as exported.
    """
    session = _session(graph, threads=threads, optimise=optimise)

    def run(x: Tensor) -> Tensor:
        return torch.from_numpy(session.run(None, {"x": x.contiguous().numpy()})[0])

    name = "optimised" if optimise else "as exported"
    return Engine(name, run, len(graph), "cpu", threads, "float32", 1e-4)


def operator_table(stages: Mapping[str, Sequence[str]]) -> Table:
    """How often each kind of work is done at each stage, and all together."""
    counts = {stage: Counter(operators) for stage, operators in stages.items()}
    kinds = dict.fromkeys(work for operators in stages.values() for work in operators)
    rows: list[dict[str, Any]] = [{"work": kind} | {stage: counts[stage][kind] for stage in stages} for kind in kinds]
    rows.append({"work": "all"} | {stage: len(operators) for stage, operators in stages.items()})
    return Table("Operators of one prediction", rows)


def chain(operators: Sequence[str]) -> str:
    """The operators one after the other, on one line."""
    return " → ".join(operators)


def told(stages: Mapping[str, Sequence[str]]) -> str:
    """What became of the batch norms, the activations and the memory layout, in a few sentences."""
    names = list(stages)
    first, last = stages[names[0]], stages[names[-1]]
    norms = {name: list(stages[name]).count(BATCH_NORM) for name in names}
    parts = [f"{len(first)} operators became {len(last)}."]
    gone = next((name for name in names if norms[names[0]] and not norms[name]), None)
    if gone:
        parts.append(
            f"The {norms[names[0]]} batch norms are gone from the {_stage(gone)}: folded into the convolutions before them."
        )
    elif norms[names[0]]:
        parts.append(f"{norms[names[-1]]} of {norms[names[0]]} batch norms are left.")
    fused = sum(" with " in work for work in last)
    parts.append(
        f"{fused} operators have their activation built in."
        if fused
        else "No activation was built into another operator."
    )
    moved = list(last).count("change of memory layout")
    if moved:
        parts.append(
            f"{moved} new operator{'s' * (moved > 1)} rearrange{'s' * (moved == 1)} the numbers into a layout that suits this CPU."
        )
    return " ".join(parts)


def exported_told(stages: Mapping[str, Sequence[str]]) -> str:
    """What running the graph as exported, without the engine's optimisations, already saves, in a sentence."""
    first, exported = (list(stages[name]).count(BATCH_NORM) for name in list(stages)[:2])
    folded = ", and the batch norms were folded on export" if first and not exported else ""
    return f"In the first, nothing goes through Python between the layers any more{folded}."


def _stage(name: str) -> str:
    return {STAGES[1]: "exported graph already", STAGES[2]: "graph that ONNX Runtime runs"}.get(name, name)
