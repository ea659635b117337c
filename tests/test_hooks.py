"""Hooks receive the result line. The message about a failed hook contains no secret."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from pipelines.config import ConfigError, Hook, Hooks, parse_config
from pipelines.hooks import call_hook, hook_for
from pipelines.ledger.manifest import public_settings

LINE = b'{"status":"published"}\n'


def test_each_exit_code_has_its_hook():
    hooks = Hooks(on_success=Hook(command=("a",)), on_gate_failed=Hook(command=("b",)), on_error=Hook(command=("c",)))
    assert [hook_for(hooks, code).command for code in (0, 1, 2, 3)] == [("a",), ("c",), ("c",), ("b",)]


def test_a_command_gets_the_line_on_its_stdin(tmp_path):
    program = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())"
    assert call_hook(Hook(command=(sys.executable, "-c", program, str(tmp_path / "received"))), LINE) is None
    assert (tmp_path / "received").read_bytes() == LINE


def test_a_failing_hook_is_reported_without_its_arguments():
    assert call_hook(None, LINE) is None
    assert call_hook(Hook(command=("false",)), LINE) == "hook false: exit code 1"
    assert call_hook(Hook(command=("sh", "-c", "exit 7", "secret")), LINE) == "hook sh: exit code 7"
    assert call_hook(Hook(command=("no-such-program", "secret")), LINE) == "hook no-such-program: no such file or directory"


@pytest.fixture
def server() -> Iterator[tuple[str, list[bytes]]]:
    """A webhook on this machine; it refuses paths that begin with /bad."""
    posted: list[bytes] = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(403 if self.path.startswith("/bad") else 204)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Answer) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{made.server_port}", posted
        made.shutdown()


def test_a_webhook_gets_the_line_as_json(server):
    url, posted = server
    assert call_hook(Hook(url=f"{url}/services/secret-path"), LINE) is None
    assert json.loads(posted[0]) == {"status": "published"}
    assert call_hook(Hook(url=f"{url}/bad/secret-path"), LINE) == "webhook: the server answered with status 403"
    assert call_hook(Hook(url="http://127.0.0.1:9/secret-path"), LINE) == "webhook: cannot reach the server"


def test_the_manifest_shows_no_secret():
    data = {
        "sources": [{"name": "kit", "path": "logs"}],
        "output": {"root": "out"},
        "hooks": {"on_error": {"url": "https://hooks.example.org/services/T0/secret-path"}},
        "spark": {"spark.hadoop.fs.s3a.secret.key": "hush", "spark.executor.memory": "4g"},
    }
    shown = public_settings(parse_config(data))
    assert shown["hooks"]["on_error"]["url"] == "https://hooks.example.org/…"
    assert shown["spark"] == {"spark.hadoop.fs.s3a.secret.key": "(not shown)", "spark.executor.memory": "4g"}


def test_a_hook_is_a_command_or_a_web_address():
    with pytest.raises(ConfigError, match=r"hooks\.on_error"):
        parse_config({"sources": [{"name": "kit", "path": "logs"}], "output": {"root": "out"}, "hooks": {"on_error": {"url": "file:///etc/passwd"}}})
