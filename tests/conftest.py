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


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Where the kernel of a module's widgets keeps its record."""
    return tmp_path_factory.mktemp("widgets")


@pytest.fixture(scope="module")
def kernel(home):
    """One kernel for all widgets of a module."""
    from front import Front

    front = Front(LESSONS_HOME=str(home))
    yield front
    front.close()


@pytest.fixture
def front(kernel):
    """The kernel, which must not print, warn or fail while the widgets are used."""
    kernel.log.clear()
    yield kernel
    leaked = [(kind, content) for kind, content in kernel.log if kind in ("stream", "error")]
    assert not leaked, leaked


def pytest_runtest_setup(item):
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("PyTorch sees no NVIDIA GPU here")
