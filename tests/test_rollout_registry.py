"""The registry: what it keeps is whole, what was changed is noticed, and a kill at any point leaves one whole live version."""

import json
import multiprocessing
import os
import random
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from lessons_lib.explained import Mistake
from lessons_lib.rollout import Damaged, Registry, files

KILLS = 50
TESTS = Path(__file__).parent
METHOD = "spawn" if sys.platform == "win32" else "forkserver"


def weights(seed: int, size: int = 64) -> dict[str, np.ndarray]:
    values = np.random.default_rng(seed).normal(size=(size, 8)).astype(np.float32)
    return {"layer.weight": values, "layer.steps": np.array(seed, dtype=np.int64)}


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path / "registry")


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) and a[k].dtype == b[k].dtype for k in a)


def test_weights_facts_and_lineage_come_back_as_they_were(registry):
    first = registry.add("first", weights(1), metrics={"accuracy": 0.9}, data="signs", seed=7, note="The first.")
    second = registry.add("second", weights(2), parent=first.id, data="signs", seed=8)
    again = Registry(registry.folder)
    assert same(again.load(first.id), weights(1))
    assert again.load(first.id)["layer.steps"].shape == ()
    assert again.version(second.id).parent == first.id
    assert again.version(first.id).facts["metrics"] == {"accuracy": 0.9}
    assert again.version(first.id).facts["lineage"] == {"parent": None, "data": "signs", "seed": 7}
    assert {version.name for version in again.versions()} == {"first", "second"}


def test_weights_that_do_not_lie_in_rows_are_stored_in_their_order(registry):
    turned = np.arange(6, dtype=np.float32).reshape(2, 3).T
    assert np.array_equal(registry.load(registry.add("turned", {"w": turned}).id)["w"], turned)


def test_the_model_card_tells_people_what_the_facts_tell_programs(registry):
    version = registry.add("small", weights(1), metrics={"accuracy": "91 %"}, data="signs", seed=3, note="For roads.")
    card = registry.card(version.id)
    assert card == (registry.folder / "versions" / version.id / "MODEL_CARD.md").read_text(encoding="utf-8")
    for told in ("# small", "For roads.", "- data: signs", "- seed: 3", "- parent: none", "- accuracy: 91 %"):
        assert told in card
    assert version.facts["weights_sha256"] in card


def test_the_same_content_is_the_same_version_and_any_other_fact_is_another(registry):
    first = registry.add("a", weights(1), seed=1)
    assert registry.add("a", weights(1), seed=1) == first
    others = [
        registry.add("b", weights(1), seed=1),
        registry.add("a", weights(2), seed=1),
        registry.add("a", weights(1), seed=2),
        registry.add("a", weights(1), seed=1, parent=first.id),
        registry.add("a", weights(1), seed=1, metrics={"accuracy": 1}),
    ]
    assert len({first.id, *(other.id for other in others)}) == 6


def test_nothing_is_live_until_it_is_promoted_and_back_returns_to_the_one_before(registry):
    first, second = registry.add("first", weights(1)), registry.add("second", weights(2))
    assert registry.live() is None
    with pytest.raises(Mistake, match="only one was ever live"):
        registry.back()
    registry.promote(first.id)
    registry.promote(second.id)
    registry.promote(second.id)  # twice is once
    assert registry.live() == second
    assert registry.back() == first
    assert registry.live() == first
    assert json.loads((registry.folder / "live.json").read_text()) == {"live": first.id, "before": second.id}


@pytest.mark.parametrize("part", ["weights.safetensors", "version.json", "MODEL_CARD.md"])
@pytest.mark.parametrize("how", ["changed", "cut", "missing"])
def test_damage_is_noticed_keeps_a_version_from_going_live_and_is_mended_by_adding_it_again(registry, part, how):
    good, bad = registry.add("good", weights(1)), registry.add("bad", weights(2))
    registry.promote(good.id)
    path = registry.folder / "versions" / bad.id / part
    content = path.read_bytes()
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(content[:-1] if how == "cut" else content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(Damaged, match=f"{part} of version {bad.id}"):
        registry.promote(bad.id)
    assert registry.live() == good
    assert registry.versions() == [good]
    registry.add("bad", weights(2))
    assert registry.promote(bad.id) == bad


def test_a_live_version_that_was_damaged_is_named_and_the_one_before_can_take_over(registry):
    first, second = registry.add("first", weights(1)), registry.add("second", weights(2))
    registry.promote(first.id)
    registry.promote(second.id)
    (registry.folder / "versions" / second.id / "weights.safetensors").write_bytes(b"")
    with pytest.raises(Damaged, match=second.id):
        registry.live()
    assert registry.back() == first


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"live": "x"}', b"\xff"])
def test_a_live_file_that_names_nothing_is_said_so(registry, content):
    (registry.folder / "live.json").write_bytes(content)
    with pytest.raises(Damaged, match="promote one again"):
        registry.live()


