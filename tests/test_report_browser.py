"""The report in real Chromium: nothing is fetched, nothing overflows, and axe-core finds no barrier."""

from pathlib import Path

import pytest
from lab import CHROMIUM_ARGUMENTS, chromium
from learner import EVERYTHING, keep

from lessons_lib.report.files import write_report

SHOTS = Path(__file__).resolve().parent.parent / "test-results"
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    path = chromium()
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=path, args=list(CHROMIUM_ARGUMENTS))
        yield found
        found.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The page of a learner who ran everything, and that of one who ran nothing."""
    folder = tmp_path_factory.mktemp("report")
    full, _ = write_report(folder / "full", keep(EVERYTHING, folder / "home"))
    empty, _ = write_report(folder / "empty", keep([], folder / "nothing"))
    return {"full": full, "empty": empty}


@pytest.mark.browser
@pytest.mark.parametrize("record", ["full", "empty"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_report_has_no_barrier_and_fetches_nothing(browser, report, record, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core looks for barriers")
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(report[record].as_uri())
    assert asked == [report[record].as_uri()]
    assert complaints == []
    found = axe.Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in SERIOUS] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"report_{record}_{scheme}_{width}.png", full_page=True)
    page.close()


@pytest.mark.browser
def test_the_report_is_read_by_keyboard(browser, report):
    page = browser.new_page(viewport={"width": 390, "height": 700})
    page.goto(report["full"].as_uri())
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#questions"
    page.keyboard.press("Enter")
    assert page.evaluate("document.querySelector('#questions').getBoundingClientRect().top") < 50
    page.keyboard.press("Tab")
    focused = "document.activeElement.getAttribute('aria-label')"
    assert page.evaluate(focused) == "Training and inference side by side", "a wide table can be scrolled by keyboard"
    page.close()


@pytest.mark.browser
def test_the_report_prints_every_claim_without_the_menu(browser, report):
    page = browser.new_page(viewport={"width": 794, "height": 1123}, color_scheme="dark")
    page.goto(report["full"].as_uri())
    page.emulate_media(media="print")
    assert page.locator("nav").is_hidden()
    assert page.locator(".claim").count() == 19
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)", "also in dark mode"
    assert page.evaluate("document.documentElement.scrollWidth") <= 794
    page.screenshot(path=SHOTS / "report_print.png", full_page=True)
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.close()
