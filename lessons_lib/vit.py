"""A small vision transformer: the network that torchao can quantize, since nearly all its work is done by linear layers."""

import torch
from torch import Tensor, nn
from torch.nn import functional

# name: width, depth, heads. "small" is ViT-S of Touvron et al. (2021) with half its depth.
SIZES = {"tiny": (64, 2, 2), "mini": (192, 4, 3), "small": (384, 6, 6)}


class Attention(nn.Module):
    """Every token looks at every other one. Takes and returns (n, tokens, width)."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        n, tokens, width = x.shape
        parts = self.qkv(x).view(n, tokens, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # each (n, heads, tokens, width of a head)
        seen = functional.scaled_dot_product_attention(query, key, value)
        return self.out(seen.transpose(1, 2).reshape(n, tokens, width))


class Block(nn.Module):
    """Attention, then two linear layers; each behind a layer norm ("pre-norm") and added to its input."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):
    """Cuts an image into patches and treats them like the words of a sentence.

    Takes float (n, channels, size, size), returns logits (n, classes). The mean of all tokens goes into the last layer, which is
    as good as a token of its own for the class (Beyer et al., Better plain ViT baselines for ImageNet-1k, 2022).

    Args:
        size: height and width of the images, a multiple of `patch`. patch: height and width of a patch.
        width: numbers a token. depth: blocks. heads: of the attention, a divisor of `width`.

    Raises:
        ValueError: sizes that do not divide.

    Source: Dosovitskiy et al., An Image is Worth 16x16 Words, 2020.
    """

    def __init__(
        self, size: int = 32, patch: int = 4, width: int = 384, depth: int = 6, heads: int = 6, *, channels: int = 3,
        classes: int = 12,
    ):  # fmt: skip
        super().__init__()
        if size % patch or width % heads:
            raise ValueError(f"size {size} has to be a multiple of patch {patch}, and width {width} of heads {heads}.")
        self.patch = patch
        self.embed = nn.Linear(channels * patch * patch, width)
        self.place = nn.Parameter(torch.empty(1, (size // patch) ** 2, width))
        nn.init.normal_(self.place, std=0.02)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def patches(self, x: Tensor) -> Tensor:
        """The pixels of each patch side by side: (n, tokens, channels * patch * patch)."""
        n, channels, height, width = x.shape
        cut = x.reshape(n, channels, height // self.patch, self.patch, width // self.patch, self.patch)
        return cut.permute(0, 2, 4, 1, 3, 5).reshape(n, -1, channels * self.patch**2)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.blocks(self.embed(self.patches(x)) + self.place)
        return self.head(self.norm(tokens).mean(1))


def build(name: str, *, image_shape: tuple[int, int, int], classes: int, seed: int = 0) -> VisionTransformer:
    """An untrained transformer; the global random state stays as it was.

    Args:
        name: one of `SIZES`. image_shape: (channels, size, size); the patches are an eighth of the size.

    Raises:
        ValueError: unknown name, or an image that is not square with a side that is a multiple of 8.
    """
    if name not in SIZES:
        raise ValueError(f"there is no transformer {name!r}; choose one of {', '.join(SIZES)}.")
    channels, height, across = image_shape
    if height != across or height % 8:
        raise ValueError(
            f"images are {height} x {across}; the transformer takes squares whose side is a multiple of 8."
        )
    width, depth, heads = SIZES[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return VisionTransformer(height, height // 8, width, depth, heads, channels=channels, classes=classes)


def macs(model: VisionTransformer, tokens: int | None = None) -> int:
    """Multiply-accumulates of one image: every linear layer on every token, and the two products of the attention.

    Args:
        tokens: patches of an image; those of the model unless given.
    """
    count = tokens or model.place.shape[1]
    linear = sum(m.weight.numel() for m in model.modules() if isinstance(m, nn.Linear) and m is not model.head)
    attention = 2 * count * model.norm.normalized_shape[0] * len(model.blocks)
    return count * (linear + attention) + model.head.weight.numel()
