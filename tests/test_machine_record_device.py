"""What a record says about the device, with GPUs and an nvidia-smi that are made up."""

import os
import stat
import sys
from types import SimpleNamespace

import pytest
import torch

from lessons_lib import machine, machine_file
from lessons_lib.explained import Mistake, NotHere
from lessons_lib.machine_record import clocks, command, device_block, one_part, recorder
from lessons_lib.machine_record.findings import Findings
from lessons_lib.machine_record.part import Part

PROPERTIES = {
    "name": "NVIDIA A100-SXM4-40GB", "major": 8, "minor": 0, "total_memory": 42_405_855_232, "multi_processor_count": 108,
    "uuid": "11111111-2222-3333-4444-555555555555",
}  # fmt: skip
SLICE = "NVIDIA A100-SXM4-40GB MIG 1g.5gb"
LISTED = "GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-11111111)\n"
LISTED_SLICES = LISTED + "  MIG 1g.5gb      Device  0: (UUID: MIG-22222222)\n"
QUERY = "--query-gpu=clocks.sm,clocks.mem,clocks.max.sm,clocks.max.mem,power.limit,temperature.gpu"


@pytest.fixture
def gpus(monkeypatch):
    """A machine with two GPUs, as PyTorch shows them; nvidia-smi is not there until a test adds answers."""
    chosen, answers = [], {}
    properties = [SimpleNamespace(**PROPERTIES), SimpleNamespace(**PROPERTIES | {"name": "NVIDIA T4", "minor": 5})]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(properties))
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda d=0: properties[torch.device(d).index or 0])
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_75", "sm_80", "sm_90"])
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(machine, "output_of", lambda *words: answers.get(words[1:], ""))
    return SimpleNamespace(properties=properties, chosen=chosen, answers=answers)


def test_the_block_of_a_gpu(gpus):
    gpus.answers["--query-gpu=name,driver_version", "--format=csv,noheader"] = "NVIDIA A100-SXM4-40GB, 580.65\n"
    gpus.answers["-L",] = LISTED
    assert device_block.block(torch.device("cuda", 0)) == {
        "kind": "cuda", "name": "NVIDIA A100-SXM4-40GB", "compute_capability": "8.0", "memory_bytes": 42_405_855_232,
        "multiprocessors": 108, "driver": "580.65", "cuda": "13.0", "mig": False, "index": 0, "count": 2,
    }  # fmt: skip


def test_the_second_gpu_can_be_chosen(gpus):
    device = device_block.choose("cuda:1")
    assert (device, gpus.chosen) == (torch.device("cuda", 1), [1])
    assert device_block.block(device)["name"] == "NVIDIA T4"
    assert device_block.block(device)["index"] == 1


def test_auto_takes_the_first_gpu(gpus):
    assert device_block.choose("auto") == torch.device("cuda", 0)


@pytest.mark.parametrize(
    ("name", "reason"), [("cuda:2", "PyTorch sees 2 GPUs, counted from cuda:0"), ("cuda:x", "or cuda:1")]
)
def test_a_gpu_too_many_is_refused(gpus, name, reason):
    with pytest.raises(Mistake, match=reason):
        device_block.choose(name)


def test_a_gpu_that_this_pytorch_has_no_programs_for_is_not_one_that_is_absent(gpus):
    gpus.properties[0] = SimpleNamespace(**PROPERTIES | {"name": "Tesla P100-PCIE-16GB", "major": 6})
    with pytest.raises(NotHere, match=r"no programs for the Tesla P100-PCIE-16GB, whose compute capability is 6\.0"):
        device_block.choose("auto")
    assert gpus.chosen == []


REASONS = {
    None: "is a build without CUDA, although there is an NVIDIA T4.",
    "13.0": "PyTorch's CUDA 13.0 does not start with the driver 470.1 of the NVIDIA T4.",
}


@pytest.mark.parametrize(("build", "reason"), REASONS.items(), ids=["build for the CPU", "old driver"])
@pytest.mark.parametrize("name", ["auto", "cuda", "cuda:1"])
def test_a_gpu_that_pytorch_cannot_use_is_not_passed_over(gpus, monkeypatch, tmp_path, capsys, name, build, reason):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", build)
    gpus.answers["--query-gpu=name,driver_version", "--format=csv,noheader"] = "NVIDIA T4, 470.1\n"
    assert command.main(["--device", name, "--output", str(tmp_path / "r.json")], {}) == 2
    told = capsys.readouterr().err
    assert reason in told
    assert "choose --device cpu" in told
    assert "auto" not in told
    assert device_block.choose("cpu") == torch.device("cpu")


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_a_gpu_that_is_hidden_is_not_blamed_on_the_driver(gpus, monkeypatch, hidden):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    gpus.answers["--query-gpu=name,driver_version", "--format=csv,noheader"] = "NVIDIA T4, 580.1\n"
    with pytest.raises(NotHere, match=f"CUDA_VISIBLE_DEVICES={hidden} hides it"):
        device_block.choose("auto")


