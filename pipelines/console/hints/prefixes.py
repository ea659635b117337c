"""Pictures that are under the image roots after all, at the ends of their logged paths: which `image_prefix` would find them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator

from pipelines.config import Config, Source
from pipelines.console.init.images import ways_to
from pipelines.flow import DraftWithImages
from pipelines.images.remote import scheme_of
from pipelines.images.resolve import local_path, with_prefix
from pipelines.reasons import Reason
from pipelines.records import Quarantined
from pipelines.storage.locations import is_uri
from pipelines.visible import counted, one_line

MOST_PATHS = 200  # of each source
MOST_PREFIX = 300  # characters
CODES = {Reason.IMAGE_MISSING.code, Reason.IMAGE_PATH_ESCAPE.code}


class MissingPictures:
    """Collects the logged paths of pictures that were not found, the first MOST_PATHS of each source."""

    def __init__(self) -> None:
        self._paths: dict[str, dict[str, None]] = {}

    def note(self, record: DraftWithImages | Quarantined) -> None:
        if not isinstance(record, DraftWithImages):
            return
        own = self._paths.setdefault(record.draft.origin.source, {})
        for ref in record.draft.refs:
            seen = record.seen.get(ref.key)
            if len(own) < MOST_PATHS and seen is not None and seen.image is None and any(finding.code in CODES for finding in seen.findings):
                own[ref.ref] = None

    def hints(self, config: Config) -> Iterator[str]:
        """A line for each source in which a setting would find some of them."""
        for source in config.sources:
            yield from _hint(source, list(self._paths.get(source.name, ())))


def _hint(source: Source, paths: list[str]) -> Iterator[str]:
    folders = [folder for folder in source.image_roots if not is_uri(folder)]
    found: Counter[str] = Counter()
    for path in paths:
        local = local_path(path)
        if with_prefix(path, source.image_prefix) is None and not scheme_of(local) and ".." not in re.split(r"[/\\]", local):
            prefixes = {prefix for _, prefix in ways_to(local, folders) if prefix}
            found.update([min(prefixes, key=len)] if prefixes else [])
    if found:
        prefix, count = found.most_common(1)[0]
        some = f"{count:,} of the {counted(len(paths), 'picture')}"
        if len(prefix) <= MOST_PREFIX:
            written = json.dumps(prefix, ensure_ascii=False)
            yield one_line(f"source {source.name}: {some} that were not found would be found with image_prefix: {{{written}: .}}", MOST_PREFIX + 200)
