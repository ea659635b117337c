"""Hooks: a command or a webhook that receives the result line of every run. There are none unless the configuration names them."""

from __future__ import annotations

import subprocess
import urllib.error
import urllib.request

from pipelines.config import Hook, Hooks

TIMEOUT = 30  # seconds


def hook_for(hooks: Hooks, exit_code: int) -> Hook | None:
    """Exit code 0 is a success, 3 a failed gate, anything else an error."""
    return {0: hooks.on_success, 3: hooks.on_gate_failed}.get(exit_code, hooks.on_error)


def call_hook(hook: Hook | None, line: bytes) -> str | None:
    """Passes the result line to the command's stdin, or posts it as JSON. Returns an error message without secrets, or None.

    A hook that fails does not change how the run ended.
    """
    if hook is None:
        return None
    if hook.command is not None:
        return _run(hook.command, line)
    return _post(hook.url or "", line)


def _run(command: tuple[str, ...], line: bytes) -> str | None:
    try:
        done = subprocess.run(command, input=line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return f"hook {command[0]}: did not finish within {TIMEOUT} s"
    except OSError as error:
        return f"hook {command[0]}: {str(error.strerror).lower()}"
    return f"hook {command[0]}: exit code {done.returncode}" if done.returncode else None


def _post(url: str, line: bytes) -> str | None:
    request = urllib.request.Request(url, data=line, headers={"Content-Type": "application/json"}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT):
            return None
    except urllib.error.HTTPError as error:
        return f"webhook: the server answered with status {error.code}"
    except TimeoutError:
        return f"webhook: no answer within {TIMEOUT} s"
    except OSError:  # its text is not shown: it could hold the address, which may be secret
        return "webhook: cannot reach the server"
