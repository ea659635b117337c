"""Image paths: a reference resolves to a file that really lies under the root, or is refused."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.config import Source
from pipelines.images.resolve import Located, resolve_path
from pipelines.images.spelling import _fold
from pipelines.reasons import Reject
from tests.properties.depth import deep

STEPS = ["a.png", "A.PNG", "scr", "SCR", "c.webp", "..", ".", "", "images", "outdir", "out.png", "in.png", "loop.png", "gone.png", "secret.png", "50%.png"]
STEPS += [
    "caf\u00e9.png",
    "cafe\u0301.png",
    "%2e%2e",
    "%2E",
    "%2F",
    "%00",
    "%c0%ae",
    "..%5c",
    "C:",
    "~",
    "$HOME",
    "a.png ",
    "tw\u0131n.png",
    "\u2025",
    "％",
    "x" * 256,
]
JOINTS = st.sampled_from(["/", "//", "\\", "/./", "%2f", "%5C", ":", ""])
REFS = st.lists(st.tuples(JOINTS, st.sampled_from(STEPS) | st.text(max_size=3)), min_size=1, max_size=5).map(lambda parts: "".join(map("".join, parts)))


def found(ref: str, root: Path, repair: bool) -> Located | None:
    try:
        located = resolve_path(ref, Source(name="gui", path=("x",), image_root=str(root)), repair)
    except Reject:
        return None
    assert located.path is not None
    assert located.path == os.path.realpath(root / located.uri.removeprefix("gui/"))
    return located


@given(ref=REFS, absolute=st.booleans())
@example(ref="outdir/images/a.png", absolute=False)
@example(ref="/in.png/%2E", absolute=True)  # a link whose target has another name
@deep(100)
def test_a_reference_is_a_file_under_the_root_or_is_refused(root: Path, ref: str, absolute: bool):
    ref = f"{root}{ref}" if absolute else ref
    located = found(ref, root, repair=True)
    strict = found(ref, root, repair=False)
    assert strict in (None, located)
    if located is not None:
        path = located.path
        assert path is not None
        assert Path(path).is_file()
        assert Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))
        assert "secret" not in os.path.realpath(path)
        assert strict or _fold(os.path.basename(located.uri)) in _fold(ref.replace("%25", "%").replace("%2e", ".").replace("%2E", "."))
