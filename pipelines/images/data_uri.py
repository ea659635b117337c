"""Images that a log carries in itself, as data: URIs."""

from __future__ import annotations

import base64
import binascii
import re

from pipelines.reasons import Reason, Reject

_HEAD = re.compile(r"\s*data:([^,;]*)((?:;[^,;]*)*),", re.IGNORECASE)
_URL_SAFE = str.maketrans("-_", "+/")
_BLANK = re.compile(r"[ \t\r\n]+")


def is_data_uri(ref: str) -> bool:
    return ref[:32].lstrip()[:5].lower() == "data:"


def decode_data_uri(ref: str) -> bytes:
    """The bytes of a base64 data: URI of an image type, in either alphabet. Raises Reject; what the bytes are is for `verify` to say.

    >>> decode_data_uri("data:image/gif;base64,R0lGODlh")
    b'GIF89a'
    """
    head = _HEAD.match(ref)
    if head is None:
        raise _bad("no comma after the media type")
    media, parameters = head[1].strip().lower(), head[2].lower().split(";")
    if media != "image" and not media.startswith("image/"):
        raise _bad(f"the media type is {media[:40] or 'not given'}, not an image's")
    if "base64" not in (parameter.strip() for parameter in parameters):
        raise _bad("the data is not base64")
    try:
        data = base64.b64decode(_BLANK.sub("", ref[head.end() :]).translate(_URL_SAFE), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _bad(f"the base64 is damaged: {error}") from None
    if not data:
        raise _bad("it holds no bytes")
    return data


def _bad(detail: str) -> Reject:
    return Reject(Reason.IMAGE_DATA_URI_BAD.at("", detail))
