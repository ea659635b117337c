"""Images that a log holds itself, as data: URIs."""

from __future__ import annotations

import base64
import binascii

from pipelines.reasons import Reason, Reject

_SCHEME = "data:"
_BLANKS_BEFORE = 27  # that may come before the scheme
_HEAD_CHARACTERS = 1024  # media type and parameters are far shorter
_STANDARD = bytes.maketrans(b"-_", b"+/")


def is_data_uri(ref: str) -> bool:
    """Whether a reference to an image is a data: URI: the one place that decides it.

    >>> is_data_uri(" DATA:image/png;base64,AAAA"), is_data_uri("data/a.png")
    (True, False)
    """
    return ref[: _BLANKS_BEFORE + len(_SCHEME)].lstrip()[: len(_SCHEME)].lower() == _SCHEME


def decode_data_uri(ref: str) -> bytes:
    """The bytes of a base64 data: URI of an image type, in either alphabet. Raises Reject; what the bytes are is for `verify` to say.

    >>> decode_data_uri("data:image/gif;base64,R0lGODlh")
    b'GIF89a'
    """
    comma = ref.find(",", 0, _HEAD_CHARACTERS)
    if comma < 0:
        raise _bad("there is no comma after the media type")
    media, *parameters = (part.strip() for part in ref[:comma].lstrip()[len(_SCHEME) :].lower().split(";"))
    if media != "image" and not media.startswith("image/"):
        raise _bad(f"the media type is {media[:40] or 'not given'}, not an image's")
    if "base64" not in parameters:
        raise _bad("the data is not base64")
    try:
        data = base64.b64decode(ref[comma + 1 :].encode("ascii").translate(_STANDARD, b" \t\r\n"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _bad(f"the base64 is damaged: {_why(error)}") from None
    if not data:
        raise _bad("it holds no bytes")
    return data


def _why(error: ValueError) -> str:
    return f"{error.object[error.start]!r} at character {error.start}" if isinstance(error, UnicodeEncodeError) else str(error)


def _bad(detail: str) -> Reject:
    return Reject(Reason.IMAGE_DATA_URI_BAD.at("", detail))
