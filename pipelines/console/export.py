"""`episodes export`: published rows in the form of a trainer. It imports nothing that a training environment lacks."""

from __future__ import annotations

import json
import sys
from argparse import Namespace

from pipelines.training.export import FORMS, ExportError, export
from pipelines.training.export.readme import standin_warning
from pipelines.training.pictures import ImageRoot, PictureChanged, PictureMissing
from pipelines.training.tables import NotPublished
from pipelines.visible import visible

OK, USAGE = 0, 2


def run(options: Namespace) -> int:
    """Prints what was written as one JSON line, and on stderr a warning where the rows are tokenized with a stand-in."""
    try:
        chosen = {name: getattr(options, name) for name in ("dialect", "split", "batch", "copy", "replace")}
        summary = export(options.to, options.root, options.out, image_root=_image_root(options.image_root), **chosen)
    except (ExportError, NotPublished, PictureMissing, PictureChanged) as error:
        print(visible(f"episodes: {error}"), file=sys.stderr)
        return USAGE
    if warning := standin_warning(FORMS[options.to], summary):
        print(visible(f"episodes: {warning}"), file=sys.stderr)
    sys.stdout.write(json.dumps(summary, ensure_ascii=False) + "\n")
    return OK


def _image_root(given: list[str]) -> ImageRoot | None:
    """One folder for all sources, or the folders of sources.

    >>> _image_root(["/new"]), _image_root(["gui=/a", "gui=/b", "web=/c"])
    ('/new', {'gui': ['/a', '/b'], 'web': '/c'})
    """
    folders: dict[str, list[str]] = {}
    for text in given:
        source, is_named, folder = text.partition("=")
        if not is_named:
            if len(given) > 1:
                raise ExportError("--image-root: one folder for all sources, or SOURCE=FOLDER for each")
            return text
        folders.setdefault(source, []).append(folder)
    return {source: paths if len(paths) > 1 else paths[0] for source, paths in folders.items()} or None
