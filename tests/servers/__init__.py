"""Storage servers that the tests start and stop: S3 (moto, versitygw), Azure (Azurite) and HDFS (Hadoop's minicluster).

    def test_something(server: Server): ...      # runs once with each of them, moto in `make test`, the others in `make test-long`

`make servers` fetches versitygw (with Go), Azurite (with npm) and the minicluster (with Maven) into out/servers. A test whose server is
missing is skipped. Each server starts when the first test needs it, listens on 127.0.0.1 only, and ends with the test run.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

UPLOADS_AT_ONCE = 16  # HDFS takes half a second to complete a file


class Files(Protocol):
    """The files below the URI of a server, as tests prepare and inspect them, by keys such as `in/a.jsonl`."""

    def put(self, key: str, data: bytes) -> None:
        """Writes a file, in place of one that exists."""

    def get(self, key: str) -> bytes:
        """Raises FileNotFoundError."""

    def delete(self, key: str) -> None: ...

    def keys(self) -> list[str]:
        """All keys, in order."""


@dataclass(frozen=True, slots=True)
class Server:
    """A folder of a running server, which is empty when a test gets it.

    `uri` has no slash at its end. `settings` are those under `storage:` in a configuration; `environment` has the credentials and is set
    while the test runs. Workers of a Spark session that is already running do not see it.
    """

    name: str  # moto | versitygw | azurite | hdfs
    uri: str
    settings: Mapping[str, Mapping[str, str]]
    environment: Mapping[str, str]
    files: Files

    def options(self) -> dict[str, str]:
        """What deltalake needs to open a table below `uri`, as the product gives it."""
        from pipelines.config.stores import Storage, stores_of
        from pipelines.storage.stores import table_options

        return table_options(self.uri, stores_of(Storage.model_validate(self.settings))) or {}

    def upload(self, folder: Path, prefix: str = "") -> None:
        """Writes every file below the folder as one of the same name."""
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        with ThreadPoolExecutor(UPLOADS_AT_ONCE) as executor:
            list(executor.map(lambda path: self.files.put(prefix + path.relative_to(folder).as_posix(), path.read_bytes()), paths))
