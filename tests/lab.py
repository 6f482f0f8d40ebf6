"""Starts a real JupyterLab on loopback with a token, and drives it in Chromium, for the browser tests."""

import contextlib
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Without these, Chromium asks the internet for updates at every start; the sandbox needs rights that containers lack.
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": '{"fetchNews": "false", "checkForUpdates": false}',
    "@jupyterlab/notebook-extension/tracker": '{"autoStartDefaultKernel": true}',
}


def chromium() -> str:
    """The path of Chromium; a missing one fails in CI and skips elsewhere."""
    found = os.environ.get("LESSONS_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if found is None:
        problem = "no Chromium found (Debian and Ubuntu: apt-get install chromium); set LESSONS_CHROMIUM to its path"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(problem)
    return str(found)


@contextlib.contextmanager
def jupyterlab(root: Path, private: Path) -> Iterator[tuple[str, str]]:
    """Serve `root`; everything that Jupyter and the lessons write goes to `private`. Yields address and token."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    for plugin, text in SETTINGS.items():
        path = private / "settings" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
        "LESSONS_HOME": "learner",
    }
    environment = os.environ | {name: str(private / folder) for name, folder in folders.items()}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--allow-root"]
    command += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={root}"]
    with open(private / "lab.log", "wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
        try:
            _wait_until_it_answers(server, f"http://127.0.0.1:{port}/api?token={token}", private / "lab.log")
            yield f"http://127.0.0.1:{port}", token
        finally:
            server.terminate()
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()


def _wait_until_it_answers(server: subprocess.Popen, address: str, log: Path) -> None:
    for _ in range(240):
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError):
            urllib.request.urlopen(address, timeout=2)
            return
        time.sleep(0.25)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


def open_and_run(page, address: str, token: str, notebook: str, last_words: str) -> None:
    """Open a notebook, run all of its cells, and wait until `last_words` stand in an output and the kernel is idle."""
    from playwright.sync_api import expect

    page.goto(f"{address}/lab/tree/{notebook}?reset&token={token}")
    # the notebook's own idle mark is true before there is a kernel; the status bar's is not
    idle = re.compile(r"\(ipykernel\) \| Idle")
    expect(page.locator("#jp-main-statusbar")).to_contain_text(idle, timeout=90_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    expect(page.locator(".jp-OutputArea-output", has_text=last_words).first).to_be_visible(timeout=180_000)
    expect(page.locator("#jp-main-statusbar")).to_contain_text(idle, timeout=60_000)
