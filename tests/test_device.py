import json
import random
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from lessons_lib import device, machine

GIB = 2**30


@pytest.fixture
def cgroups(tmp_path, monkeypatch):
    """A machine of 8 cores and 16 GiB whose cgroup files a test can write."""
    monkeypatch.setattr(machine, "CGROUPS", tmp_path / "fs")
    monkeypatch.setattr(machine, "OWN_CGROUPS", tmp_path / "own")
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(machine, "total_memory_bytes", lambda: 16 * GIB)

    def put(own: str, files: dict[str, str]) -> None:
        (tmp_path / "own").write_text(own)
        for name, text in files.items():
            path = tmp_path / "fs" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return put


def test_without_a_container_the_whole_machine_counts(cgroups):
    cgroups("0::/user.slice\n", {"user.slice/cpu.max": "max 100000\n", "user.slice/memory.max": "max\n"})
    assert machine.cpu_limit() == 8
    assert machine.memory_limit_bytes() == 16 * GIB


def test_a_limit_of_cgroup_version_2_counts_at_any_level(cgroups):
    files = {"a/cpu.max": "150000 100000\n", "a/memory.max": f"{2 * GIB}\n", "a/b/memory.max": f"{4 * GIB}\n"}
    cgroups("0::/a/b\n", files)
    assert machine.cpu_limit() == 1.5
    assert machine.memory_limit_bytes() == 2 * GIB


def test_a_path_of_the_host_that_is_not_visible_falls_back_to_the_root(cgroups):
    cgroups("0::/docker/0123abc\n", {"cpu.max": "50000 100000\n", "memory.max": f"{GIB}\n"})
    assert machine.cpu_limit() == 0.5
    assert machine.memory_limit_bytes() == GIB


@pytest.mark.parametrize(
    ("allowed", "already_set", "threads"), [(2.0, None, "2"), (0.5, None, "1"), (2.0, "3", "3"), (64.0, None, None)]
)
def test_threads_are_limited_to_the_cores_of_the_container(monkeypatch, allowed, already_set, threads):
    monkeypatch.setattr(machine, "cpu_limit", lambda: allowed)
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 64)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if already_set:
        monkeypatch.setenv("OMP_NUM_THREADS", already_set)
    machine.limit_threads()
    assert machine.os.environ.get("OMP_NUM_THREADS") == threads


def test_limits_of_cgroup_version_1_count(cgroups):
    files = {
        "cpu,cpuacct/docker/x/cpu.cfs_quota_us": "300000\n",
        "cpu,cpuacct/docker/x/cpu.cfs_period_us": "100000\n",
        "memory/docker/x/memory.limit_in_bytes": f"{3 * GIB}\n",
        "memory/memory.limit_in_bytes": "9223372036854771712\n",
    }
    cgroups("5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n1:name=systemd:/\n", files)
    assert machine.cpu_limit() == 3
    assert machine.memory_limit_bytes() == 3 * GIB


@pytest.mark.parametrize("text", ["-1\n", "nonsense\n", "\n", "0\n"])
def test_a_quota_that_says_nothing_is_no_limit(cgroups, text):
    files = {"cpu/cpu.cfs_quota_us": text, "cpu/cpu.cfs_period_us": "100000\n", "memory.max": text}
    cgroups("1:cpu:/\n0::/\n", files)
    assert machine.cpu_limit() == 8
    assert machine.memory_limit_bytes() == 16 * GIB


def test_more_cores_than_there_are_cannot_be_given(cgroups):
    cgroups("0::/\n", {"cpu.max": "9900000 100000\n"})
    assert machine.cpu_limit() == 8


def test_the_peak_counts_this_process_and_not_its_parent():
    ballast = bytearray(400 * 2**20)
    program = "from lessons_lib.machine import peak_memory_bytes; print(peak_memory_bytes())"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert 4 * 2**20 < int(result.stdout) < 200 * 2**20
    assert machine.peak_memory_bytes() > len(ballast)


def test_machine_needs_the_standard_library_alone():
    program = "import sys, lessons_lib.machine; print([m for m in ('torch', 'numpy', 'psutil') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_auto_takes_the_gpu_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device.pick().type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device.pick("auto").type == "cuda"
    assert device.pick("cpu").type == "cpu"


