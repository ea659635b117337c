"""A reference of a record -> the verified image, or the findings that refuse it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from pipelines.config import Config, Source
from pipelines.images.data_uri import decode_data_uri, is_data_uri
from pipelines.images.remote import SCHEMES, remote_file, scheme_of
from pipelines.images.resolve import Located, resolve_path, with_prefix
from pipelines.images.verify import Verdict, verify
from pipelines.reasons import Reject, reason_of
from pipelines.records import Draft, Finding, Image, ImageRef, SeenImage


def locate(ref: str, source: Source, config: Config) -> Located:
    """Where the image is that a record of this source names. Opens no file. Raises Reject. The uri of one in an object store is its own."""
    if is_data_uri(ref):
        data = decode_data_uri(ref)
        return Located("data:" + hashlib.sha256(data).hexdigest(), None, len(data), 0)
    scheme = scheme_of(ref)
    if scheme in SCHEMES and scheme in config.images.allow_schemes and with_prefix(ref, source.image_prefix) is None:
        info = remote_file(ref)
        return Located(ref, ref, info.size, info.mtime_ns or 0)
    return resolve_path(ref, source, config.normalize.repair == "safe", config.stores)


def verified_image(row: Mapping[str, Any], findings: tuple[Finding, ...]) -> SeenImage:
    """The image, or the findings that refuse it: from its row of table `images` and the findings of locating it."""
    if row["verdict"] == "good":
        return SeenImage(Image(row["uri"], row["sha256"], row["format"], row["width"], row["height"]), findings)
    if row["reason"]:
        findings = (reason_of(row["reason"]).at("", f"{row['uri']}: {row['detail']}"), *findings)
    return SeenImage(None, findings)


class ImageChecker:
    """Verifies the images of records in one process; each reference of a source is checked once. `verify` is the function that does it."""

    def __init__(self, config: Config, verify: Callable[[str, int, int, str | None, str | None, Config], Verdict] = verify):
        self._config = config
        self._verify = verify
        self._sources = {source.name: source for source in config.sources}
        self._checked: dict[tuple[str, str], SeenImage] = {}

    def check(self, ref: ImageRef, source: str) -> SeenImage:
        key = (source, ref.key)
        if key not in self._checked:
            self._checked[key] = self._check(ref.ref, self._sources[source])
        return self._checked[key]

    def images_of(self, draft: Draft) -> dict[str, SeenImage]:
        return {ref.key: self.check(ref, draft.origin.source) for ref in draft.refs}

    def _check(self, ref: str, source: Source) -> SeenImage:
        try:
            located = locate(ref, source, self._config)
        except Reject as reject:
            return SeenImage(None, reject.findings)
        verdict = self._verify(located.uri, located.size, located.modified, located.path, ref, self._config)
        return verified_image(asdict(verdict), located.findings)
