"""A logged path -> the one file under the source's image roots that it names, or the reason why there is none."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from pipelines.config import Source
from pipelines.images.objects import find_object, key_inside
from pipelines.images.opening import real_path
from pipelines.images.spelling import other_spellings
from pipelines.parsing.careful import clip
from pipelines.reasons import Reason, Reject
from pipelines.records import Finding
from pipelines.storage.locations import is_uri, join
from pipelines.storage.stores import ENVIRONMENT, Stores
from pipelines.visible import counted, one_line

_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.\-]+):/")
_REMOTE = {"http", "https", "ftp", "s3", "s3a", "s3n", "gs", "gcs", "hdfs", "abfs", "abfss", "wasb", "oss", "cos", "hf", "ssh", "sftp"}
_FILE_URI = re.compile(r"\s*file:(?://(?:localhost)?)?/(?!/)", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")
PATH_BYTES = 4096
MOST_PLACES, MOST_PLACE = 3, 400  # that a finding names; characters of one


@dataclass(frozen=True, slots=True)
class Located:
    """An image that exists. `modified` is in nanoseconds; `path` has no link in it, and is None for a data: URI. `findings` are repairs of the path."""

    uri: str
    path: str | None
    size: int
    modified: int
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Root:
    """One image root: `prefix` is how the uri of an image in it begins."""

    folder: str
    prefix: str


def roots_of(source: Source) -> list[Root]:
    """The source's roots; where image_root is a list, a uri holds the index of its root."""
    if source.roots_are_listed:
        return [Root(folder, f"{source.name}/{i}/") for i, folder in enumerate(source.image_roots)]
    return [Root(folder, f"{source.name}/") for folder in source.image_roots]


def resolve_path(logged: str, source: Source, repair: bool, stores: Stores = ENVIRONMENT) -> Located:
    """The file that a logged path or file: URI names. Raises Reject.

    A prefix that `image_prefix` names is replaced first. The path is then tried as it is, under every root in order. If no root has it, and
    if `repair`, other spellings are tried: exactly one file must fit, under all roots together. A root may hold links, but none may lead out
    of it. A root in a store has no links.
    """
    ref = with_prefix(local_path(logged), source.image_prefix) or with_prefix(logged, source.image_prefix) or local_path(logged)
    refuse_text(ref)
    roots = roots_of(source)
    for root in roots:
        inside = path_inside(ref, root.folder)
        if inside is not None and (located := _found_at(root, inside, stores)):
            return located
    if all(path_inside(ref, root.folder) is None for root in roots) and roots:
        raise Reject(Reason.IMAGE_PATH_ESCAPE.at("", f"{clip(ref)} leads out of the image roots of source {source.name}"))
    found = list(_other_files(ref, roots, stores)) if repair else []
    if len({located.uri for located in found}) == 1:
        return found[0]
    raise Reject(Reason.IMAGE_MISSING.at("", _why_missing(logged, ref, source, found)))


def local_path(ref: str) -> str:
    """The path of a file: URI of this machine; any other text as it is.

    >>> local_path("file:///data/a%20b.png"), local_path("a.png")
    ('/data/a b.png', 'a.png')
    """
    found = _FILE_URI.match(ref)
    return unquote(ref[found.end() - 1 :]) if found else ref


def with_prefix(ref: str, prefixes: Mapping[str, str]) -> str | None:
    r"""The reference with the longest prefix that it begins with replaced, as a path; None where it begins with none.

    Slashes and backslashes are one, and so are the two cases of a drive's letter.

    >>> with_prefix("D:\\data\\shots\\a.png", {"d:/data": "old"}), with_prefix("/data2/a.png", {"/data": ""})
    ('old/shots/a.png', None)
    """
    path = _plain_slashes(ref)
    for old in sorted(prefixes, key=len, reverse=True):
        start = _plain_slashes(old).rstrip("/")
        if start and path.startswith(start) and path[len(start) : len(start) + 1] in ("", "/"):
            return f"{prefixes[old].rstrip('/')}/{path[len(start) :].lstrip('/')}".lstrip("/")
    return None


def _plain_slashes(path: str) -> str:
    if not _DRIVE.match(path) and "\\" not in path:
        return path
    path = path.replace("\\", "/")
    return path[:1].lower() + path[1:] if path[1:2] == ":" else path


def refuse_text(ref: str) -> None:
    """Raises Reject for a text that cannot be a path, or that leads to another machine."""
    if not ref.strip():
        raise Reject(Reason.IMAGE_REF_BAD.at("", "the path is empty"))
    if any(char < " " or char == "\x7f" for char in ref):
        raise Reject(Reason.IMAGE_REF_BAD.at("", f"{clip(ref)} has control characters"))
    try:
        if len(ref.encode()) > PATH_BYTES:
            raise Reject(Reason.IMAGE_REF_BAD.at("", f"the path is {len(ref)} characters long: {clip(ref)}"))
    except UnicodeEncodeError:
        raise Reject(Reason.IMAGE_REF_BAD.at("", "the path has half of a surrogate pair")) from None
    if _DRIVE.match(ref):
        raise Reject(Reason.IMAGE_PATH_ESCAPE.at("", f"{clip(ref)} is a path of another machine"))
    if scheme := _SCHEME.match(ref):
        reason = Reason.IMAGE_REMOTE_DISABLED if scheme[1].lower() in _REMOTE else Reason.IMAGE_URI_SCHEME
        raise Reject(reason.at("", clip(ref)))


