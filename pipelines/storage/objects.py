"""S3, Google Cloud Storage and Azure through obstore."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, BinaryIO, cast

import obstore
from obstore import exceptions
from obstore.store import AzureStore, GCSStore, S3Store

from pipelines.storage.locations import Entry, Forbidden, Location, StoreError, Unreachable
from pipelines.storage.output import StoreOutput

# A store that does not answer is given up after about half a minute.
CONNECT_SECONDS = 5
REQUEST_SECONDS = 30
RETRY_SECONDS = 20
MAX_RETRIES = 3
PART_BYTES = 8 << 20  # of an upload; the services take at least 5 MiB
MOST_DELETED = 1000  # in one request

# By scheme: setting under `storage` -> option of obstore and deltalake.
OPTIONS = {
    "s3": {"endpoint": "aws_endpoint_url", "region": "aws_region", "anonymous": "aws_skip_signature", "virtual_hosted": "aws_virtual_hosted_style_request"},
    "gs": {"endpoint": "google_base_url", "anonymous": "google_skip_signature"},
    "abfss": {"endpoint": "azure_storage_endpoint", "account": "azure_storage_account_name", "anonymous": "azure_skip_signature"},
}
# A fork has none of the threads of the Rust runtime, so a request in it would wait for ever.
_USERS: dict[str, int] = {}
# Without credentials, the libraries ask for those of the machine's role at these addresses.
_NO_CREDENTIALS = re.compile(r"//169\.254\.|/latest/(api/token|meta-data)|metadata\.google\.internal|[Cc]redential")
# There are no bytes in this range: the object is empty, or not longer than its start. Azurite answers with a range from 0 to -1.
_NO_BYTES = re.compile(r" 416 |CONTENT_RANGE")
_OPEN: dict[str, Any] = {"s3": S3Store, "gs": GCSStore, "abfss": AzureStore}


def open_objects(location: Location, settings: Mapping[str, str]) -> Objects:
    """The client for this bucket. Opens no connection. Raises StoreError."""
    if _USERS.setdefault("process", os.getpid()) != os.getpid():
        raise StoreError("object stores cannot be read in a process that was forked from one that has read them; start it with spawn")
    bucket = location.bucket.partition("@")[0]
    shown = f"{location.scheme}://{location.bucket}"
    with _raise_plain_errors(shown, shown):
        # Plain http is allowed because only the operator can set an endpoint, not a log.
        options: dict[str, Any] = {"allow_http": True, "connect_timeout": timedelta(seconds=CONNECT_SECONDS), "timeout": timedelta(seconds=REQUEST_SECONDS)}
        retries: Any = {"max_retries": MAX_RETRIES, "retry_timeout": timedelta(seconds=RETRY_SECONDS)}
        config = config_of(location, settings)
        return Objects(_OPEN[location.scheme](bucket, config=config, client_options=options, retry_config=retries), shown)


def config_of(location: Location, settings: Mapping[str, str]) -> dict[str, str]:
    """The options from the settings and the URI. Credentials come from the environment."""
    names = OPTIONS[location.scheme]
    config = {names[name]: value for name, value in settings.items() if name in names}
    _, sign, host = location.bucket.partition("@")
    if sign:
        config["azure_storage_account_name"] = host.partition(".")[0]
    return config


class Objects:
    """One bucket. `shown` is its URI, for messages."""

    def __init__(self, store: Any, shown: str):
        self._store, self._shown = store, shown

    def head(self, key: str) -> Entry:
        with self._errors(key):
            return _entry(obstore.head(self._store, key))

    def entries_below(self, prefix: str) -> Iterator[tuple[str, Entry]]:
        with self._errors(prefix):
            for chunk in obstore.list(self._store, prefix=prefix or None):
                for found in chunk:
                    if found["path"] != prefix and not self._is_marker(found):
                        yield found["path"], _entry(found)

    def names_in(self, prefix: str) -> tuple[list[str], list[tuple[str, Entry]]]:
        with self._errors(prefix):
            found = obstore.list_with_delimiter(self._store, prefix=prefix or None)
            objects = [one for one in found["objects"] if one["path"] != prefix and not self._is_marker(one)]
            return list(found["common_prefixes"]), [(one["path"], _entry(one)) for one in objects]

    def has_below(self, prefix: str) -> bool:
        with self._errors(prefix):
            return any(found["path"] != prefix for chunk in obstore.list(self._store, prefix=prefix or None, chunk_size=2) for found in chunk)

    def read(self, key: str, start: int, end: int, version: str = "") -> tuple[bytes, Entry]:
        if end <= start:
            return b"", self.head(key)
        etag = version.removeprefix("etag:") if version.startswith("etag:") else ""
        options: Any = {"range": (start, end)} | ({"if_match": f'"{etag}"'} if etag else {})
        with self._errors(key):
            try:
                found = obstore.get(self._store, key, options=options)
                return bytes(found.bytes()), _entry(found.meta)
            except exceptions.GenericError as error:
                if not _NO_BYTES.search(str(error)):
                    raise
                return b"", _entry(obstore.head(self._store, key))

    def write(self, key: str, data: bytes, expected: str | None = None) -> str:
        mode: Any = "overwrite" if expected is None else "create" if expected == "" else _condition(expected)
        with self._errors(key):
            try:
                found = obstore.put(self._store, key, data, mode=mode)
            except exceptions.AlreadyExistsError:
                raise FileExistsError(errno.EEXIST, "the object exists already", f"{self._shown}/{key}") from None
        return _version(found) or self.head(key).identity

    def open_output(self, key: str) -> BinaryIO:
        with self._errors(key):
            return cast(BinaryIO, StoreOutput(obstore.open_writer(self._store, key, buffer_size=PART_BYTES), lambda: self._errors(key)))

    def delete(self, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), MOST_DELETED):
            with self._errors(keys[start]), suppress(FileNotFoundError):
                obstore.delete(self._store, list(keys[start : start + MOST_DELETED]))

    def delete_below(self, prefix: str) -> None:
        self.delete([key for key, _ in self.entries_below(prefix)])

    def _is_marker(self, found: Any) -> bool:
        """Whether this is an empty object `folder/`, with which consoles and Hadoop represent an empty folder. obstore lists it without its slash."""
        if found["size"]:
            return False
        try:
            obstore.head(self._store, found["path"])
        except FileNotFoundError:
            return True
        return False

    def _errors(self, key: str) -> Any:
        return _raise_plain_errors(f"{self._shown}/{key}" if key else self._shown, self._shown)


def _condition(version: str) -> dict[str, str]:
    kind, _, value = version.partition(":")
    return {"e_tag": f'"{value}"'} if kind == "etag" else {"version": value}


def _entry(found: Any) -> Entry:
    """Prefers the etag to a version or generation, because listings have it too. Some services quote it and others do not."""
    moment = found["last_modified"]
    return Entry(found["size"], int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000, _version(found))


def _version(found: Any) -> str:
    etag = (found["e_tag"] or "").removeprefix("W/").strip('"')
    return f"etag:{etag}" if etag else f"version:{found['version']}" if found["version"] else ""


@contextmanager
def _raise_plain_errors(uri: str, bucket: str) -> Iterator[None]:
    """Turns errors of obstore into OSError if they concern the object, and into StoreError if they concern the store."""
    try:
        yield
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error):
            raise StoreError(_sentence(str(error), error, bucket)) from None
        raise FileNotFoundError(errno.ENOENT, "no such object", uri) from None
    except exceptions.PreconditionError:
        raise OSError(errno.ESTALE, "the object has changed", uri) from None
    except exceptions.PermissionDeniedError as error:
        raise Forbidden(f"{uri} cannot be read: permission denied{_code(error)}") from None
    except exceptions.InvalidPathError as error:
        raise StoreError(f"{uri}: {_first_line(error)}; such keys cannot be read") from None
    except (exceptions.BaseError, ValueError) as error:
        if " 403 " in str(error):  # as obstore reports it for a listing
            raise Forbidden(f"{uri} cannot be listed: permission denied{_code(error)}") from None
        if " cannot be reached: " in (words := _sentence(str(error), error, bucket)):
            raise Unreachable(words) from None
        raise StoreError(words) from None


def _sentence(text: str, error: Exception, bucket: str) -> str:
    if "NoSuchBucket" in text or "ContainerNotFound" in text:
        return f"no such bucket: {bucket}"
    if isinstance(error, exceptions.UnauthenticatedError) or _NO_CREDENTIALS.search(text):
        return f"{bucket}: no credentials in the environment, and this machine has no role; docs/cluster.md lists the variables"
    if "error sending request" in text or "timed out" in text:
        endpoint = re.search(r"https?://[^/\s]+", text)
        return f"{bucket} cannot be reached: no answer from {endpoint[0] if endpoint else 'its endpoint'}"
    return f"{bucket}: {_first_line(error)}{_code(error)}"


def _code(error: Exception) -> str:
    """The service's own code of the error, such as ` (InvalidAccessKeyId)`; "" if there is none."""
    found = re.search(r"<Code>(\w+)</Code>", str(error))
    return f" ({found[1]})" if found else ""


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].partition(": <?xml")[0][:300]
