import ctypes
import types

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lessons_lib import energy
from lessons_lib.energy import board, meters
from lessons_lib.engines import Engine
from lessons_lib.explained import NotHere


def package(powercap, number, *, name="package-0", energy_uj="1000", limit="262143328850"):
    domain = powercap / f"intel-rapl:{number}"
    domain.mkdir(parents=True)
    (domain / "name").write_text(f"{name}\n")
    if energy_uj is not None:
        (domain / "energy_uj").write_text(f"{energy_uj}\n")
    if limit is not None:
        (domain / "max_energy_range_uj").write_text(f"{limit}\n")
    return domain


def test_each_cpu_package_is_a_counter_and_its_parts_are_not(tmp_path):
    package(tmp_path, 0)
    package(tmp_path, 1, name="package-1", energy_uj="5")
    package(tmp_path, "0:0", name="core")
    package(tmp_path, 2, name="psys")
    found, reason = energy.rapl(tmp_path)
    assert reason == ""
    assert [counter.name for counter in found] == ["CPU package-0, RAPL", "CPU package-1, RAPL"]
    assert [counter.read_uj() for counter in found] == [1000, 5]
    assert found[0].range_uj == 262_143_328_850


def test_a_reading_is_fresh_each_time(tmp_path):
    domain = package(tmp_path, 0)
    (counter,), _ = energy.rapl(tmp_path)
    (domain / "energy_uj").write_text("2000\n")
    assert counter.read_uj() == 2000


def test_without_rapl_a_sentence_says_so(tmp_path):
    assert energy.rapl(tmp_path / "absent")[0] == []
    assert "reports no energy of its CPU" in energy.rapl(tmp_path)[1]


def test_a_count_that_only_the_administrator_may_read_is_told_apart(tmp_path):
    package(tmp_path, 0, energy_uj=None)  # a file without permission reads as empty too
    found, reason = energy.rapl(tmp_path)
    assert found == []
    assert "only its administrator may read" in reason


@given(st.integers(1, 10**12), st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_counter_that_starts_again_loses_nothing(limit, start, used):
    before, used = start % (limit + 1), used % (limit + 1)
    counter = energy.Counter("c", "cpu", lambda: 0, limit)
    assert counter.used_joules(before, (before + used) % (limit + 1)) == pytest.approx(used / 1e6)


MIG_DISABLED, MIG_ENABLED = 0, 1
NOT_SUPPORTED, NOT_FOUND, LOST = 3, 6, 15  # as nvml.h has them


class FakeNvml:
    """What is used of NVML, on GPUs that have used some millijoules; by index, as NVML numbers them."""

    def __init__(self, *uuids, init=0, energy=0, mig=MIG_DISABLED, slices=()):
        self.uuids, self.init, self.energy, self.mig, self.slices = uuids or ("GPU-0",), init, energy, mig, slices
        self.used_mj = {index: 5_000 + 1_000 * index for index in range(len(self.uuids))}

    def nvmlInit_v2(self):
        return self.init

    def nvmlDeviceGetCount_v2(self, count):
        ctypes.cast(count, ctypes.POINTER(ctypes.c_uint))[0] = len(self.uuids)
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index, handle):
        ctypes.cast(handle, ctypes.POINTER(ctypes.c_void_p))[0] = 100 + index
        return 0 if index < len(self.uuids) else NOT_FOUND

    def nvmlDeviceGetHandleByUUID(self, uuid, handle):
        if uuid.decode() in self.slices:
            ctypes.cast(handle, ctypes.POINTER(ctypes.c_void_p))[0] = 900
            return 0
        if uuid.decode() not in self.uuids:
            return NOT_FOUND
        return self.nvmlDeviceGetHandleByIndex_v2(self.uuids.index(uuid.decode()), handle)

    def nvmlDeviceGetMigMode(self, handle, current, pending):
        ctypes.cast(current, ctypes.POINTER(ctypes.c_uint))[0] = self.mig
        return 0

    def nvmlDeviceGetTotalEnergyConsumption(self, handle, count):
        ctypes.cast(count, ctypes.POINTER(ctypes.c_ulonglong))[0] = self.used_mj[handle.value - 100]
        return self.energy