def test_without_any_gpu_auto_is_the_cpu(gpus, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_block.choose("auto") == torch.device("cpu")


def test_a_slice_is_told_by_its_name(gpus):
    gpus.properties[0].name = SLICE
    block = device_block.block(torch.device("cuda", 0))
    assert (block["mig"], block["name"]) == (True, SLICE)


def test_a_slice_is_told_by_the_variable_that_chose_it(gpus, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-22222222-aaaa-bbbb-cccc-dddddddddddd")
    assert device_block.is_mig("NVIDIA A100-SXM4-40GB") is True


def test_what_cannot_be_told_is_none(gpus):
    assert device_block.is_mig("NVIDIA A100-SXM4-40GB") is None
    gpus.answers["-L",] = LISTED_SLICES
    assert device_block.is_mig("NVIDIA A100-SXM4-40GB") is None


def test_clocks_are_asked_for_by_the_serial_number_of_the_gpu(gpus):
    wanted = ("-i", "GPU-" + PROPERTIES["uuid"], QUERY, "--format=csv,noheader,nounits")
    gpus.answers[wanted] = "1410, 1215, 1410, 1215, 400.00, 41"
    before = clocks.read(torch.device("cuda", 0))
    assert before == {
        "sm_mhz": 1410, "memory_mhz": 1215, "max_sm_mhz": 1410, "max_memory_mhz": 1215, "power_limit_w": 400, "temperature_c": 41,
    }  # fmt: skip
    assert clocks.block(before, before, torch.device("cuda", 0))["note"] is None


def test_one_gpu_is_asked_for_by_its_number_where_its_serial_number_is_unknown(gpus):
    gpus.answers["--query-gpu=name,driver_version", "--format=csv,noheader"] = "NVIDIA A100-SXM4-40GB, 580.65"
    gpus.answers["-i", "0", QUERY, "--format=csv,noheader,nounits"] = "1410, 1215, [N/A], 1215, [N/A], 41"
    found = clocks.read(torch.device("cuda", 0))
    assert (found["power_limit_w"], found["sm_mhz"]) == (None, 1410)
    told = clocks.block(found, found, torch.device("cuda", 0))["note"]
    assert told == "nvidia-smi does not tell max_sm_mhz, power_limit_w."


def test_of_several_gpus_none_is_asked_for_by_its_number(gpus):
    gpus.answers["--query-gpu=name,driver_version", "--format=csv,noheader"] = "NVIDIA A100, 580\nNVIDIA T4, 580"
    gpus.answers["-i", "0", QUERY, "--format=csv,noheader,nounits"] = "1410, 1215, 1410, 1215, 400, 41"
    assert clocks.read(torch.device("cuda", 0)) is None


def test_the_fingerprint_of_a_record_names_the_gpu_that_is_measured(gpus):
    assert recorder._machine(torch.device("cuda", 1))["gpu"]["name"] == "NVIDIA T4"


@pytest.mark.parametrize("answer", ["", "[N/A], [N/A], [N/A], [N/A], [N/A], [N/A]", "Unable to determine", "1, 2"])
def test_unreadable_clocks_are_said(gpus, answer):
    gpus.answers["-i", "GPU-" + PROPERTIES["uuid"], QUERY, "--format=csv,noheader,nounits"] = answer
    found = clocks.read(torch.device("cuda", 0))
    assert found is None
    assert clocks.block(found, found, torch.device("cuda", 0)) == {
        "before": None, "after": None, "note": "nvidia-smi does not tell the clocks of this GPU.",
    }  # fmt: skip


def test_a_cpu_has_no_clocks_to_read():
    assert clocks.read(torch.device("cpu")) is None
    assert "CPU" in clocks.block(None, None, torch.device("cpu"))["note"]


@pytest.mark.skipif(sys.platform == "win32", reason="the made-up nvidia-smi is a shell script")
def test_an_nvidia_smi_on_the_path_is_asked(monkeypatch, tmp_path):
    fake = tmp_path / "nvidia-smi"
    fake.write_text(
        f'#!/bin/sh\n[ "$1" = -L ] && printf "%s" "{LISTED}" || echo "1980, 2619, 1980, 2619, 700.00, 35"\n'
    )
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda d=0: SimpleNamespace(**PROPERTIES))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert device_block.is_mig(PROPERTIES["name"]) is False
    assert clocks.read(torch.device("cuda", 0))["sm_mhz"] == 1980


def test_a_record_of_a_slice_of_a_gpu_from_end_to_end(gpus, monkeypatch, tmp_path):
    gpus.properties[0].name = SLICE
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(one_part, "answers", lambda device: True)
    seen = []
    fake = Part(
        "05.fake", "A fake", lambda c: seen.append(c.device) or Findings(facts={"answer": 42}), lambda found: []
    )
    assert command.main(["--device", "cuda", "--output", str(tmp_path / "r.json")], {"05.fake": fake}) == 0
    text = (tmp_path / "r.json").read_text(encoding="utf-8")
    read = machine_file.parse(text, "r.json")
    assert seen == [torch.device("cuda", 0)]
    assert (read.device["mig"], read.device["name"], read.is_gpu) == (True, SLICE, True)
    assert read.content["clocks"]["note"] == "nvidia-smi does not tell the clocks of this GPU."
    assert PROPERTIES["uuid"] not in text


@pytest.mark.gpu
def test_a_real_gpu_has_a_block_that_fits_the_schema():
    jsonschema = pytest.importorskip("jsonschema", reason="the schema is checked with the package jsonschema")
    device = device_block.choose("cuda")
    block = device_block.block(device)
    jsonschema.validate(block, machine_file.schema()["properties"]["device"])
    found = clocks.read(device)
    whole = machine_file.schema() | {"$ref": "#/$defs/clocks"}
    jsonschema.validate(found, {"$ref": "#/$defs/clocks", "$defs": whole["$defs"]})
    assert block["memory_bytes"] > 2**30
    assert one_part.answers(device)
