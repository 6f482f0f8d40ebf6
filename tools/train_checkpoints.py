"""Trains the checkpoints that ship with the course, and writes their model card: python tools/train_checkpoints.py

Takes about five minutes on two CPU cores. The figures of the card are those of this run.
"""

import argparse
import datetime
import json
from pathlib import Path

import torch

from lessons_lib import checkpoints, datasets, device, models, training

ROOT = Path(__file__).resolve().parent.parent
CARD = ROOT / "lessons_lib" / "checkpoints" / "card.json"
PAGE = ROOT / "docs" / "model_card.md"
RECIPES = {"small": training.Recipe(epochs=3.0), "vgg": training.Recipe(epochs=3.0)}
TRAIN_IMAGES, TEST_IMAGES, SEED = 20_000, 10_000, 20_26


def train_one(name: str, data: datasets.Dataset) -> dict:
    """Train one network, save it, and return what the card says of it."""
    model = models.build(name, channels=data.channels, classes=len(data.classes), seed=SEED)
    training.train(model, data, RECIPES[name], seed=SEED)
    accuracy = training.accuracy(model, data.test)
    checkpoints.save(checkpoints.shipped_path(name), model, data, accuracy=accuracy)
    return {
        "parameters": models.parameters(model),
        "macs": models.macs(model, data.image_shape),
        "file_bytes": checkpoints.shipped_path(name).stat().st_size,
        "accuracy": accuracy,
        "standard_error": (accuracy * (1 - accuracy) / len(data.test)) ** 0.5,
        "epochs": RECIPES[name].epochs,
    }


def page(card: dict) -> str:
    """The model card as Markdown."""
    rows = [
        f"| {name} | {m['parameters']:,} | {m['macs'] / 1e6:.1f} million | {m['file_bytes'] / 1024:,.0f} KiB | "
        f"{m['accuracy']:.2%} ± {m['standard_error']:.2%} |"
        for name, m in card["models"].items()
    ]
    return "\n".join(
        [
            "# Model card: the checkpoints that ship with the course",
            "",
            "Written by `python tools/train_checkpoints.py`, which trains them anew; a test checks the accuracy on freshly",
            "rendered images.",
            "",
            "| network | parameters | multiply-accumulates an image | file | accuracy (± one standard error) |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
            f"- **Task**: say which of twelve rendered road signs a 32x32 colour image shows ({', '.join(card['classes'])}).",
            f"- **Data**: `road_signs`, {card['train_images']:,} training and {card['test_images']:,} test images, rendered",
            f"  with seed {card['seed']} at the default conditions. No photographs: expect less on real streets.",
            f"- **Training**: {card['models']['small']['epochs']:g} epochs, the default recipe of `lessons_lib/training.py`,",
            f"  batch size {training.Recipe().batch_size}; {card['date']}, PyTorch {card['torch']}, {card['cpu']}.",
            "- **Format**: safetensors, no pickle. **Licence**: MIT, as the course.",
            "- **Meant for** learning. Not for a vehicle.",
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=list(RECIPES), help="train this one and leave the other's figures")
    only = parser.parse_args().only
    data = datasets.load("road_signs", train=TRAIN_IMAGES, validation=2_000, test=TEST_IMAGES, seed=SEED)
    trained = json.loads(CARD.read_text())["models"] if CARD.exists() and only else {}
    for name in [only] if only else RECIPES:
        trained[name] = train_one(name, data)
    card = {
        "models": {name: trained[name] for name in RECIPES},
        "classes": list(data.classes),
        "train_images": TRAIN_IMAGES,
        "test_images": TEST_IMAGES,
        "seed": SEED,
        "date": datetime.date.today().isoformat(),
        "torch": torch.__version__,
        "cpu": device.fingerprint()["cpu"],
    }
    CARD.parent.mkdir(parents=True, exist_ok=True)
    CARD.write_text(json.dumps(card, indent=2) + "\n")
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(card))
    print(page(card))


if __name__ == "__main__":
    main()