def test_a_damaged_live_file_can_be_replaced(registry):
    version = registry.add("a", weights(1))
    (registry.folder / "live.json").write_bytes(b"{")
    with pytest.raises(Damaged):
        registry.live()
    registry.promote(version.id)
    assert registry.live() == version


@pytest.mark.parametrize("name", ["", "..", "0" * 11, "0" * 12, "../../etc/pass", None, "ABCDEF012345"])
def test_a_name_that_is_no_version_is_refused_with_those_that_are(registry, name):
    version = registry.add("a", weights(1))
    with pytest.raises(Mistake, match=version.id):
        registry.version(name)


def test_a_folder_that_is_no_version_is_passed_over(registry):
    (registry.folder / "versions" / "my own notes").mkdir()
    assert registry.versions() == []


def test_no_weights_and_unknown_parents_are_refused(registry):
    with pytest.raises(Mistake, match="no weights"):
        registry.add("empty", {})
    with pytest.raises(Mistake, match="parent"):
        registry.add("orphan", weights(1), parent="0" * 12)


class PowerCut(BaseException):
    """Everything stops at this call."""


def upgrade(registry: Registry, seed: int) -> None:
    registry.promote(registry.add(f"version {seed}", weights(seed)).id)


def test_whichever_step_of_an_upgrade_is_the_last_the_live_version_is_the_old_or_the_new_one(registry, monkeypatch):
    steps = ("open", "fsync", "replace", "rename")
    real = {name: getattr(os, name) for name in steps}
    upgrade(registry, 0)
    survived, cut_at = set(), 0
    while True:
        left = cut_at

        def step(name, left_after=None):
            def call(*given, **named):
                nonlocal left
                if left == 0:
                    raise PowerCut
                left -= 1
                return real[name](*given, **named)

            return call

        before = registry.live()
        with monkeypatch.context() as patched:
            for name in steps:
                patched.setattr(files.os, name, step(name))
            try:
                upgrade(registry, cut_at + 1)
                finished = True
            except PowerCut:
                finished = False
        now = registry.live()
        assert now is not None
        assert now.name in (before.name, f"version {cut_at + 1}")
        survived.add(now == before)
        if finished:
            break
        cut_at += 1
    assert cut_at >= 6, "files, folder and pointer are each brought to the disk"
    assert survived == {True, False}


def upgrade_for_ever(folder: str, start: int, done) -> None:
    """Runs in a process of its own until it is killed; tells how many upgrades it has done."""
    registry = Registry(Path(folder))
    for seed in range(start, start + 10_000):
        upgrade(registry, seed)
        done.value += 1


@pytest.fixture
def processes(monkeypatch):
    """Starts processes from a server that has numpy loaded, where the system can."""
    context = multiprocessing.get_context(METHOD)
    if METHOD == "forkserver":
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), str(TESTS.parent)]))
        context.set_forkserver_preload([__name__, "safetensors.numpy"])
    return context


def test_after_each_of_50_kills_at_any_moment_exactly_one_whole_version_is_live(processes, registry):
    numbers = random.Random(5)
    upgrade(registry, 0)
    halfway = 0
    for kill in range(1, KILLS + 1):
        before, done = registry.live(), processes.Value("i", 0, lock=False)
        child = processes.Process(target=upgrade_for_ever, args=(str(registry.folder), kill * 10_000, done))
        child.start()
        wait_for_an_upgrade(done)
        began, so_far = time.monotonic(), done.value
        wait_for_an_upgrade(done, so_far)
        time.sleep(
            numbers.uniform(0, time.monotonic() - began)
        )  # somewhere within an upgrade, however slow the machine is
        child.kill()  # SIGKILL; TerminateProcess on Windows
        child.join()
        assert child.exitcode not in (0, None), "it was killed while it worked"
        live = registry.live()  # reads everything and compares it with its hash
        assert live not in (None, before)
        assert same(registry.load(live.id), weights(int(live.name.removeprefix("version "))))
        assert [path.name for path in registry.folder.glob("live*.json")] == ["live.json"]
        halfway += registry.tidy() > 0
        assert registry.live() == live
    assert halfway > 0, "some kills came in the middle of an upgrade"


def wait_for_an_upgrade(done, so_far: int = 0) -> None:
    end = time.monotonic() + 60
    while done.value <= so_far:
        assert time.monotonic() < end, "the process does not upgrade"
        time.sleep(0.0005)


def test_the_registry_does_not_need_pytorch():
    import subprocess

    code = "import sys, lessons_lib.rollout; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
