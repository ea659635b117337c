"""Images below a root in a store, read with the `storage` settings as the logs are. `remote` reads the URIs that a log itself contains."""

from __future__ import annotations

import posixpath
from zlib import crc32

from pipelines.reasons import Reason, Reject
from pipelines.storage.locations import Entry, Forbidden
from pipelines.storage.opening import read_whole, stat_file
from pipelines.storage.stores import Stores

SECOND = 1_000_000_000


def key_inside(ref: str) -> str | None:
    """The key relative to the root, normalized as a path on disk is; None if it leads out of the root, as every absolute path does.

    >>> key_inside("scr/./a/../b.png"), key_inside("../b.png"), key_inside("/b.png")
    ('scr/b.png', None, None)
    """
    key = posixpath.normpath(ref)
    return None if key.startswith(("/", "../")) or key == ".." else key


def find_object(uri: str, stores: Stores) -> Entry | None:
    """The object's size and time; None if it does not exist. Raises Reject if permission is denied, and StoreError."""
    try:
        return _timed(stat_file(uri, stores))
    except FileNotFoundError:
        return None
    except Forbidden as error:
        raise Reject(Reason.IMAGE_NOT_A_FILE.at("", str(error))) from None


def object_bytes(uri: str, most: int, stores: Stores) -> tuple[bytes, int]:
    """(at most `most` bytes, time of the object in ns). Raises Reject; StoreError if the store does not answer, which is not the record's fault."""
    try:
        data, entry = read_whole(uri, most, stores)
    except (OSError, Forbidden) as error:
        raise Reject(Reason.IMAGE_MISSING.at("", f"it cannot be opened: {error}")) from None
    return data, _timed(entry).modified


def _timed(entry: Entry) -> Entry:
    """Stores give the time to the second. The fraction is computed from the etag: an object that is replaced within the same second then
    counts as another image in the catalogue, as on disk."""
    return entry._replace(modified=entry.modified // SECOND * SECOND + crc32(entry.version.encode()) % SECOND) if entry.version else entry
