"""The checker where learners meet it: in a real Jupyter kernel."""

import os
import threading
import time

import pytest
from jupyter_client.manager import start_new_kernel

SETUP = """
from lessons_lib.checks import check, hint, sandbox
sandbox.TIME_LIMIT_S = 1.0
"""
ENDLESS = """
def cross_entropy(logits, labels):
    while True:
        {body}
check("01.1", cross_entropy)
"""


class Kernel:
    def __init__(self, home: str) -> None:
        self.manager, self.client = start_new_kernel(
            kernel_name="python3", startup_timeout=120, env={**os.environ, "LESSONS_HOME": home}
        )

    def run(self, code: str) -> tuple[str, dict[str, str]]:
        """The status of a cell and its last result by media type; an error has the media type "error"."""
        shown: dict[str, str] = {}

        def keep(message) -> None:
            content = message["content"]
            shown.update(content.get("data", {}))
            if message["msg_type"] == "error":
                shown["error"] = content["ename"]

        reply = self.client.execute_interactive(code, output_hook=keep, timeout=120, allow_stdin=False)
        assert not any(item["source"] == "ask_exit" for item in reply["content"].get("payload", []))
        return reply["content"]["status"], shown

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    started = Kernel(str(tmp_path_factory.mktemp("home")))
    status, shown = started.run(SETUP)
    assert (status, shown) == ("ok", {})
    yield started
    started.stop()


def still_works(kernel: Kernel) -> bool:
    return kernel.run("print('to the notebook')\n6 * 7")[1].get("text/plain") == "42"


@pytest.mark.parametrize("body", ["pass", "print('again')", "try: labels + 1\n        except BaseException: pass"])
def test_an_endless_loop_is_stopped_and_the_kernel_goes_on(kernel, body):
    status, shown = kernel.run(ENDLESS.format(body=body))
    assert status == "ok"
    assert shown["text/plain"].startswith("[01.1] Stopped. It ran longer than 1 s.")
    assert "<strong>Stopped</strong>" in shown["text/html"]
    assert still_works(kernel)


def test_an_error_shows_the_line_of_the_cell_and_no_traceback(kernel):
    status, shown = kernel.run("def f(logits, labels):\n    x = 1\n    return logits @ logits\ncheck('01.1', f)")
    assert status == "ok"
    assert "Line 3 of your cell, `return logits @ logits`, raised `RuntimeError" in shown["text/plain"]
    assert "error" not in shown


@pytest.mark.parametrize("leave", ["exit()", "quit()", "import sys; sys.exit()"])
def test_leaving_does_not_end_the_kernel(kernel, leave):
    status, shown = kernel.run(f"def f(logits, labels):\n    {leave}\ncheck('01.1', f)")
    assert status == "ok"
    assert "hand the result over with `return`" in shown["text/plain"]
    assert still_works(kernel)


@pytest.mark.skipif(os.name == "nt", reason="a sleep is not interrupted there")
def test_the_stop_button_still_interrupts_a_check(kernel):
    threading.Timer(1.0, kernel.manager.interrupt_kernel).start()
    started_s = time.monotonic()
    status, shown = kernel.run(
        "import time\nsandbox.TIME_LIMIT_S = 100.0\ndef f(logits, labels):\n    time.sleep(50)\ncheck('01.1', f)"
    )
    assert (status, shown["error"]) == ("error", "KeyboardInterrupt")
    assert time.monotonic() - started_s < 40
    assert still_works(kernel)


def test_a_fresh_cell_that_raises_not_implemented_is_not_attempted(kernel):
    _, shown = kernel.run(
        "def f(logits, labels):\n    # Your code here\n    raise NotImplementedError\ncheck('01.1', f)"
    )
    assert shown["text/plain"].startswith("[01.1] Not attempted.")
