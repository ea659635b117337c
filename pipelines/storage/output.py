"""A file or an object of a store that is being written."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any


class StoreOutput(io.RawIOBase):
    """Passes what is written to the writer of a client, in parts. `errors` turns errors of the client into ours. An object appears when it is closed."""

    def __init__(self, writer: Any, errors: Callable[[], AbstractContextManager[None]]):
        self._writer, self._errors, self._at = writer, errors, 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: Any) -> int:
        with self._errors():
            self._writer.write(bytes(data))
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            super().close()
            with self._errors():
                self._writer.close()
