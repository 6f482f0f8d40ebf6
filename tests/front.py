"""A front end without a browser: speaks the widget protocol to a live kernel, as JupyterLab does."""

import os
import time
from pathlib import Path
from typing import Any

from jupyter_client.manager import start_new_kernel
from samples import Outline

TESTS = Path(__file__).parent
VIEW = "application/vnd.jupyter.widget-view+json"


class Front:
    """Runs cells and moves widgets; `log` holds everything that was shown or printed, or that failed."""

    def __init__(self, **environment: str):
        paths = [*filter(None, [os.environ.get("PYTHONPATH")]), str(TESTS), str(TESTS.parent)]
        env = os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | environment
        self.manager, self.client = start_new_kernel(kernel_name="python3", env=env)
        self.models: dict[str, dict[str, Any]] = {}
        self.log: list[tuple[str, dict[str, Any]]] = []

    def run(self, code: str) -> dict[str, Any]:
        """Run a cell; returns the data of the last thing it displayed.

        Raises:
            AssertionError: the cell failed.
        """
        start = len(self.log)
        self._drain(self.client.execute(code))
        errors = [content for kind, content in self.log[start:] if kind == "error"]
        assert not errors, "\n".join(errors[0]["traceback"])
        shown = [content["data"] for kind, content in self.log[start:] if "data" in content]
        return shown[-1] if shown else {}

    def value(self, expression: str) -> Any:
        """What an expression is in the kernel, for anything that repr and eval bring back."""
        return eval(self.run(expression)["text/plain"])

    def find(self, **state: Any) -> str:
        """The newest widget in this state."""
        return [key for key, has in self.models.items() if all(has.get(k) == v for k, v in state.items())][-1]

    def of_class(self, name: str) -> dict[str, Any]:
        """The state of the newest widget that has this CSS class."""
        return [has for has in self.models.values() if name in has.get("_dom_classes", ())][-1]

    def readout(self, name: str) -> str:
        """What the newest widget with this CSS class tells, to a screen reader too."""
        markup = self.of_class(name)["value"]
        assert 'role="status"' in markup
        return "".join(Outline(markup).text)

    def image(self, text: str = "<figure") -> dict[str, str]:
        """The attributes of the image in the newest widget that holds this text."""
        markup = [has["value"] for has in self.models.values() if text in str(has.get("value"))][-1]
        return Outline(markup).all("img")[0]

    def press(self, description: str) -> None:
        """Press a button."""
        self._send(self.find(description=description), {"method": "custom", "content": {"event": "click"}})

    def choose(self, description: str, label: str) -> None:
        """Choose an option of a selection by its label."""
        key = self.find(description=description)
        self.set(key, index=self.models[key]["_options_labels"].index(label))

    def options(self, description: str) -> list[str]:
        return list(self.models[self.find(description=description)]["_options_labels"])

    def chosen(self, description: str) -> str:
        state = self.models[self.find(description=description)]
        return state["_options_labels"][state["index"]]

    def set(self, key: str, **state: Any) -> None:
        """Change a widget as a hand on the mouse or the keyboard would."""
        self.models[key].update(state)
        self._send(key, {"method": "update", "state": state, "buffer_paths": []})

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def _send(self, key: str, data: dict[str, Any]) -> None:
        message = self.client.session.msg("comm_msg", {"comm_id": key, "data": data})
        self.client.shell_channel.send(message)
        self._drain(message["header"]["msg_id"])

    def _drain(self, message_id: str, timeout_s: float = 120.0) -> None:
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            message = self.client.get_iopub_msg(timeout=timeout_s)
            kind, content = message["msg_type"], message["content"]
            self._note(kind, content)
            idle = kind == "status" and content["execution_state"] == "idle"
            if idle and message["parent_header"].get("msg_id") == message_id:
                return
        raise TimeoutError(f"the kernel was still busy after {timeout_s} s")

    def _note(self, kind: str, content: dict[str, Any]) -> None:
        if kind == "comm_open":
            self.models[content["comm_id"]] = dict(content["data"]["state"])
        elif kind == "comm_msg" and content["data"].get("method") in ("update", "echo_update"):
            self.models[content["comm_id"]].update(content["data"]["state"])
        elif kind in ("stream", "error", "display_data", "execute_result"):
            self.log.append((kind, content))