def test_a_gpu_that_is_missing_is_an_error_that_says_why(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(device, "nvidia_gpu", lambda: None)
    with pytest.raises(RuntimeError, match=r"no NVIDIA GPU .* Use 'cpu' or 'auto'"):
        device.pick("cuda")
    monkeypatch.setattr(device, "nvidia_gpu", lambda: {"name": "NVIDIA T4", "driver": "580.1"})
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(RuntimeError, match="build without CUDA, although there is an NVIDIA T4"):
        device.pick("cuda")


@pytest.mark.parametrize("name", ["gpu", "mps", "", "cudax"])
def test_an_unknown_device_is_an_error_that_lists_the_choices(name):
    with pytest.raises(ValueError, match="choose auto, cpu or cuda"):
        device.pick(name)


def test_threads_are_restored_also_after_an_error():
    before = torch.get_num_threads()

    def work():
        with device.threads(before + 1):
            assert torch.get_num_threads() == before + 1
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert torch.get_num_threads() == before
    with pytest.raises(ValueError, match="at least one"), device.threads(0):
        pass


def test_a_seed_reproduces_every_source_of_random_numbers():
    def draw():
        device.seed_everything(7)
        return random.random(), np.random.rand(), torch.rand(1).item()

    assert draw() == draw()


def test_the_fingerprint_is_json_and_names_what_figures_depend_on():
    facts = json.loads(json.dumps(device.fingerprint()))
    assert torch.__version__.startswith(facts["packages"]["torch"])  # the wheel may leave out "+cu130"
    assert facts["cpu_limit"] > 0
    assert facts["memory_limit_bytes"] > 2**28
    assert {"system", "cpu", "vector_instructions", "threads", "allocator", "python", "gpu"} <= facts.keys()


def test_the_fingerprint_imports_no_engine():
    program = "import sys; from lessons_lib import device; device.fingerprint(); print('onnxruntime' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_the_driver_of_a_gpu_is_read_whatever_torch_is_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "output_of", lambda *command: "NVIDIA H100 80GB HBM3, 580.65.06\nNVIDIA H100, 1")
    assert machine.nvidia_gpu() == {"name": "NVIDIA H100 80GB HBM3", "driver": "580.65.06"}
    monkeypatch.setattr(machine, "output_of", lambda *command: "")
    assert machine.nvidia_gpu() is None


def test_every_gpu_of_the_machine_is_listed(monkeypatch):
    lines = "NVIDIA A100-SXM4-40GB, 580.65.06\nNVIDIA H100, PCIe, 580.65.06"
    monkeypatch.setattr(machine, "output_of", lambda *command: lines)
    assert [gpu["name"] for gpu in machine.nvidia_gpus()] == ["NVIDIA A100-SXM4-40GB", "NVIDIA H100, PCIe"]
    assert {gpu["driver"] for gpu in machine.nvidia_gpus()} == {"580.65.06"}
    monkeypatch.setattr(machine, "output_of", lambda *command: "")
    assert machine.nvidia_gpus() == []


@pytest.fixture
def two_gpus(monkeypatch):
    """A large GPU, which PyTorch counts first, and a slice of another."""
    found = {
        "cuda:0": ("NVIDIA H100 80GB HBM3", 9, 0, 85 * 10**9, 132),
        "cuda:1": ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", 8, 0, 5 * 10**9, 14),
    }
    names = ("name", "major", "minor", "total_memory", "multi_processor_count")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    properties = {key: types.SimpleNamespace(**dict(zip(names, value, strict=True))) for key, value in found.items()}
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda which: properties[str(which)])
    monkeypatch.setattr(device, "nvidia_gpu", lambda: {"name": "NVIDIA A100-SXM4-40GB", "driver": "580.65.06"})
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_the_facts_of_a_gpu_are_those_of_the_one_that_is_asked_for(two_gpus):
    assert device.gpu() == {
        "name": "NVIDIA H100 80GB HBM3", "driver": "580.65.06", "memory_bytes": 85 * 10**9, "compute_capability": "9.0",
        "multiprocessors": 132, "index": 0, "count": 2, "mig": False, "cuda": "13.0",
    }  # fmt: skip
    second = device.gpu(torch.device("cuda:1"))
    assert (second["index"], second["mig"], second["compute_capability"]) == (1, True, "8.0")
    assert device.fingerprint()["gpu"] == device.gpu()


def test_a_slice_of_a_gpu_is_known_by_what_cuda_was_told_to_use_too(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f")
    assert device.is_slice("NVIDIA A100-SXM4-40GB")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert not device.is_slice("NVIDIA A100-SXM4-40GB")


def test_a_gpu_that_pytorch_cannot_use_is_named_all_the_same(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(device, "nvidia_gpu", lambda: {"name": "NVIDIA T4", "driver": "470.1"})
    assert device.gpu() == {"name": "NVIDIA T4", "driver": "470.1", "cuda": torch.version.cuda}
    monkeypatch.setattr(device, "nvidia_gpu", lambda: None)
    assert device.gpu() is None


@pytest.mark.gpu
def test_on_a_gpu_its_facts_are_there():
    facts = device.gpu()
    assert facts["memory_bytes"] > 10**9
    assert facts["count"] >= 1
    assert facts["driver"], "nvidia-smi says nothing"


def test_synchronising_a_cpu_is_nothing():
    device.synchronise("cpu")
    device.synchronise(torch.device("cpu"))


def test_vector_instructions_are_those_of_the_cpu():
    flags = Path("/proc/cpuinfo")
    if not flags.exists():
        pytest.skip("this system has no /proc/cpuinfo")
    assert all(name in flags.read_text() for name in machine.vector_instructions())
