"""The files below one prefix of an object store."""

from __future__ import annotations

from typing import Any

import obstore


class Objects:
    def __init__(self, store: Any):
        self.store = store

    def put(self, key: str, data: bytes) -> None:
        obstore.put(self.store, key, data)

    def get(self, key: str) -> bytes:
        return bytes(obstore.get(self.store, key).bytes())

    def delete(self, key: str) -> None:
        obstore.delete(self.store, key)

    def keys(self) -> list[str]:
        return sorted(found["path"] for chunk in obstore.list(self.store) for found in chunk)
