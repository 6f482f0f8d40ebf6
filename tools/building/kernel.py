"""The kernel that notebooks are executed in: this very Python, with a client that misses no reply."""

from queue import Empty
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from traitlets import Type

LOOK_AGAIN_S = 1.0


class PatientChannel(AsyncZMQSocketChannel):
    """A channel that looks for messages again and again instead of waiting for a single signal.

    jupyter_client sends past asyncio, which can use up the signal that a reply has come; a widget of the kind Output
    makes the client send just while it waits for the reply of a cell, and it would wait for ever.
    Source: https://github.com/jupyter/nbclient/issues/312.
    """

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:  # type: ignore[override]
        """The next message.

        Args:
            timeout: seconds to wait at most; without it there is no limit.

        Raises:
            queue.Empty: none came in that time.
        """
        left = float("inf") if timeout is None else timeout
        while left > LOOK_AGAIN_S:
            try:
                return await super().get_msg(LOOK_AGAIN_S)
            except Empty:
                left -= LOOK_AGAIN_S
        return await super().get_msg(left)


class PatientClient(AsyncKernelClient):
    """A client whose replies come over such a channel."""

    shell_channel_class = Type(PatientChannel)  # type: ignore[assignment]


def manager() -> AsyncKernelManager:
    """Starts the kernel; without folders to search, "python3" is the running Python, whatever else is installed."""
    return AsyncKernelManager(
        kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[]), client_factory=PatientClient
    )
