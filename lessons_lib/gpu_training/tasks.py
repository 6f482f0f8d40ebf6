"""What a machine is asked to learn, to tell how fast it trains: by profile, and by whether it has a GPU."""

from dataclasses import dataclass, replace

from lessons_lib.datasets import cifar10
from lessons_lib.datasets.cache import candidates, find
from lessons_lib.gpu_training import recipe
from lessons_lib.gpu_training.looking import Views
from lessons_lib.gpu_training.recipe import FastRecipe
from lessons_lib.profiles import choose

NO_CIFAR = (
    "CIFAR-10 was not trained on: its files are not here. "
    "`datasets.load('cifar10')` fetches them; LESSONS_DATA names their folder."
)


@dataclass(frozen=True)
class Task:
    """One kind of training. train, test: how many images. target: accuracy, 0 to 1. seeds: how many runs at most."""

    name: str
    dataset: str
    size: int
    train: int
    test: int
    recipe: FastRecipe
    views: Views
    target: float
    seeds: int


def tasks(profile: str, gpu: bool) -> list[Task]:
    """What to train in a profile; on a CPU fewer images, smaller batches and fewer runs."""
    if gpu:
        train, test = (
            choose(profile, smoke=600, quick=12_000, full=12_000),
            choose(profile, smoke=200, quick=2_000, full=2_000),
        )
        seeds, signs = choose(profile, smoke=1, quick=5, full=10), recipe.ROAD_SIGNS
        larger, signs64, fewer = train, signs, choose(profile, smoke=1, quick=3, full=5)
    else:
        train, test = (
            choose(profile, smoke=300, quick=4_000, full=12_000),
            choose(profile, smoke=100, quick=1_000, full=2_000),
        )
        seeds = choose(profile, smoke=1, quick=2, full=5)
        signs = replace(recipe.ROAD_SIGNS, batch_size=128, epochs=choose(profile, smoke=1, quick=3, full=4))
        larger, signs64, fewer = train // 4, replace(signs, batch_size=64, epochs=signs.epochs + 1), 1
    found = [
        Task(f"road signs, {size} pixels", "road_signs", size, count, test, how, Views(), 0.98, runs)
        for size, count, how, runs in ((32, train, signs, seeds), (64, larger, signs64, fewer))
    ]
    if gpu and profile != "smoke" and cifar_is_here():
        # the published record trains on all 50,000; the other 120 are what a record validates with
        for name, how in (("CIFAR-10", recipe.CIFAR10), ("CIFAR-10, Muon", recipe.CIFAR10_MUON)):
            found.append(Task(name, "cifar10", 32, 49_880, 10_000, how, Views(True, 1), 0.94, seeds))
    return found


def cifar_is_here() -> bool:
    """Whether CIFAR-10 can be read without a download."""
    folders = candidates(cifar10.FOLDER, cifar10.LAYOUTS)
    unpacked = any(all((folder / name).is_file() for name in cifar10.BATCHES) for folder in folders)
    return unpacked or find(cifar10.ARCHIVE, cifar10.LAYOUTS)[0] is not None