class OldNvml:
    """A driver from before there was MIG, which knows its GPUs by index alone."""

    def __init__(self):
        self.newer = FakeNvml()

    def __getattr__(self, name):
        if name in ("nvmlDeviceGetMigMode", "nvmlDeviceGetCount_v2", "nvmlDeviceGetHandleByUUID"):
            raise AttributeError(name)
        return getattr(self.newer, name)


@pytest.fixture
def pytorch_uses(monkeypatch):
    """Sets what PyTorch says about its GPUs: their UUIDs, in the order that CUDA gives them."""

    def use(*uuids):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(uuids))
        known = {f"cuda:{index}": uuid for index, uuid in enumerate(uuids)} | {"cuda": (*uuids, "")[0]}
        monkeypatch.setattr(
            torch.cuda, "get_device_properties", lambda device: types.SimpleNamespace(uuid=known[str(device)])
        )

    return use


def test_the_gpu_counts_in_millijoules():
    library = FakeNvml()
    (counter,), reason = energy.nvml(library)
    assert (counter.device, reason, counter.read_uj()) == ("cuda", "", 5_000_000)
    library.used_mj[0] += 250
    assert counter.used_joules(5_000_000, counter.read_uj()) == 0.25


def test_of_several_gpus_the_one_that_pytorch_uses_is_read(pytorch_uses):
    library = FakeNvml("GPU-a1", "GPU-b2", "GPU-c3")
    pytorch_uses("c3", "a1")  # CUDA_VISIBLE_DEVICES=2,0
    for device, used in (("cuda", 7_000_000), ("cuda:0", 7_000_000), ("cuda:1", 5_000_000)):
        (counter,), reason = energy.nvml(library, device)
        assert (counter.read_uj(), reason) == (used, "")


def test_of_several_gpus_none_is_guessed(pytorch_uses):
    library = FakeNvml("GPU-a1", "GPU-b2")
    pytorch_uses()
    assert energy.nvml(library) == ([], board.SEVERAL.format(count=2))
    pytorch_uses("gone")
    assert energy.nvml(library) == ([], board.LOST)


def test_the_only_gpu_is_taken_also_where_its_name_is_not_known(pytorch_uses):
    pytorch_uses("another-way-to-write-it")
    assert energy.nvml(FakeNvml("GPU-a1"))[1] == ""


@pytest.mark.parametrize("uuid", ["a1", "s1"])
def test_a_slice_of_a_gpu_has_no_counter_of_its_own(pytorch_uses, uuid):
    pytorch_uses(uuid)
    assert energy.nvml(FakeNvml("GPU-a1", mig=MIG_ENABLED, slices=("MIG-s1", "MIG-s2"))) == ([], board.SHARED)


def test_a_driver_from_before_mig_is_read_too(pytorch_uses):
    pytorch_uses("a1")
    (counter,), reason = energy.nvml(OldNvml())
    assert (reason, counter.read_uj()) == ("", 5_000_000)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [({"init": 9}, "no NVIDIA GPU whose energy"), ({"energy": NOT_SUPPORTED}, "does not count")],
)
def test_a_gpu_that_does_not_count_is_told_in_a_sentence(broken, reason):
    found, told = energy.nvml(FakeNvml(**broken))
    assert found == []
    assert reason in told


def test_a_gpu_that_is_lost_while_it_is_measured_is_a_sentence_and_the_rest_is_measured():
    library = FakeNvml()
    (counter,), _ = energy.nvml(library)
    library.energy = LOST
    with pytest.raises(NotHere, match="may have lost it"):
        counter.read_uj()
    readings = iter(range(0, 10**12, 10**6))
    cpu = energy.Counter("c", "cpu", lambda: next(readings), 10**12)
    loads = {"gpu": engine_on("cuda"), "cpu": engine_on("cpu")}
    found = {"cuda": ([counter], ""), "cpu": ([cpu], "")}
    used, reason = energy.of_engines(loads, torch.zeros(2, 3, 2, 2), seconds=0.01, counters=found.__getitem__)
    assert ([one.name for one in used], reason) == (
        ["cpu"],
        "The GPU no longer reports its energy: its driver may have lost it.",
    )


def engine_on(device):
    return Engine("eager", lambda x: x, 1, device, 1, "float32", 0.0)


