"""A network of two wide layers whose weights do not fit into a processor's cache; only its last layer is fitted.

It stands in for the large models of practice: reading the weights takes longer than calculating with them.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons_lib.datasets.split import Split
from lessons_lib.models import to_input


class WideNet(nn.Module):
    """Two layers of `width` neurons with fixed random weights, and a head.

    Takes float32 (n, c, h, w), returns logits float32 (n, classes).
    """

    def __init__(self, image_shape: tuple[int, int, int], classes: int, width: int = 3072):
        super().__init__()
        inputs = image_shape[0] * image_shape[1] * image_shape[2]
        self.hidden = nn.Sequential(
            nn.Flatten(), nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        )
        for layer in (self.hidden[1], self.hidden[3]):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")  # type: ignore[arg-type]
        self.head = nn.Linear(width, classes)

    def features(self, x: Tensor) -> Tensor:
        """What the head sees, float32 (n, width)."""
        return self.hidden(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.hidden(x))


@torch.inference_mode()
def fit(
    split: Split, classes: int, *, width: int = 3072, images: int = 1500, penalty: float = 0.1, seed: int = 0
) -> WideNet:
    """A wide network for these images, in eval mode: the head is solved for, nothing else is trained.

    Args:
        split: labelled images. classes: how many. width: neurons of each layer. images: how many to fit the head to.
        penalty: of large weights, as a share of the mean squared length of a feature vector.
        seed: of the random weights; the global random state stays as it was.

    Source: random features with ridge regression, Rahimi and Recht, 2008.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = WideNet((split.images.shape[1], *split.images.shape[2:]), classes, width).eval()  # type: ignore[arg-type]
    images = min(images, len(split))
    seen = torch.cat([model.features(to_input(part)) for part in split.images[:images].split(256)])  # (n, width)
    wanted = F.one_hot(split.labels[:images], classes).float()  # (n, classes)
    middle = wanted.mean(0)
    alike = seen @ seen.T  # (n, n)
    alike.diagonal().add_(penalty * alike.diagonal().mean())
    model.head.weight.copy_((seen.T @ torch.linalg.solve(alike, wanted - middle)).T)
    model.head.bias.copy_(middle)
    return model


def to_onnx(model: WideNet) -> bytes:
    """The network as an ONNX graph with a free batch size, input "x".

    It is written by hand, weight by weight: exporting takes several times the memory of the weights, and seconds.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    layers = {"one": model.hidden[1], "two": model.hidden[3], "head": model.head}

    def linear(name: str, inputs: str, output: str) -> onnx.NodeProto:
        return helper.make_node("Gemm", [inputs, f"{name}.weight", f"{name}.bias"], [output], transB=1)

    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        linear("one", "flat", "a"),
        helper.make_node("Relu", ["a"], ["b"]),
        linear("two", "b", "c"),
        helper.make_node("Relu", ["c"], ["d"]),
        linear("head", "d", "logits"),
    ]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", "channels", "height", "width"])
    wanted = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", model.head.out_features])
    graph = helper.make_graph(nodes, "wide", [given], [wanted])
    whole = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    for name, layer in layers.items():
        for kind, value in layer.named_parameters():
            whole.graph.initializer.append(numpy_helper.from_array(value.detach().numpy(), f"{name}.{kind}"))
    return whole.SerializeToString()
