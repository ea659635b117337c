"""Tells others how a run ended: a command or a webhook gets its result line. Off unless the configuration names one."""

from __future__ import annotations

import subprocess
import urllib.error
import urllib.request

from pipelines.config import Hook, Hooks

TIMEOUT = 30  # seconds


def hook_for(hooks: Hooks, exit_code: int) -> Hook | None:
    """0 is a success, 3 a closed gate, anything else an error."""
    return {0: hooks.on_success, 3: hooks.on_gate_failed}.get(exit_code, hooks.on_error)


def call_hook(hook: Hook | None, line: bytes) -> str | None:
    """Gives the result line to the command's stdin, or posts it as JSON. Returns what went wrong, in words that hold no secret.

    A hook that fails changes nothing about the run: what is published is published.
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
        return f"hook {command[0]}: {error.strerror}"
    return f"hook {command[0]}: exit code {done.returncode}" if done.returncode else None


def _post(url: str, line: bytes) -> str | None:
    request = urllib.request.Request(url, data=line, headers={"Content-Type": "application/json"}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT):
            return None
    except urllib.error.HTTPError as error:
        return f"webhook: the server answered {error.code}"
    except OSError as error:  # the address itself can be a secret
        return f"webhook: {type(error).__name__}"
