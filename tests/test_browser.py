"""Lessons in real JupyterLab in Chromium, their widgets used by keyboard alone."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from lab import CHROMIUM_ARGUMENTS, chromium, jupyterlab, open_and_run

ROOT = Path(__file__).resolve().parent.parent
SHOTS = ROOT / "test-results"
LAST_WORDS = "last cell done"


def prepared(name: str, folder: Path) -> None:
    """A copy of a lesson without its outputs, in the smoke profile, ending with a cell that says so."""
    notebook = nbformat.read(ROOT / "notebooks" / name, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            if "parameters" in cell.metadata.get("tags", []):
                cell.source += '\nPROFILE = "smoke"'
    notebook.cells.append(nbformat.v4.new_code_cell(f"print({LAST_WORDS!r})"))
    nbformat.write(notebook, folder / name)


def tab_to(page, text: str) -> None:
    """Press Tab until the button with this text has the focus."""
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.textContent.trim()") == text:
            return
    raise AssertionError(f"Tab does not lead to the button {text!r}")


@contextmanager
def opened(notebook: str, folder: Path) -> Iterator:
    """The page of a lesson in JupyterLab, its cells run, and playwright's `expect`; a screenshot where the test fails."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    browser_path = chromium()
    served, private = folder / "served", folder / "private"
    served.mkdir()
    private.mkdir()
    prepared(notebook, served)
    SHOTS.mkdir(exist_ok=True)
    with jupyterlab(served, private) as (address, token), playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_path, args=list(CHROMIUM_ARGUMENTS))
        page = browser.new_page(viewport={"width": 1280, "height": 1100})
        try:
            open_and_run(page, address, token, notebook, LAST_WORDS)
            yield page, playwright.expect
            playwright.expect(page.locator("[data-mime-type='application/vnd.jupyter.error']")).to_have_count(0)
        except BaseException:
            page.screenshot(path=SHOTS / f"{notebook}_failed.png", full_page=True)
            raise
        finally:
            browser.close()


@pytest.mark.browser
@pytest.mark.timeout(400)
def test_the_laboratory_is_used_by_keyboard_alone(tmp_path: Path) -> None:
    with opened("09_cpu_vs_gpu.ipynb", tmp_path) as (page, expect):
        readout, image = page.locator(".lab-readout"), page.locator(".lab-picture img")
        readout.scroll_into_view_if_needed()
        expect(readout).to_contain_text("base · eager at batch size 1")
        before = image.get_attribute("alt")

        page.get_by_role("button", name="base", exact=True).focus()
        tab_to(page, "int8")  # from button to button, as a learner without a mouse does
        page.keyboard.press("Space")
        expect(readout).to_contain_text("int8 · ONNX Runtime int8 at batch size 1", timeout=15_000)
        expect(image).not_to_have_attribute("alt", before or "", timeout=15_000)

        tab_to(page, "8")
        page.keyboard.press("Space")
        expect(readout).to_contain_text(re.compile(r"at batch size 8 on this machine's CPU"), timeout=15_000)
        expect(image).to_have_attribute("alt", re.compile("batch size 8.*Chosen: int8"))
        page.wait_for_function("() => document.querySelector('.lab-picture img').naturalWidth > 300")
        page.get_by_text("Device", exact=True).scroll_into_view_if_needed()
        page.screenshot(path=SHOTS / "lesson_09_laboratory.png")
        expect(page.locator("[data-mime-type='application/vnd.jupyter.stderr']")).to_have_count(0)


SLIDERS = [
    ("01_training.ipynb", "rate-readout"),
    ("02_fast_training.ipynb", "batch-readout"),
    ("03_generalising.ipynb", "augmentation-readout"),
    ("03_generalising.ipynb", "runs-readout"),
    ("04_transfer.ipynb", "transfer-readout"),
    ("05_inference.ipynb", "deadline-readout"),
    ("06_quantization.ipynb", "bits-readout"),
    ("07_pruning.ipynb", "pareto-readout"),
    ("08_batching.ipynb", "serving-readout"),
    ("10_economics.ipynb", "costs-readout"),
    ("11_production.ipynb", "drift-readout"),
    ("11_production.ipynb", "rollout-readout"),
    ("12_capstone.ipynb", "budget-readout"),
]


@pytest.mark.browser
@pytest.mark.timeout(600)
@pytest.mark.parametrize("notebook", sorted({notebook for notebook, _ in SLIDERS}))
def test_the_arrow_keys_move_a_slider_and_its_sentence_follows(notebook: str, tmp_path: Path) -> None:
    with opened(notebook, tmp_path) as (page, expect):
        for readout in (css for name, css in SLIDERS if name == notebook):
            told = page.locator(f".{readout}")
            told.scroll_into_view_if_needed()
            before = told.inner_text()
            widget = page.locator(".jupyter-widgets.widget-vbox", has=told).last
            handle = widget.locator(".noUi-handle").first
            handle.focus()
            at_its_end = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax")
            page.keyboard.press("ArrowLeft" if at_its_end else "ArrowRight")
            expect(told).not_to_have_text(before, timeout=15_000)
            widget.scroll_into_view_if_needed()
            page.screenshot(path=SHOTS / f"{readout}.png")
