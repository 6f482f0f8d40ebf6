"""The networks that ship with the course, read without the safetensors package: a bare machine does not have it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lessons_lib import checkpoints, models

KINDS = {"F32": np.float32, "F16": np.float16, "I64": np.int64, "U8": np.uint8}


def shipped_network(name: str) -> nn.Module | None:
    """The network "vgg" or "small" that ships for road_signs, in eval mode on the CPU; None where none ships."""
    path = checkpoints.shipped_path(name)
    if not path.is_file():
        return None
    weights, card = read(path)
    shape = card["shape"]
    model = models.ConvNet(shape["widths"], shape["pools"], card["channels"], len(card["classes"]))
    model.load_state_dict(weights)
    return model.eval()


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the card of a checkpoint.

    Source: https://github.com/huggingface/safetensors (the format: 8 bytes with the length of the header, little endian;
    the header as JSON; the tensors).
    """
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    card = json.loads(header.pop("__metadata__")["card"])
    return {name: _tensor(content[start:], told) for name, told in header.items()}, card


def _tensor(content: bytes, told: dict[str, Any]) -> Tensor:
    first, last = told["data_offsets"]
    values = np.frombuffer(content[first:last], dtype=np.dtype(KINDS[told["dtype"]]).newbyteorder("<"))
    return torch.from_numpy(values.reshape(told["shape"]).copy())
