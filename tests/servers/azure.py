"""Azure Blob Storage: Azurite, Microsoft's own emulator."""

from __future__ import annotations

import base64
import hashlib
import hmac
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

from obstore.store import AzureStore

from tests.servers import Server
from tests.servers.objects import Objects
from tests.servers.processes import FOLDER, found, free_port, process

# Azurite has one account, whose key is published in its documentation.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
CONTAINER = "test-folders"
VERSION = "2021-12-02"


@dataclass(frozen=True, slots=True)
class Azure:
    endpoint: str

    def folder(self, name: str) -> Server:
        uri = f"abfss://{CONTAINER}@{ACCOUNT}.dfs.core.windows.net/{name}"
        store = AzureStore(CONTAINER, prefix=name, account_name=ACCOUNT, account_key=KEY, endpoint=self.endpoint, client_options={"allow_http": True})
        return Server("azurite", uri, {"abfss": {"endpoint": self.endpoint}}, {"AZURE_STORAGE_ACCOUNT_KEY": KEY}, Objects(store))


@contextmanager
def azurite(folder: Path) -> Iterator[Azure]:
    program = found("azurite-blob", FOLDER / "node_modules" / ".bin" / "azurite-blob")
    port = free_port()
    command = [str(program), "--silent", "--skipApiVersionCheck", "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder)]
    with process(folder, command, port):
        server = Azure(f"http://127.0.0.1:{port}/{ACCOUNT}")
        _create_container(server.endpoint)
        yield server


def _create_container(endpoint: str) -> None:
    """obstore has no request for this. Signed with the shared key, as Microsoft describes it."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": VERSION}
    signed = "\n".join(["PUT", *[""] * 11, *(f"{name}:{value}" for name, value in headers.items()), f"/{ACCOUNT}/{ACCOUNT}/{CONTAINER}", "restype:container"])
    signature = base64.b64encode(hmac.digest(base64.b64decode(KEY), signed.encode(), hashlib.sha256)).decode()
    headers |= {"Authorization": f"SharedKey {ACCOUNT}:{signature}", "Content-Length": "0"}
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{CONTAINER}?restype=container", method="PUT", headers=headers)).close()
