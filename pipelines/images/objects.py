"""Images below a root in a store. What the configuration says of the store holds here, as for the logs; see `remote` for URIs that a log names."""

from __future__ import annotations

import posixpath
from zlib import crc32

from pipelines.reasons import Reason, Reject
from pipelines.storage.locations import Forbidden
from pipelines.storage.opening import read_whole, stat_file
from pipelines.storage.stores import Entry, Stores

SECOND = 1_000_000_000


def key_inside(ref: str) -> str | None:
    """The key relative to the root, normalized as a path on disk is; None where it leads out of the root, as any absolute path does.

    >>> key_inside("scr/./a/../b.png"), key_inside("../b.png"), key_inside("/b.png")
    ('scr/b.png', None, None)
    """
    key = posixpath.normpath(ref)
    return None if key.startswith(("/", "../")) or key == ".." else key


def find_object(uri: str, stores: Stores) -> Entry | None:
    """The object's size and time; None where there is none. Raises Reject where it may not be read, and StoreError."""
    try:
        return _timed(stat_file(uri, stores))
    except FileNotFoundError:
        return None
    except Forbidden as error:
        raise Reject(Reason.IMAGE_NOT_A_FILE.at("", str(error))) from None


def object_bytes(uri: str, most: int, stores: Stores) -> tuple[bytes, int]:
    """(at most so many bytes, its time in ns). Raises Reject, and StoreError: a store that does not answer is no fault of a picture."""
    try:
        data, entry = read_whole(uri, most, stores)
    except (OSError, Forbidden) as error:
        raise Reject(Reason.IMAGE_MISSING.at("", f"it cannot be opened: {error}")) from None
    return data, _timed(entry).modified


def _timed(entry: Entry) -> Entry:
    """Stores give the time to the second. The rest of it is made of the etag, so that an object that is replaced within the second is
    another image to the catalogue, as it is on disk."""
    return entry._replace(modified=entry.modified // SECOND * SECOND + crc32(entry.version.encode()) % SECOND) if entry.version else entry
