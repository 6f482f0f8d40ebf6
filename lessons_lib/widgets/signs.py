"""Lesson 00: fog, turn and dim one road sign, and hear what the model makes of it."""

import base64
import html
import io
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from lessons_lib import signs, training
from lessons_lib.signs.conditions import Conditions
from lessons_lib.widgets.explorer import status
from lessons_lib.widgets.fallback import have_widgets, show

EFFECTS = {"fog": 3.0, "dusk": 1.0, "snow": 2.0, "blur": 3.0, "noise": 0.6, "lens_dirt": 1.5}  # with the largest value
SCENE = 7


def see(model: nn.Module, label: int, scene: int = SCENE, **effects: float) -> tuple[torch.Tensor, str]:
    """Render one sign and let the model read it.

    Args:
        model: reads the twelve road signs. label: 0 to 11. scene: seed of everything around the sign.
        effects: fields of `Conditions`.

    Returns:
        The image uint8 (3, 32, 32), and what the model says about it, in a sentence.
    """
    easy = replace(Conditions.of_severity(0.4), **effects)
    pixels, _ = signs.render(1, seed=scene, conditions=easy, labels=np.array([label]))
    image = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    shares = training.predict(model, image).softmax(1)[0]
    said, truth = signs.CLASSES[int(shares.argmax())], signs.CLASSES[label]
    verdict = "right" if said == truth else f"wrong, it is {truth}"
    return image[0], f"The model says {said} and is {shares.max():.0%} sure: {verdict}."


def sign_explorer(model: nn.Module) -> None:
    """A choice of signs and a slider for each effect; without widgets, the model's answer on one sign in rising fog.

    Args:
        model: reads the twelve road signs, as `checkpoints.trained` returns it.
    """
    if not have_widgets():
        for fog in (0.0, 1.5, 3.0):
            print(f"fog {fog}: {see(model, 0, fog=fog)[1]}")
        return
    import ipywidgets

    style, layout = {"description_width": "6em"}, {"width": "24em"}
    sign = ipywidgets.SelectionSlider(
        options=[(name, i) for i, name in enumerate(signs.CLASSES)], description="sign", style=style, layout=layout
    )
    start = Conditions.of_severity(0.4)
    sliders = {
        name: ipywidgets.FloatSlider(
            value=getattr(start, name), min=0.0, max=largest, step=largest / 20, readout_format=".2f",
            description=name.replace("_", " "), style=style, layout=layout, continuous_update=True,
        )
        for name, largest in EFFECTS.items()
    }  # fmt: skip
    shown, told = ipywidgets.HTML(), ipywidgets.HTML()
    told.add_class("sign-readout")

    def redraw(change: dict | None = None) -> None:
        image, sentence = see(model, sign.value, **{name: slider.value for name, slider in sliders.items()})
        shown.value = image_tag(image, f"Road sign {signs.CLASSES[sign.value]} as rendered. {sentence}")
        # The handle of a slider carries no name of its own, so the sentence says what was moved, and to where.
        moved = f"{change['owner'].description} {_said(change['new'])}. " if change else ""
        told.value = status(moved + sentence)

    for control in (sign, *sliders.values()):
        control.observe(redraw, "value")
    redraw()
    controls = ipywidgets.VBox([sign, *sliders.values()])
    box = ipywidgets.VBox([ipywidgets.HBox([controls, shown]), told])
    show(box, html=shown.value + told.value, text=f"Sliders: {', '.join(EFFECTS)}. {see(model, 0)[1]}")


def _said(value: float) -> str:
    return f"{value:.2f}" if isinstance(value, float) else signs.CLASSES[value]


def image_tag(image: torch.Tensor, alt: str, width: int = 224) -> str:
    """An image uint8 (c, h, w) as an HTML element, its pixels left square."""
    from PIL import Image

    pixels = image[0] if len(image) == 1 else image.permute(1, 2, 0)
    stream = io.BytesIO()
    Image.fromarray(pixels.numpy()).save(stream, "PNG")
    data = base64.b64encode(stream.getvalue()).decode()
    return f'<img alt="{html.escape(alt, quote=True)}" width="{width}" style="image-rendering:pixelated" src="data:image/png;base64,{data}">'