@pytest.mark.gpu
@pytest.mark.parametrize("device", ["cuda", "cuda:0"])
def test_on_a_gpu_the_energy_rises_under_load(device):
    counters, reason = energy.counters(device)
    if not counters:
        pytest.skip(reason)
    idle = energy.idle_watts(counters, 2.0)
    x = torch.randn(4096, 4096, device=device)

    def multiply():
        for _ in range(10):
            torch.mm(x, x)
        torch.cuda.synchronize(device)

    used = energy.of_load("products", multiply, 1, counters, idle, seconds=3.0)
    assert used.joules > 0
    assert used.joules / used.seconds > 1.1 * idle
    assert used.joules / used.seconds < 3_000


def test_without_nvml_a_sentence_says_so(monkeypatch):
    monkeypatch.setattr(meters, "_nvml_library", lambda: None)
    assert energy.counters("cuda") == ([], "This machine has no NVIDIA GPU whose energy could be read.")


class Machine:
    """A clock and a meter: 10 W idle, and a call takes half a second and 20 J more."""

    def __init__(self):
        self.now, self.used_uj = 0.0, 0

    def pass_time(self, seconds, watts=10.0):
        self.now += seconds
        self.used_uj += int(watts * seconds * 1e6)

    def call(self):
        self.pass_time(0.5, watts=50.0)

    def clock(self):
        return self.now

    def counter(self, limit=10**9):
        return energy.Counter("meter", "cpu", lambda: self.used_uj % (limit + 1), limit)


@pytest.mark.parametrize("limit", [10**9, 99_999_999])
def test_the_energy_of_an_image_is_that_of_the_load_shared_by_its_images(limit):
    machine = Machine()
    meter = [machine.counter(limit)]
    idle = energy.idle_watts(meter, 2.0, sleep=machine.pass_time, clock=machine.clock)
    assert idle == pytest.approx(10.0)
    found = energy.of_load("x", machine.call, 10, meter, idle, seconds=1.0, clock=machine.clock)
    assert (found.images, found.seconds, found.joules) == (20, 1.0, pytest.approx(50.0))
    assert found.joules_per_image == pytest.approx(2.5)
    assert found.added_joules_per_image == pytest.approx(2.0)


def test_several_counters_add_up():
    machine = Machine()
    meters = [machine.counter(), machine.counter()]
    assert energy.idle_watts(meters, 1.0, sleep=machine.pass_time, clock=machine.clock) == pytest.approx(20.0)


def test_a_quieter_machine_does_not_make_energy_negative():
    assert energy.Energy("x", 10, 1.0, 5.0, idle_watts=9.0).added_joules_per_image == 0.0


def test_the_table_has_the_thriftiest_first():
    one, other = energy.Energy("one", 10, 1.0, 20.0, 4.0), energy.Energy("other", 10, 2.0, 10.0, 4.0)
    lines = energy.table([one, other]).rows
    assert [line["configuration"] for line in lines] == ["other", "one"]
    assert lines[1] == {
        "configuration": "one",
        "energy per image": "2 J",
        "added to the idle power": "1.6 J",
        "power": "20 W (idle: 4 W)",
    }


def test_whatever_this_machine_has_is_counters_or_a_sentence():
    for device in ("cpu", "cuda"):
        found, reason = energy.counters(device)
        assert bool(found) != bool(reason)


def test_every_engine_is_counted_by_its_own_device_and_the_rest_is_told(monkeypatch):
    def ticking(device):
        if device == "cuda":
            return [], "The GPU counts nothing."
        readings = iter(range(0, 10**12, 10**6))
        return [energy.Counter("c", "cpu", lambda: next(readings), 10**12)], ""

    def engine(device):
        return Engine("eager", lambda x: x, 1, device, 1, "float32", 0.0)

    loads = {"here": engine("cpu"), "too": engine("cpu"), "there": engine("cuda")}
    used, reason = energy.of_engines(loads, torch.zeros(4, 3, 2, 2), seconds=0.01, counters=ticking)
    assert [(one.name, one.joules, one.images % 4) for one in used] == [("here", 1.0, 0), ("too", 1.0, 0)]
    assert all(one.idle_watts > 0 for one in used)
    assert reason == "The GPU counts nothing."
    assert energy.of_engines({"there": engine("cuda")}, torch.zeros(4, 3, 2, 2), counters=ticking)[0] == []