def path_inside(ref: str, folder: str) -> str | None:
    """The path relative to the root, normalized; None where it leads out of it. An absolute path must begin with the root.

    >>> path_inside("scr/./a/../b.png", "/data"), path_inside("../x.png", "/data"), path_inside("/data/b.png", "/data")
    ('scr/b.png', None, 'b.png')
    """
    if is_uri(folder):
        return key_inside(ref)
    path = os.path.normpath(os.path.join(folder, ref))
    inside = os.path.relpath(path, folder)
    return None if inside == os.pardir or inside.startswith("../") else inside


def _found_at(root: Root, inside: str, stores: Stores, findings: tuple[Finding, ...] = ()) -> Located | None:
    """The file or object there; None if nothing is there. Raises Reject for anything else."""
    if not is_uri(root.folder):
        return _file_at(root, inside, findings)
    path = join(root.folder, inside)
    entry = find_object(path, stores)
    return entry and Located(root.prefix + inside, path, entry.size, entry.modified, findings)


def _file_at(root: Root, inside: str, findings: tuple[Finding, ...] = ()) -> Located | None:
    """The regular file there; None where there is nothing. Raises Reject for a folder, a device, or a link out of the root."""
    path = os.path.join(root.folder, inside)
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        if os.path.islink(path):
            raise Reject(Reason.IMAGE_MISSING.at("", f"{clip(inside)} is a link to nothing")) from None
        return None
    except OSError as error:
        raise Reject(Reason.IMAGE_NOT_A_FILE.at("", f"{clip(inside)}: {error.strerror}")) from None
    real = real_path(path, root.folder)
    if real is None:
        raise Reject(Reason.IMAGE_PATH_ESCAPE.at("", f"{clip(inside)} is a link out of the image root"))
    if not stat.S_ISREG(status.st_mode):
        raise Reject(Reason.IMAGE_NOT_A_FILE.at("", f"{clip(inside)} is {_kind(status.st_mode)}"))
    return Located(root.prefix + inside, real, status.st_size, status.st_mtime_ns, findings)


def _other_files(ref: str, roots: Sequence[Root], stores: Stores) -> Iterator[Located]:
    for root in roots:
        for variant, repairs in _variants(ref, root.folder):
            inside = path_inside(variant, root.folder)
            if inside is None:
                continue
            for spelling, more in other_spellings(root.folder, inside, stores):
                reasons = dict.fromkeys((*repairs, *more))
                found = _found_at(root, spelling, stores, tuple(reason.at("", f"{clip(ref)} -> {clip(spelling)}") for reason in reasons))
                if found and reasons:
                    yield found


def _variants(ref: str, folder: str) -> Iterator[tuple[str, tuple[Reason, ...]]]:
    """The path as it is, with slashes for backslashes, percent-decoded, without the root's own name before it, and combinations of these."""
    variants: list[tuple[str, tuple[Reason, ...]]] = [(ref, ())]
    variants += [(text.replace("\\", "/"), (*why, Reason.REPAIR_PATH_SEPARATOR)) for text, why in variants if "\\" in text]
    variants += [(decoded, (*why, Reason.REPAIR_PATH_PERCENT)) for text, why in variants if (decoded := _unquoted(text)) != text]
    variants += [(rest, (*why, Reason.REPAIR_PATH_ROOT)) for text, why in variants if (rest := _without_root(text, folder))]
    return iter(variants)


def _unquoted(text: str) -> str:
    decoded = unquote(text)
    return text if "\x00" in decoded or "\ufffd" in decoded else decoded


def _without_root(text: str, folder: str) -> str | None:
    """`images/a.png` or `data/images/a.png` under the root `/x/data/images` is a.png."""
    names, parts = folder.strip("/").split("/"), text.lstrip("/").split("/")
    for count in range(min(len(names), len(parts) - 1), 0, -1):
        if parts[:count] == names[-count:]:
            return "/".join(parts[count:])
    return None


def _why_missing(logged: str, ref: str, source: Source, found: Sequence[Located]) -> str:
    """What the log has, and the places where it was looked up."""
    if not source.image_roots:
        return f"{clip(logged)}: source {source.name} has no image_root"
    if found:
        return f"{clip(logged)}: no such file, but several with a similar name: {', '.join(sorted({located.uri for located in found})[:3])}"
    inside = ((folder, path_inside(ref, folder)) for folder in source.image_roots)
    places = [join(folder, path) if is_uri(folder) else os.path.join(folder, path) for folder, path in inside if path is not None]
    more = f" and in {counted(len(places) - MOST_PLACES, 'more image root')}" if len(places) > MOST_PLACES else ""
    return f"{clip(logged)}: no such file: {' or '.join(one_line(place, MOST_PLACE) for place in places[:MOST_PLACES])}{more}"


def _kind(mode: int) -> str:
    return "a folder" if stat.S_ISDIR(mode) else "a device or pipe"
