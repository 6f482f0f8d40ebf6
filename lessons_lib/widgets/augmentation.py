"""Lesson 03: turn, move, blur with noise and mirror eight images, and judge whether their labels are still true."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from lessons_lib.augment import RANGE, Augmentation
from lessons_lib.models import to_input
from lessons_lib.widgets.explorer import status
from lessons_lib.widgets.fallback import have_widgets, show
from lessons_lib.widgets.keyboard import choice
from lessons_lib.widgets.signs import image_tag

STRENGTHS = {
    "rotation_degrees": 180.0,
    "scale": 0.6,
    "shift": 0.5,
    "noise": 0.5,
    "erase": 0.5,
}  # with the largest value
START = Augmentation(rotation_degrees=10, scale=0.1, shift=0.05)
MIRRORED = {"turn left": "turn right", "turn right": "turn left"}  # road signs whose mirror image is another sign


def describe(augmentation: Augmentation, names: Sequence[str]) -> str:
    """What happens to the images, and whether their labels can still be trusted, in a few sentences.

    Args:
        augmentation: what the sliders say. names: the class of each image that is shown.
    """
    done = [text for text in _changes(augmentation) if text]
    return " ".join([f"{'; '.join(done) or 'Nothing is changed'}.", *_doubts(augmentation, names)])


def _changes(a: Augmentation) -> list[str]:
    return [
        f"Turned by up to {a.rotation_degrees:.0f} degrees" if a.rotation_degrees else "",
        f"resized to between {1 - a.scale:.0%} and {1 + a.scale:.0%}" if a.scale else "",
        f"moved by up to {a.shift:.0%} of the width" if a.shift else "",
        "half of them mirrored" if a.flip else "",
        f"noise of {a.noise:.0%} of black to white" if a.noise else "",
        f"{a.erase:.0%} of each image erased" if a.erase else "",
    ]


def _doubts(a: Augmentation, names: Sequence[str]) -> list[str]:
    swapped = sorted({name for name in names if name in MIRRORED})
    doubts = [f'A mirrored "{name}" is a "{MIRRORED[name]}" under the old label.' for name in swapped if a.flip]
    if a.rotation_degrees > 45:
        doubts.append("Turned this far, some things become something else: an arrow to the left points up.")
    if a.shift > 0.3 or a.erase > 0.35 or a.noise > 0.35:
        doubts.append("Could you still tell what each one is? If not, the network cannot learn it from this.")
    return doubts or ["The labels are still true, as far as this text can tell. Look for yourself."]


def changed(images: Tensor, augmentation: Augmentation, seed: int = 0) -> Tensor:
    """The images uint8 (n, c, h, w) as a training step would see them; the same seed draws the same changes."""
    x = augmentation(to_input(images), torch.Generator().manual_seed(seed))
    return ((x / RANGE + 0.5) * 255).round().clamp(0, 255).to(torch.uint8)


def before_and_after(images: Tensor, augmentation: Augmentation, seed: int = 0) -> Tensor:
    """One image uint8 (c, height, width): the originals in a row, and what became of them beneath."""
    rows = [F.pad(row, (1, 1, 1, 1), value=255) for row in (images, changed(images, augmentation, seed))]
    return torch.cat([torch.cat(tuple(row), dim=2) for row in rows], dim=1)


def augmentation_explorer(images: Tensor, names: Sequence[str]) -> None:
    """Sliders for each kind of change and a button to mirror, over a few images; redrawn at once.

    Args:
        images: uint8 (n, c, h, w), about eight. names: the class of each.
    """
    if not have_widgets():
        print(describe(START, names))
        return
    Explorer(images, names).show()


class Explorer:
    """The widget: what the controls say goes into one `Augmentation`, which the picture and the sentence share."""

    def __init__(self, images: Tensor, names: Sequence[str]):
        import ipywidgets

        self.images, self.names = images, names
        style, layout = {"description_width": "6em"}, {"width": "24em"}
        self.sliders = {
            name: ipywidgets.FloatSlider(
                value=getattr(START, name), min=0.0, max=largest, step=largest / 36, style=style, layout=layout,
                description=name.partition("_")[0], readout_format=".0f" if largest > 1 else ".2f",
            )
            for name, largest in STRENGTHS.items()
        }  # fmt: skip
        self.mirror = choice("flip", [("off", False), ("on", True)])
        self.draw = ipywidgets.IntSlider(value=0, min=0, max=9, description="draw", style=style, layout=layout)
        self.shown, self.told = ipywidgets.HTML(), ipywidgets.HTML()
        self.told.add_class("augmentation-readout")
        controls = [*self.sliders.values(), self.mirror, self.draw]
        for control in controls:
            control.observe(self.redraw, "value")
        self.redraw()
        self.widget = ipywidgets.VBox([*controls, self.told, self.shown])

    @property
    def augmentation(self) -> Augmentation:
        """What the controls say now."""
        return Augmentation(**{name: slider.value for name, slider in self.sliders.items()}, flip=self.mirror.value)

    def redraw(self, _change: object = None) -> None:
        """Bring the sentence and the picture in line with the controls."""
        text = describe(self.augmentation, self.names)
        self.told.value = status(text)
        sheet = before_and_after(self.images, self.augmentation, self.draw.value)
        alt = f"Above: {', '.join(self.names)}. Beneath, the same as a training step sees them. {text}"
        self.shown.value = image_tag(sheet, alt, width=88 * len(self.images))

    def show(self) -> None:
        """Display the widget; where there is no kernel, the picture and the sentence stand in for it."""
        show(self.widget, html=self.told.value + self.shown.value, text=describe(self.augmentation, self.names))
