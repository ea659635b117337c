"""An element of column `images` -> the bytes of its file, wherever the files are now; what was verified is what is returned.

picture = open_picture("out/demo", row["images"][0])
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from pipelines.training.tables import Published, open_root, why_not

Folder = str | os.PathLike[str]
# One folder for all sources, or by source the folder, or the list of folders, that takes the place of its image_root.
ImageRoot = Folder | Mapping[str, Folder | Sequence[Folder]]
MEDIA = "media"  # the folder under the root with the pictures that were in the logs themselves
_MEDIA = re.compile(r"data:([0-9a-f]{64})")
_STORE = re.compile(r"(?:s3|gs|gcs|abfs|abfss|hdfs|viewfs|hf)://")


class PictureMissing(Exception):
    """The file of a picture is not where it was, or cannot be read."""


class PictureChanged(Exception):
    """The file of a picture holds other bytes than those that were verified and tokenized."""


def open_picture(root: Folder | Published, image: Mapping[str, Any], image_root: ImageRoot | None = None) -> Image.Image:
    """The picture as Pillow opens it, not yet turned by its EXIF data; `width` and `height` of `image` are after that turn.

    Raises PictureMissing, PictureChanged, NotPublished, as `picture_bytes`.
    """
    return Image.open(io.BytesIO(picture_bytes(root, image, image_root)))


def picture_bytes(root: Folder | Published, image: Mapping[str, Any], image_root: ImageRoot | None = None) -> bytes:
    """The bytes of the file that `image` names, an element of column `images`; their sha256 is the one that it states.

    `root` is the output root, or what `open_root` returned, which saves reading table `runs` for each picture. `image_root` takes the
    place of the folders that the newest run names, if the pictures have moved. Bytes that stood in the logs lie under `media/`.
    Raises PictureMissing, PictureChanged; NotPublished where nothing is published under the root; TypeError, ValueError for an `image_root`
    that is no ImageRoot, or that names a source that no run has.
    """
    uri, wanted = image["uri"], image["sha256"]
    if _STORE.match(uri):
        return _checked(uri, _from_store(uri), wanted)
    tried: list[tuple[str, str]] = []
    other = None
    for folder, name in _places(root, image, image_root):
        tried.append((folder, name))
        data = _bytes_inside(folder, name)
        if data is not None and hashlib.sha256(data).hexdigest() == wanted:
            return data
        other = other or data
    if other is not None:
        _checked(uri, other, wanted)
    raise PictureMissing(f"{uri}: {_why_missing(uri, tried)}")


def picture_file(root: Folder | Published, image: Mapping[str, Any], image_root: ImageRoot | None = None) -> Path | None:
    """The path of the local file that `picture_bytes` returns the bytes of; None where the picture is in an object store or gone."""
    if _STORE.match(image["uri"]):
        return None
    for folder, name in _places(root, image, image_root):
        if _STORE.match(folder):
            continue
        data = _bytes_inside(folder, name)
        if data is not None and hashlib.sha256(data).hexdigest() == image["sha256"]:
            return Path(os.path.realpath(os.path.join(folder, name)))
    return None


def check_image_root(published: Published, image_root: ImageRoot | None) -> None:
    """Raises TypeError where this is no ImageRoot, ValueError where it names a source that no run has."""
    _check_kind(image_root)
    if isinstance(image_root, Mapping) and published.sources and (unknown := sorted(set(image_root) - published.sources)):
        raise ValueError(f"image_root: no source {', '.join(unknown)}; sources are {', '.join(sorted(published.sources))}")


def _check_kind(image_root: object) -> None:
    if isinstance(image_root, Mapping):
        for source, given in image_root.items():
            folders = given if isinstance(given, (list, tuple)) else [given]
            if wrong := [one for one in folders if not isinstance(one, (str, os.PathLike))]:
                raise TypeError(f"image_root[{source!r}] is a folder or a list of folders, not {wrong[0]!r}")
    elif image_root is not None and not isinstance(image_root, (str, os.PathLike)):
        raise TypeError(f"image_root is a folder, or a mapping such as {{'gui': folder}} or {{'gui': [folder, folder]}}, not {image_root!r}")


def _checked(uri: str, data: bytes, wanted: str) -> bytes:
    found = hashlib.sha256(data).hexdigest()
    if found != wanted:
        raise PictureChanged(f"{uri}: the file has changed since it was tokenized: its sha256 is {found}, the row says {wanted}")
    return data


def _why_missing(uri: str, tried: Sequence[tuple[str, str]]) -> str:
    files = ", ".join(os.path.join(folder, name) for folder, name in tried)
    if tried and _MEDIA.fullmatch(uri):
        return f"no such file, or it leads out of its folder: {files}; running the batch again with --force restores it from the logs"
    if gone := dict.fromkeys(folder for folder, _ in tried if not _STORE.match(folder) and not os.path.isdir(folder)):
        return f"no such folder: {', '.join(gone)}; if the pictures have moved, say where they are: image_root=..."
    if tried:
        return f"no such file, or it leads out of its folder: {files}. The folder exists; if its pictures are elsewhere: image_root=..."
    source = uri.partition("/")[0]
    return f"no run names an image root of source {source}; say where its pictures are: image_root={{{source!r}: folder}}"


def media_name(sha256: str, format: str) -> str:
    """Where a picture that was in a log lies below folder `media`; `format` as Pillow names it.

    >>> media_name("ab12", "JPEG")
    'ab/ab12.jpeg'
    """
    return f"{sha256[:2]}/{sha256}.{format.lower()}"


def _places(root: Folder | Published, image: Mapping[str, Any], image_root: ImageRoot | None) -> Iterator[tuple[str, str]]:
    """(folder, path in it) where the picture may be, the likeliest first; the sha256 decides between them."""
    if found := _MEDIA.fullmatch(image["uri"]):
        folder = root.root if isinstance(root, Published) else os.fspath(root)
        yield f"{folder.rstrip('/')}/{MEDIA}", media_name(found[1], image["format"])
        return
    source, _, path = image["uri"].partition("/")
    index, _, rest = path.partition("/")
    roots = _roots(root, source, image_root)
    if isinstance(roots, str):
        yield roots, path
        # The uri of a source with a list of roots holds the root's index; where these folders were put into one, the index is no folder.
        if index.isdecimal() and rest and not isinstance(image_root, Mapping):
            yield roots, rest
    elif index.isdecimal() and rest and int(index) < len(roots):
        yield roots[int(index)], rest


def _roots(root: Folder | Published, source: str, image_root: ImageRoot | None) -> str | list[str]:
    """The folder of this source's pictures, or its list of folders; [] where nothing names one."""
    _check_kind(image_root)
    if isinstance(image_root, Mapping) and source in image_root:
        given = image_root[source]
        return os.fspath(given) if isinstance(given, (str, os.PathLike)) else [os.fspath(folder) for folder in given]
    if isinstance(image_root, (str, os.PathLike)):
        return os.fspath(image_root)
    published = root if isinstance(root, Published) else open_root(root)
    check_image_root(published, image_root)
    return published.image_roots.get(source, [])


