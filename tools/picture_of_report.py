"""Takes the README's picture of the report: python tools/picture_of_report.py [--record reports/learner]."""

import argparse
import os
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from lessons_lib.report.files import write_report

PROJECT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SIZE = {"width": 1000, "height": 1150}


def main() -> None:
    """Write the report of a record and photograph its beginning."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--record", metavar="DIR", type=Path, default=PROJECT / "reports/learner", help="the folder of the record"
    )
    record = parser.parse_args().record / "record.jsonl"
    browser_path = os.environ.get("LESSONS_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        page, _ = write_report(Path(folder), record)
        browser = driver.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        tab = browser.new_page(viewport=SIZE, color_scheme="light")
        tab.goto(page.as_uri())
        tab.screenshot(path=PROJECT / "docs/images/report.png")
        browser.close()


if __name__ == "__main__":
    main()
