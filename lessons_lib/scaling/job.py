"""What the processes of one training are told: a job file in JSON, and the images beside it as safetensors."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from torch import Tensor

from lessons_lib.datasets.split import Split
from lessons_lib.training import Recipe

JOB, IMAGES, WEIGHTS, RESULT = "job.json", "images.safetensors", "weights.safetensors", "result.json"


@dataclass(frozen=True)
class Job:
    """One piece of work for several processes.

    task: "train" or "compare". data, classes: name and number of classes of the data set. checkpoint: a file on the
    machine of rank 0. fail_at: (rank, step) at which a process kills itself. seconds: to spend on comparing.
    """

    task: str
    model: str
    recipe: Recipe
    data: str
    classes: int
    seed: int = 0
    device: str = "cpu"
    threads_each: int = 1
    checkpoint: str | None = None
    checkpoint_every: int = 50
    fail_at: tuple[int, int] | None = None
    seconds: float = 0.0
    timeout_s: float = 300.0


def write(folder: Path, job: Job, images: Split) -> Path:
    """Put a job and its images into a folder, for the workers to read; returns the job file."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file({"images": images.images.contiguous(), "labels": images.labels.contiguous()}, folder / IMAGES)
    (folder / JOB).write_text(json.dumps(asdict(job)), encoding="utf-8")
    return folder / JOB


def read(path: Path) -> tuple[Job, Split]:
    """The job of a job file, and its images."""
    from safetensors.torch import load_file

    told = json.loads(path.read_text(encoding="utf-8"))
    told["recipe"] = Recipe(**told["recipe"])
    told["fail_at"] = tuple(told["fail_at"]) if told["fail_at"] else None
    return Job(**told), Split(**load_file(path.parent / IMAGES))


def write_weights(folder: Path, weights: dict[str, Tensor]) -> None:
    """Leave the trained weights beside the job."""
    from safetensors.torch import save_file

    save_file({name: value.cpu().contiguous() for name, value in weights.items()}, folder / WEIGHTS)


def read_weights(folder: Path) -> dict[str, Tensor]:
    """The weights that training left beside the job."""
    from safetensors.torch import load_file

    return load_file(folder / WEIGHTS)
