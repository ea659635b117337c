"""The closed list of reasons: what can be wrong with a record, what it means and how its owner mends it.

Codes are dotted and never renamed. A new reason is one row here, one fixture that triggers it and one fix hint, in one change.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from functools import cache
from typing import NamedTuple

from pipelines.records import Finding
from pipelines.visible import one_line

MOST_SHOWN = 1000  # characters of a place or a detail
READ, PARSE, FORMAT, NORMALIZE, IMAGES, TOKENIZE = "read", "parse", "format", "normalize", "images", "tokenize"
REFUSE, REPAIR, NOTE = "refuse", "repair", "note"  # severity: quarantined; kept and changed; kept as it is


# The stage that finds a reason: its code begins so, and the longest beginning counts.
STAGES = {
    "line": PARSE,
    "line.too_large": READ,
    "json": PARSE,
    "schema": NORMALIZE,
    "schema.unknown_format": FORMAT,
    "media": NORMALIZE,
    "tool": NORMALIZE,
    "image": IMAGES,
    "image.count_mismatch": NORMALIZE,
    "image.ref_type": NORMALIZE,
    "image.too_many": NORMALIZE,
    "image.extreme_aspect": TOKENIZE,
    "file": READ,
    "tokens": TOKENIZE,
    "record": NORMALIZE,
    "record.duplicate": READ,
    "internal": NORMALIZE,
    "repair": NORMALIZE,
    "repair.bom": PARSE,
    "repair.duplicate_key": PARSE,
    "repair.path_": IMAGES,
    "repair.turns_dropped": TOKENIZE,
    "repair.fewer_slices": TOKENIZE,
}


@cache
def stage_of(code: str) -> str:
    return STAGES[max((start for start in STAGES if code.startswith(start)), key=len)]


class Row(NamedTuple):
    code: str
    severity: str
    meaning: str
    fix: str
    upstream: str = ""  # what a trainer would have said

    @property
    def stage(self) -> str:
        return stage_of(self.code)


class Reason(Enum):
    """One reason; `Reason.X.at(where, detail)` is a Finding."""

    LINE_INVALID_UTF8 = Row("line.invalid_utf8", REFUSE, "The line is not UTF-8.", "Write the log as UTF-8; the detail names the first bad byte.")
    LINE_INVALID_JSON = Row(
        "line.invalid_json", REFUSE, "The line is not JSON.", "Write one JSON object per line with a JSON library; a printed Python dict is not JSON."
    )
    LINE_TRUNCATED_JSON = Row(
        "line.truncated_json", REFUSE, "The line stops in the middle of its JSON.", "The writer was killed or the copy was cut: write the line again."
    )
    LINE_TRAILING_GARBAGE = Row(
        "line.trailing_garbage",
        REFUSE,
        "Something follows the JSON value on its line.",
        "End each record with a newline; two objects on one line cannot be told apart safely.",
    )
    LINE_NOT_OBJECT = Row("line.not_object", REFUSE, "The JSON is not an object, so it is not a record.", "Log each record as one JSON object.")
    LINE_NUL_BYTES = Row(
        "line.nul_bytes",
        REFUSE,
        "The line holds NUL bytes: a file that grew and was not written.",
        "Write the lost records again; the machine probably crashed while it logged.",
    )
    LINE_TOO_LARGE = Row(
        "line.too_large", REFUSE, "The record is longer than limits.line_bytes.", "Keep images as files instead of text, or raise limits.line_bytes."
    )
    JSON_DUPLICATE_KEY = Row(
        "json.duplicate_key", REFUSE, "One object has the same key twice with different values.", "Keep one of them: which one was meant cannot be known."
    )
    JSON_NONFINITE = Row("json.nonfinite", REFUSE, "The JSON contains NaN or Infinity, which are not JSON numbers.", "Log null, or leave the field out.")
    JSON_HUGE_NUMBER = Row("json.huge_number", REFUSE, "A number is too long for any reader to keep.", "Log it as text, or with the digits that count.")
    JSON_TOO_DEEP = Row("json.too_deep", REFUSE, "The JSON is nested deeper than limits.json_depth.", "Flatten the record, or raise limits.json_depth.")
    JSON_TOO_MANY_VALUES = Row(
        "json.too_many_values",
        REFUSE,
        "The record holds more JSON values than limits.json_values.",
        "Split the record, leave out bulk such as log probabilities, or raise limits.json_values.",
    )
    JSON_LONE_SURROGATE = Row(
        "json.lone_surrogate",
        REFUSE,
        "A text holds half of a surrogate pair, which UTF-8 cannot write.",
        "Escape whole characters: the text was cut in the middle of an emoji.",
    )
    SCHEMA_UNKNOWN_FORMAT = Row(
        "schema.unknown_format",
        REFUSE,
        "The record has the shape of no known format.",
        "See `episodes formats`; name the source's format, or rename its fields.",
    )
    SCHEMA_TURNS_NOT_LIST = Row("schema.turns_not_list", REFUSE, "The turns are not a list.", "Log conversations (or messages) as a list of turns.")
    SCHEMA_TURNS_EMPTY = Row("schema.turns_empty", REFUSE, "The conversation has no turns.", "Drop the record at its source, or log its turns.")
    SCHEMA_TURN_NOT_OBJECT = Row("schema.turn_not_object", REFUSE, "A turn is not an object.", "Log each turn as an object with a role and a content.")
    SCHEMA_ROLE_MISSING = Row("schema.role_missing", REFUSE, "A turn has no role.", "Give every turn its role.", "KeyError: 'role'")
    SCHEMA_ROLE_UNKNOWN = Row(
        "schema.role_unknown",
        REFUSE,
        "A turn's role is none that any format knows.",
        "Use system, user, assistant or observation, or one of their known aliases.",
        "AssertionError, or `<|role|>` trained as plain text",
    )
    SCHEMA_CONTENT_MISSING = Row(
        "schema.content_missing", REFUSE, "A turn has neither content nor a call.", "Log what was said, or drop the turn.", "KeyError: 'content'"
    )
    SCHEMA_CONTENT_TYPE = Row(
        "schema.content_type",
        REFUSE,
        "A turn's content is neither text nor parts.",
        "Log content as text, or as a list of parts.",
        "TypeError: can only concatenate str",
    )
    SCHEMA_PART_BAD = Row(
        "schema.part_bad",
        REFUSE,
        "A content part is of no known type, or lacks its value.",
        "Use parts of type text, image_url, image, reasoning or tool_call.",
    )
    SCHEMA_FIELD_TYPE = Row("schema.field_type", REFUSE, "A field has the wrong type.", "The detail names the field, what was found and what was expected.")
    SCHEMA_FIELD_UNREAD = Row(
        "schema.field_unread",
        NOTE,
        "Nothing reads a key whose name suggests that it matters. The record is quarantined, unless normalize.field_unread is warn.",
        "Log it under a key that is read, or name it in the source's `ignore`; the detail names the key and its place.",
        "the field is passed over in silence",
    )
    SCHEMA_NO_TARGET = Row(
        "schema.no_target",
        REFUSE,
        "There is no answer to learn from.",
        "Log the assistant's answer; a blank one teaches nothing.",
        "Exception: No tokens available, or a NaN loss",
    )
    SCHEMA_TURN_ORDER = Row(
        "schema.turn_order",
        REFUSE,
        "The turns are in an order that no chat has.",
        "Put the system turn first and a question before each answer.",
        "AssertionError, or the record is dropped in silence",
    )
    MEDIA_UNSUPPORTED = Row(
        "media.unsupported",
        NOTE,
        "The record has video or audio, which no dialect takes. It is quarantined, unless normalize.media is warn.",
        "Log frames as images, or keep such records out of the source; with warn the text is kept and the media are left out.",
    )
    TOOL_CALL_MALFORMED = Row("tool.call_malformed", REFUSE, "A tool call has no usable shape.", 'Log {"name": ..., "arguments": {...}}.')
    TOOL_CALL_IN_TEXT = Row(
        "tool.call_in_text",
        NOTE,
        "A call is written in an answer's text, and stays text. A tool result that answers it quarantines the record.",
        "Log the call as tool_calls; the detail names the spelling.",
        "the call is trained as plain text",
    )
    TOOL_RESULT_MISSING = Row(
        "tool.result_missing", NOTE, "The conversation goes on after a call that has no result.", "Log the result of every call, with the call's id."
    )
    TOOL_NAME_MISSING = Row("tool.name_missing", REFUSE, "A tool call has no name.", "Log the name of the function that was called.")
    TOOL_RESULT_ORPHAN = Row("tool.result_orphan", REFUSE, "A tool result answers no call.", "Log the call before its result, with the same id.")
    TOOL_ARGS_UNPARSEABLE = Row("tool.args_unparseable", REFUSE, "The arguments are neither JSON nor a Python literal.", "Log the arguments as a JSON object.")
    TOOL_CODE_EXPRESSION = Row(
        "tool.code_expression",
        REFUSE,
        "There is code where the arguments should be. It was not run.",
        "Log the values of the arguments, not an expression that computes them.",
    )
    TOOL_LITERAL_TOO_DEEP = Row(
        "tool.literal_too_deep", REFUSE, "The arguments are nested too deeply to parse safely.", "Flatten the arguments, or raise limits.json_depth."
    )
    TOOL_ARGS_TOO_LARGE = Row(
        "tool.args_too_large", REFUSE, "The arguments are a literal longer than limits.literal_bytes.", "Log them as JSON, or raise limits.literal_bytes."
    )
    TOOL_ARGS_NOT_OBJECT = Row(
        "tool.args_not_object", REFUSE, "The arguments are not an object, so they have no names.", "Log named arguments as a JSON object."
    )
    TOOL_ARGS_NOT_JSON_TYPE = Row(
        "tool.args_not_json_type",
        REFUSE,
        "The arguments hold a Python value that JSON does not have.",
        "Log text, numbers, true, false, null, lists and objects only.",
    )
    TOOL_SCHEMA_INVALID = Row(
        "tool.schema_invalid",
        NOTE,
        "The tool definitions or a call's arguments do not fit the declared schema.",
        "Correct the schema or the call; normalize.schema_invalid: quarantine keeps such records out.",
    )
    TOOL_UNKNOWN_TOOL = Row("tool.unknown_tool", NOTE, "A call names a tool that the record does not declare.", "Declare the tool, or correct the name.")
    IMAGE_MISSING = Row(
        "image.missing",
        REFUSE,
        "There is no such file under the source's image roots.",
        "Copy the image there, or correct the path or sources.image_root.",
        "FileNotFoundError; MiniCPM-V puts another random sample in its place",
    )
    IMAGE_NOT_A_FILE = Row("image.not_a_file", REFUSE, "The path is a folder or a device, not a file.", "Name the image file itself.")
    IMAGE_EMPTY = Row("image.empty", REFUSE, "The file has no bytes.", "Copy the image again.", "PIL.UnidentifiedImageError")
    IMAGE_NOT_IMAGE = Row(
        "image.not_image", REFUSE, "The file's content is not an image.", "Log a PNG, JPEG, WEBP, GIF or BMP file.", "PIL.UnidentifiedImageError"
    )
    IMAGE_FORMAT_NOT_ALLOWED = Row(
        "image.format_not_allowed", REFUSE, "The file is of a kind that is not read here.", "Convert it to PNG, JPEG, WEBP, GIF or BMP."
    )
    IMAGE_TRUNCATED = Row("image.truncated", REFUSE, "The file ends before the image does.", "Copy the image again.", "OSError: image file is truncated")
    IMAGE_CORRUPT = Row("image.corrupt", REFUSE, "The file's structure or checksums are wrong.", "Copy or make the image again.", "OSError: broken data stream")
    IMAGE_SHORT_DATA = Row(
        "image.short_data",
        REFUSE,
        "The file holds fewer pixels than its header promises.",
        "Make the image again; many viewers show such a file with black rows.",
    )
    IMAGE_ZERO_SIZE = Row("image.zero_size", REFUSE, "The image has no width or no height.", "Make the image again.", "ZeroDivisionError in the slicing")
    IMAGE_PIXEL_LIMIT = Row(
        "image.pixel_limit",
        REFUSE,
        "The image has more than images.max_pixels pixels, or more than limits.image_bytes bytes.",
        "Scale it down, or raise the limit.",
        "PIL.Image.DecompressionBombError",
    )
    IMAGE_METADATA_BOMB = Row(
        "image.metadata_bomb", REFUSE, "The image's metadata unpack to far more than they should.", "Save the image again without its text chunks."
    )
    IMAGE_PATH_ESCAPE = Row(
        "image.path_escape", REFUSE, "The path leads out of the source's image roots.", "Log paths relative to the image root, without .. and links."
    )
    IMAGE_URI_SCHEME = Row("image.uri_scheme", REFUSE, "The address has a scheme that is not read here.", "Copy the image under the image root.")
    IMAGE_REMOTE_DISABLED = Row(
        "image.remote_disabled",
        REFUSE,
        "The image is remote, and nothing leaves the machine by default.",
        "Copy the image under the image root, or add the scheme to images.allow_schemes.",
    )
    IMAGE_REF_BAD = Row("image.ref_bad", REFUSE, "The reference is no possible path.", "Log the path as plain text without control characters.")
    IMAGE_REF_TYPE = Row("image.ref_type", REFUSE, "The reference to an image is not text.", 'Log the path as text, or as {"path": ...}.')
    IMAGE_DATA_URI_BAD = Row(
        "image.data_uri_bad", REFUSE, "The data: URI does not hold what it says.", "Write data:image/png;base64, and the file's bytes in base64."
    )
    IMAGE_COUNT_MISMATCH = Row(
        "image.count_mismatch",
        REFUSE,
        "The number of images is not the number of their marks.",
        "Put one <image> mark where each image belongs.",
        "image start token != image end tokens; ValueError: The number of images does not match the number of <image> tokens",
    )
    IMAGE_TOO_MANY = Row(
        "image.too_many", REFUSE, "The record has more images than limits.images_per_record, or than the model takes.", "Split the record, or raise the limit."
    )
    IMAGE_EXTREME_ASPECT = Row(
        "image.extreme_aspect",
        REFUSE,
        "The image is too long and thin to slice.",
        "Crop the image: slicing would blow one side up.",
        "height and width must be > 0",
    )
    FILE_CORRUPT = Row("file.corrupt", REFUSE, "The file cannot be read.", "Copy the file again; whole records before the damage were kept and counted.")
    FILE_GZIP_TRUNCATED = Row(
        "file.gzip_truncated",
        REFUSE,
        "The .gz file ends before its stream does.",
        "Copy the file again; whole records before the cut were kept and counted.",
        "EOFError: Compressed file ended before the end-of-stream marker was reached",
    )
    FILE_GZIP_CORRUPT = Row(
        "file.gzip_corrupt",
        REFUSE,
        "The .gz file is damaged or its checksum is wrong.",
        "Copy the file again; whole records before the damage were kept and counted.",
        "gzip.BadGzipFile: CRC check failed",
    )
    FILE_JSON_TRUNCATED = Row(
        "file.json_truncated",
        REFUSE,
        "The JSON array or the last object never ends, or elements are not separated by commas.",
        "Write the file again; whole records before the fault were kept and counted.",
    )
    FILE_PARQUET_CORRUPT = Row(
        "file.parquet_corrupt",
        REFUSE,
        "The file is not a complete Parquet file.",
        "Write the file again: its footer is missing or damaged.",
        "pyarrow.lib.ArrowInvalid: Parquet magic bytes not found in footer",
    )
    FILE_FORMAT_MISMATCH = Row("file.format_mismatch", REFUSE, "The file is not what its name says.", "Rename the file after its content.")
    FILE_ENCODING = Row(
        "file.encoding",
        REFUSE,
        "The file is text in another encoding than UTF-8.",
        "Convert it, as `iconv -f GBK -t UTF-8` does; the detail names the encoding.",
        "UnicodeDecodeError, or text that nobody can read",
    )
    FILE_COMPRESSION = Row(
        "file.compression",
        REFUSE,
        "The compressed file is damaged, cut or of a kind that is not read.",
        "Copy the file again, or compress it with gzip, zstd, bzip2 or xz; whole records before the damage were kept and counted.",
    )
    FILE_PASSED_OVER = Row(
        "file.passed_over",
        NOTE,
        "A file of a source's folder is no log and was not read; the manifest names it and says why.",
        "Nothing to fix if it is not a log; otherwise name the file itself in sources.path, or give it the name of a log.",
    )
    FILE_CHANGED_WHILE_READING = Row(
        "file.changed_while_reading",
        REFUSE,
        "The file changed or vanished while it was read.",
        "Wait until the writer is done; the file was put off to the next run.",
    )
    TOKENS_TOO_LONG = Row(
        "tokens.too_long",
        REFUSE,
        "The row is longer than max_tokens. Nothing was cut.",
        "Raise max_tokens, or choose on_overflow: drop_turns or fewer_slices.",
        "image start token != image end tokens",
    )
    TOKENS_NO_TARGET = Row("tokens.no_target", REFUSE, "No token of the row would be trained.", "Check loss masks and loss weights of the record.", "NaN loss")
    TOKENS_SPAN_MISMATCH = Row(
        "tokens.span_mismatch",
        REFUSE,
        "The row failed one of our own checks. This is a bug in the pipeline, not a fault of the record.",
        "Report it with the record.",
        "RuntimeError in torch.hstack: as many image starts as ends are expected",
    )
    TOKENS_IMAGE_UNSUPPORTED = Row(
        "tokens.image_unsupported",
        REFUSE,
        "The model takes no images, or none in this place.",
        "Send image records to a dialect that sees, by dialects.sources.",
    )
    TOKENS_TOOLS_UNSUPPORTED = Row(
        "tokens.tools_unsupported",
        REFUSE,
        "The model has no format for tool calls.",
        "Choose the dialect's tool_syntax, or send tool records to another dialect.",
    )
    TOKENS_ROLE_UNSUPPORTED = Row(
        "tokens.role_unsupported",
        REFUSE,
        "The model has no place for a turn of this role here.",
        "Send these records to a dialect that knows the role.",
        "AssertionError",
    )
    RECORD_DUPLICATE = Row(
        "record.duplicate",
        REFUSE,
        "The same bytes appear earlier in this batch; the first record was kept.",
        "Nothing to fix; find out why the log was written twice.",
    )
    RECORD_LABELLED_BAD = Row(
        "record.labelled_bad",
        REFUSE,
        "The log labels the answer as a bad one (label: false, as KTO has it).",
        "Keep such records out of the source; `ignore: [label]` trains them all the same.",
        "the bad answer is trained like a good one",
    )
    RECORD_ID_CONFLICT = Row(
        "record.id_conflict",
        NOTE,
        "Another record of this source has the same id and other content.",
        "Give records ids of their own; normalize.id_conflict: quarantine keeps both aside.",
    )
    INTERNAL_ERROR = Row(
        "internal.error",
        REFUSE,
        "The pipeline failed on this record. This is a bug in the pipeline.",
        "Report it with the record; its bytes are kept and can be run again.",
    )
    REPAIR_PYTHON_LITERAL = Row("repair.python_literal", REPAIR, "A Python literal was turned into JSON.", "Log arguments with json.dumps.")
    REPAIR_PLACEHOLDER_ADDED = Row(
        "repair.placeholder_added", REPAIR, "The only image had no mark; it was put before the first user turn.", "Write <image> where the image belongs."
    )
    REPAIR_PLACEHOLDER_MOVED = Row(
        "repair.placeholder_moved", REPAIR, "An image's mark was moved to a place where a model can see it.", "Write the mark in a user turn."
    )
    REPAIR_TOOL_CALL_EXTRACTED = Row(
        "repair.tool_call_extracted", REPAIR, "A call logged as text became metadata and content.", "Log calls as calls.", "the call is trained as plain text"
    )
    REPAIR_NULL_DROPPED = Row(
        "repair.null_dropped",
        REPAIR,
        "A null entry was taken out of the tool definitions, or out of a call's arguments where its tool does not declare it.",
        "Write definitions and arguments without the nulls that Arrow adds.",
    )
    REPAIR_ARGUMENTS_EMPTY = Row(
        "repair.arguments_empty", REPAIR, "A call without arguments was read as a call with the arguments {}.", "Log {} where a call has none."
    )
    REPAIR_CONTENT_PARSED = Row(
        "repair.content_parsed", REPAIR, "The content was the JSON text of content parts, and was read as these parts.", "Log content parts as a list."
    )
    REPAIR_RESULT_AS_TEXT = Row(
        "repair.result_as_text", REPAIR, "A tool's result that was not text was replaced by its JSON text.", "Log the text that the model was shown."
    )
    REPAIR_DUPLICATE_KEY = Row("repair.duplicate_key", REPAIR, "A key appeared twice with the same value; one was kept.", "Write each key once.")
    REPAIR_PATH_CASE = Row("repair.path_case", REPAIR, "The file's name differs in upper and lower case; exactly one fits.", "Log the name as it is on disk.")
    REPAIR_PATH_UNICODE = Row(
        "repair.path_unicode", REPAIR, "The file's name differs in its Unicode form; exactly one fits.", "Log names in one form, best NFC."
    )
    REPAIR_PATH_SEPARATOR = Row("repair.path_separator", REPAIR, "Backslashes in the path were read as slashes.", "Log paths with slashes.")
    REPAIR_PATH_PERCENT = Row("repair.path_percent", REPAIR, "The path was percent-encoded.", "Log paths as they are, not as URLs.")
    REPAIR_PATH_ROOT = Row("repair.path_root", REPAIR, "The path repeated the name of the image root.", "Log paths relative to the image root.")
    REPAIR_BOM = Row("repair.bom", REPAIR, "A byte order mark was skipped.", "Write UTF-8 without a byte order mark.")
    REPAIR_REASONING_DROPPED = Row("repair.reasoning_dropped", REPAIR, "Reasoning was left out, as normalize.reasoning: drop asks.", "Nothing to fix.")
    REPAIR_TURNS_DROPPED = Row(
        "repair.turns_dropped",
        REPAIR,
        "The oldest answers, and calls with their results, were left out so that the row fits max_tokens; the system turns and the first question stayed.",
        "Raise max_tokens to keep them.",
    )
    REPAIR_FEWER_SLICES = Row("repair.fewer_slices", REPAIR, "Images were sliced less so that the row fits max_tokens.", "Raise max_tokens to keep all slices.")

    @property
    def code(self) -> str:
        return self.value.code

    @property
    def severity(self) -> str:
        return self.value.severity

    def at(self, where: str, detail: str = "") -> Finding:
        """A finding of this reason. Both texts may quote a log: here they are cut, and made safe to show, once for all who show them."""
        return Finding(self.value.code, self.value.stage, one_line(where, MOST_SHOWN), one_line(detail, MOST_SHOWN))


class Reject(Exception):
    """The record cannot be kept; `findings` is every reason found. Raised by stages, turned into a row by flow.py alone."""

    def __init__(self, *findings: Finding):
        super().__init__(*findings)
        self.findings: tuple[Finding, ...] = findings


_BY_CODE = {reason.code: reason for reason in Reason}


def reason_of(code: str) -> Reason:
    """The reason with this code; KeyError where the list has none."""
    return _BY_CODE[code]


def refusals(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that keep a record aside by their own severity."""
    return [finding for finding in findings if reason_of(finding.code).severity == REFUSE]


def repairs_of(findings: Iterable[Finding]) -> list[str]:
    """The codes of what was changed, each once, in the order found: column `repairs`."""
    return list(dict.fromkeys([finding.code for finding in findings if reason_of(finding.code).severity == REPAIR]))