def _bytes_inside(folder: str, name: str) -> bytes | None:
    """The bytes of this regular file or object; None where there is none, or where it is not inside the folder, links followed."""
    if "\0" in name:
        return None
    if _STORE.match(folder):
        return None if {"", ".", ".."} & set(name.split("/")) else _object_bytes(f"{folder.rstrip('/')}/{name}")
    home = os.path.realpath(folder)
    path = os.path.realpath(os.path.join(home, name))
    if os.path.commonpath([home, path]) != home or not os.path.isfile(path):
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise PictureMissing(f"{path}: {error.strerror}") from None


def _from_store(uri: str) -> bytes:
    data = _object_bytes(uri)
    if data is None:
        raise PictureMissing(f"{uri}: no such object")
    return data


def _object_bytes(uri: str) -> bytes | None:
    """The bytes of an object, with the credentials that the environment holds; None where there is none."""
    from pyarrow import ArrowException
    from pyarrow.fs import FileSystem  # some builds of Arrow have no object stores

    try:
        store, path = FileSystem.from_uri(uri)
        with store.open_input_stream(path) as stream:
            data: bytes = stream.read()
            return data
    except FileNotFoundError:
        return None
    except (OSError, ArrowException, ValueError) as error:
        raise PictureMissing(f"{uri}: {why_not(error)}") from None
