"""What every test gets: a learner's folder of its own, and a reason where it needs a GPU that is not there."""

import os

import pytest

# Before torch is imported: idle threads sleep instead of spinning, or tests that share the cores slow each other down
# more than tenfold.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(autouse=True)
def learners_home(tmp_path_factory, monkeypatch):
    """No test reads or writes the record of whoever runs it."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("LESSONS_HOME", str(home))
    return home


def pytest_runtest_setup(item):
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("PyTorch sees no NVIDIA GPU here")
