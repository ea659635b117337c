"""The closed list of reasons: what can be wrong with a record, what it means, and how its owner can fix it.

Codes are dotted and never renamed. One change adds a new reason: its row here, with a fix, and a test case that triggers it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from functools import cache
from typing import NamedTuple

from pipelines.records import Finding
from pipelines.visible import one_line

MOST_SHOWN = 1000  # characters of a place or a detail
READ, PARSE, FORMAT, NORMALIZE, IMAGES, STEPS, CHECKS, TOKENIZE = "read", "parse", "format", "normalize", "images", "steps", "checks", "tokenize"
REFUSE, REPAIR, NOTE = "refuse", "repair", "note"  # severity: the record is quarantined; kept but changed; kept unchanged


# Beginning of a code -> the stage that finds the reason. The longest beginning counts.
STAGES = {
    "line": PARSE,
    "line.too_large": READ,
    "json": PARSE,
    "schema": NORMALIZE,
    "schema.unknown_format": FORMAT,
    "format": FORMAT,
    "media": NORMALIZE,
    "tool": NORMALIZE,
    "image": IMAGES,
    "image.count_mismatch": NORMALIZE,
    "image.ref_type": NORMALIZE,
    "image.too_many": NORMALIZE,
    "image.extreme_aspect": TOKENIZE,
    "file": READ,
    "check": CHECKS,
    "tokens": TOKENIZE,
    "record": NORMALIZE,
    "record.duplicate": READ,
    "record.secret": READ,
    "internal": NORMALIZE,
    "repair": NORMALIZE,
    "repair.swipe_from_center": STEPS,
    "step": STEPS,
    "repair.bom": PARSE,
    "repair.secret_masked": READ,
    "repair.pii_masked": READ,
    "repair.duplicate_key": PARSE,
    "repair.path_": IMAGES,
    "repair.step_masked": CHECKS,
    "repair.turns_dropped": TOKENIZE,
    "repair.fewer_slices": TOKENIZE,
    "repair.marks_dropped": TOKENIZE,
}


@cache
def stage_of(code: str) -> str:
    return STAGES[max((start for start in STAGES if code.startswith(start)), key=len)]


class Row(NamedTuple):
    code: str
    severity: str
    meaning: str
    fix: str
    upstream: str = ""  # what happens in the upstream training code

    @property
    def stage(self) -> str:
        return stage_of(self.code)


class Reason(Enum):
    """One reason; `Reason.X.at(where, detail)` is a Finding."""

    LINE_INVALID_UTF8 = Row("line.invalid_utf8", REFUSE, "The line is not valid UTF-8.", "Write the log as UTF-8. The detail names the first bad byte.")
    LINE_INVALID_JSON = Row(
        "line.invalid_json", REFUSE, "The line is not valid JSON.", "Write one JSON object per line with a JSON library. A printed Python dict is not JSON."
    )
    LINE_TRUNCATED_JSON = Row(
        "line.truncated_json",
        REFUSE,
        "The line ends in the middle of its JSON.",
        "Write the line again. The writer was probably killed, or the file was not copied completely.",
    )
    LINE_TRAILING_GARBAGE = Row(
        "line.trailing_garbage",
        REFUSE,
        "There is more text after the JSON value on the line.",
        "End each record with a newline. Two objects on one line cannot be separated safely.",
    )
    LINE_NOT_OBJECT = Row("line.not_object", REFUSE, "The JSON is not an object, so it is not a record.", "Log each record as one JSON object.")
    LINE_NUL_BYTES = Row(
        "line.nul_bytes",
        REFUSE,
        "The line contains NUL bytes: the file was extended, but the data was never written.",
        "Write the lost records again. The machine probably crashed while logging.",
    )
    LINE_TOO_LARGE = Row(
        "line.too_large", REFUSE, "The record is longer than limits.line_bytes.", "Keep images as files instead of text, or raise limits.line_bytes."
    )
    JSON_DUPLICATE_KEY = Row(
        "json.duplicate_key", REFUSE, "An object has the same key twice, with different values.", "Write the key once. Nobody can know which value was meant."
    )
    JSON_NONFINITE = Row("json.nonfinite", REFUSE, "The JSON contains NaN or Infinity, which are not JSON numbers.", "Log null, or leave the field out.")
    JSON_HUGE_NUMBER = Row("json.huge_number", REFUSE, "A number is too large or has too many digits.", "Log it as text, or round it.")
    JSON_TOO_DEEP = Row("json.too_deep", REFUSE, "The JSON is nested deeper than limits.json_depth.", "Flatten the record, or raise limits.json_depth.")
    JSON_TOO_MANY_VALUES = Row(
        "json.too_many_values",
        REFUSE,
        "The record contains more JSON values than limits.json_values.",
        "Split the record, leave out bulk such as log probabilities, or raise limits.json_values.",
    )
    JSON_LONE_SURROGATE = Row(
        "json.lone_surrogate",
        REFUSE,
        "A string contains half of a surrogate pair, which UTF-8 cannot encode.",
        "Escape whole characters. The string was probably cut in the middle of an emoji.",
    )
    SCHEMA_UNKNOWN_FORMAT = Row(
        "schema.unknown_format",
        REFUSE,
        "The record does not match any known format.",
        "Run `episodes formats` to see the formats. Set the source's format, or rename the fields of its records.",
    )
    FORMAT_PLUGIN_FAILED = Row(
        "format.plugin_failed",
        REFUSE,
        "The function that the source names as its format raised an error, or did not return a record.",
        "Mend the function; the detail has the error, and the file and line where it was raised.",
    )
    SCHEMA_TURNS_NOT_LIST = Row("schema.turns_not_list", REFUSE, "The turns are not a list.", "Log conversations (or messages) as a list of turns.")
    SCHEMA_TURNS_EMPTY = Row("schema.turns_empty", REFUSE, "The conversation has no turns.", "Log the turns, or remove the record.")
    SCHEMA_TURN_NOT_OBJECT = Row("schema.turn_not_object", REFUSE, "A turn is not an object.", "Log each turn as an object with a role and a content.")
    SCHEMA_ROLE_MISSING = Row("schema.role_missing", REFUSE, "A turn has no role.", "Give every turn its role.", "KeyError: 'role'")
    SCHEMA_ROLE_UNKNOWN = Row(
        "schema.role_unknown",
        REFUSE,
        "A turn has a role that no format knows.",
        "Use system, user, assistant or observation, or one of their known aliases; or say which role it is, with format: fields and fields.roles, of which "
        "`episodes shape FILE` prints a draft.",
        "AssertionError, or `<|role|>` trained as plain text",
    )
    SCHEMA_CONTENT_MISSING = Row(
        "schema.content_missing", REFUSE, "A turn has neither content nor a call.", "Log what was said, or remove the turn.", "KeyError: 'content'"
    )
    SCHEMA_ANSWER_BLANK = Row(
        "schema.answer_blank",
        NOTE,
        "The log has a blank answer. The conversation is kept, and models of `hf` learn to end there; other models refuse it.",
        "Find out why nothing was answered. To leave such an answer out of training, log it with `loss: false`.",
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
        "A content part has an unknown type, or its value is missing.",
        "Use parts of type text, image_url, image, reasoning or tool_call.",
    )
    SCHEMA_FIELD_TYPE = Row("schema.field_type", REFUSE, "A field has the wrong type.", "The detail names the field, what was found and what was expected.")
    SCHEMA_FIELD_UNREAD = Row(
        "schema.field_unread",
        NOTE,
        "A key is not read, although its name suggests that it matters. The record is quarantined, unless normalize.field_unread is warn.",
        "Use a key that is read, or add this one to the source's `ignore`. The detail names the key.",
        "the field is silently ignored",
    )
    SCHEMA_NAMES_LEFT_OUT = Row(
        "schema.names_left_out",
        NOTE,
        "Turns of one role have different names, such as those of several agents. The names are not part of the conversation.",
        "If the model needs to know who speaks, write the name into the text of the turn.",
        "the names are silently left out",
    )
    SCHEMA_TIMES_DESCEND = Row(
        "schema.times_descend",
        NOTE,
        "Every turn has a time, and they are not in the order of the turns.",
        "Sort the turns before they are logged. They are read in the order of the log.",
        "the turns are trained in the order of the log",
    )
    SCHEMA_PARENT_MISSING = Row(
        "schema.parent_missing",
        NOTE,
        "A message of a session names an event before it that is not in the file, so some of the conversation may be missing.",
        "Use the session file as the agent wrote it, with the file that it goes on from.",
    )
    SCHEMA_REASONING_TAGS = Row(
        "schema.reasoning_tags",
        REFUSE,
        "The reasoning contains `</think><think>`, or stands between texts and contains one of these tags, so a row cannot tell where it ends.",
        "Take these tags out of the reasoning.",
        "the tags are trained as the model's own",
    )
    SCHEMA_RAW_STREAM = Row(
        "schema.raw_stream",
        REFUSE,
        "The answer is the raw stream of a response, lines of `data: {...}`, and not the text that it makes.",
        "Log the message that the client put together.",
        "the lines of the stream are trained as the answer",
    )
    SCHEMA_NO_TARGET = Row(
        "schema.no_target",
        REFUSE,
        "The record has no answer to train on.",
        "Log the assistant's answer. A blank answer cannot be trained on, and a request that failed has none.",
        "Exception: No tokens available, or a NaN loss",
    )
    SCHEMA_TURN_ORDER = Row(
        "schema.turn_order",
        REFUSE,
        "The turns are not in a valid order.",
        "Put the system turn first and a question before each answer.",
        "AssertionError, or the record is silently dropped",
    )
    MEDIA_UNSUPPORTED = Row(
        "media.unsupported",
        NOTE,
        "The record has video or audio, which no dialect supports. It is quarantined, unless normalize.media is warn.",
        "Log frames as images, or remove such records from the source. With warn, the text is kept and the media are left out.",
    )
    TOOL_CALL_MALFORMED = Row("tool.call_malformed", REFUSE, "A tool call does not have a usable structure.", 'Log {"name": ..., "arguments": {...}}.')
    TOOL_CALL_IN_TEXT = Row(
        "tool.call_in_text",
        NOTE,
        "An answer contains a tool call as text, and it stays text. If a tool result answers it, the record is quarantined.",
        "Log the call in tool_calls. The detail names the syntax.",
        "the call is trained as plain text",
    )
    TOOL_RESULT_MISSING = Row(
        "tool.result_missing", NOTE, "The conversation goes on after a call that has no result.", "Log the result of every call, with the call's id."
    )
    TOOL_RESULTS_REORDERED = Row(
        "tool.results_reordered",
        NOTE,
        "The results of several calls were put into the order of the calls. The templates of `hf` get them in the order of the log.",
        "Nothing to fix. Where a template writes no ids, only the order tells which call a result answers.",
    )
    TOOL_NAME_MISSING = Row("tool.name_missing", REFUSE, "A tool call has no name.", "Log the name of the function that was called.")
    TOOL_RESULT_ORPHAN = Row("tool.result_orphan", REFUSE, "A tool result does not belong to any call.", "Log the call before its result, with the same id.")
    TOOL_ARGS_UNPARSEABLE = Row("tool.args_unparseable", REFUSE, "The arguments are neither JSON nor a Python literal.", "Log the arguments as a JSON object.")
    TOOL_CODE_EXPRESSION = Row(
        "tool.code_expression",
        REFUSE,
        "The arguments are program code instead of values. The code was not run.",
        "Log the values of the arguments, not an expression that computes them.",
    )
    TOOL_LITERAL_TOO_DEEP = Row(
        "tool.literal_too_deep", REFUSE, "The arguments are nested too deeply to parse safely.", "Flatten the arguments, or raise limits.json_depth."
    )
    TOOL_ARGS_TOO_LARGE = Row(
        "tool.args_too_large",
        REFUSE,
        "The arguments are a Python literal longer than limits.literal_bytes.",
        "Log them as JSON, or raise limits.literal_bytes.",
    )
    TOOL_ARGS_NOT_OBJECT = Row(
        "tool.args_not_object", REFUSE, "The arguments are not an object, so they have no names.", "Log named arguments as a JSON object."
    )
    TOOL_ARGS_NOT_JSON_TYPE = Row(
        "tool.args_not_json_type",
        REFUSE,
        "The arguments contain a Python value that does not exist in JSON.",
        "Log only strings, numbers, true, false, null, lists and objects.",
    )
    TOOL_SCHEMA_INVALID = Row(
        "tool.schema_invalid",
        NOTE,
        "A tool definition is not valid, or a call's arguments do not match the declared schema.",
        "Correct the schema or the call. normalize.schema_invalid: quarantine keeps such records out.",
    )
    TOOL_UNKNOWN_TOOL = Row("tool.unknown_tool", NOTE, "A call names a tool that the record does not declare.", "Declare the tool, or correct the name.")
    IMAGE_MISSING = Row(
        "image.missing",
        REFUSE,
        "There is no such file under the source's image roots.",
        "Copy the image there, or correct sources.image_root. If the logged paths begin with a folder of another machine, name it in sources.image_prefix, "
        "for example {/old/folder: .}.",
        "FileNotFoundError; MiniCPM-V replaces the sample with another one, chosen at random",
    )
    IMAGE_NOT_A_FILE = Row("image.not_a_file", REFUSE, "The path is a folder or a device, not a file.", "Log the path of the image file itself.")
    IMAGE_EMPTY = Row("image.empty", REFUSE, "The file is empty.", "Copy the image again.", "PIL.UnidentifiedImageError")
    IMAGE_NOT_IMAGE = Row("image.not_image", REFUSE, "The file is not an image.", "Log a PNG, JPEG, WEBP, GIF or BMP file.", "PIL.UnidentifiedImageError")
    IMAGE_FORMAT_NOT_ALLOWED = Row(
        "image.format_not_allowed", REFUSE, "The file is an image in a format that is not supported.", "Convert it to PNG, JPEG, WEBP, GIF or BMP."
    )
    IMAGE_TRUNCATED = Row("image.truncated", REFUSE, "The file ends before the image does.", "Copy the image again.", "OSError: image file is truncated")
    IMAGE_CORRUPT = Row(
        "image.corrupt",
        REFUSE,
        "The file is damaged: its structure or a checksum is wrong.",
        "Copy the image again, or create it again.",
        "OSError: broken data stream",
    )
    IMAGE_SHORT_DATA = Row(
        "image.short_data",
        REFUSE,
        "The file contains fewer pixels than its header says.",
        "Create the image again. Many viewers show such a file with black rows.",
    )
    IMAGE_ZERO_SIZE = Row(
        "image.zero_size", REFUSE, "The width or the height of the image is 0.", "Create the image again.", "ZeroDivisionError in the slicing"
    )
    IMAGE_PIXEL_LIMIT = Row(
        "image.pixel_limit",
        REFUSE,
        "The image has more than images.max_pixels pixels, or more than limits.image_bytes bytes.",
        "Scale it down, or raise the limit.",
        "PIL.Image.DecompressionBombError",
    )
    IMAGE_METADATA_BOMB = Row(
        "image.metadata_bomb", REFUSE, "The image's metadata is far too large when it is decompressed.", "Save the image again without its text chunks."
    )
    IMAGE_PATH_ESCAPE = Row(
        "image.path_escape",
        REFUSE,
        "The path leads outside the source's image roots.",
        "Log paths relative to the image root, without .. or symbolic links. If they begin with a folder of another machine, name it in "
        "sources.image_prefix, for example {/old/folder: .}.",
    )
    IMAGE_URI_SCHEME = Row("image.uri_scheme", REFUSE, "The image's address has an unsupported scheme.", "Copy the image under the image root.")
    IMAGE_REMOTE_DISABLED = Row(
        "image.remote_disabled",
        REFUSE,
        "The image is remote, and remote images are disabled by default.",
        "Copy the image under the image root, or add the scheme to images.allow_schemes.",
    )
    IMAGE_REF_BAD = Row("image.ref_bad", REFUSE, "The image reference is not a valid path.", "Log the path as plain text without control characters.")
    IMAGE_REF_TYPE = Row("image.ref_type", REFUSE, "An image reference is not a string.", 'Log the path as a string, or as {"path": ...}.')
    IMAGE_DATA_URI_BAD = Row(
        "image.data_uri_bad",
        REFUSE,
        "The data: URI does not contain the data that it declares.",
        "Write data:image/png;base64, followed by the file's bytes in base64.",
    )
    IMAGE_COUNT_MISMATCH = Row(
        "image.count_mismatch",
        REFUSE,
        "The number of images does not match the number of image marks.",
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
        "Crop the image. Slicing would enlarge one side far too much.",
        "height and width must be > 0",
    )
    FILE_CORRUPT = Row("file.corrupt", REFUSE, "The file cannot be read.", "Copy the file again. Complete records before the damage were kept and counted.")
    FILE_GZIP_TRUNCATED = Row(
        "file.gzip_truncated",
        REFUSE,
        "The .gz file is incomplete.",
        "Copy the file again. Complete records before the cut were kept and counted.",
        "EOFError: Compressed file ended before the end-of-stream marker was reached",
    )
    FILE_GZIP_CORRUPT = Row(
        "file.gzip_corrupt",
        REFUSE,
        "The .gz file is damaged or its checksum is wrong.",
        "Copy the file again. Complete records before the damage were kept and counted.",
        "gzip.BadGzipFile: CRC check failed",
    )
    FILE_JSON_TRUNCATED = Row(
        "file.json_truncated",
        REFUSE,
        "The JSON array or the last object has no end, or elements are not separated by commas.",
        "Write the file again. Complete records before the error were kept and counted.",
    )
    FILE_PARQUET_CORRUPT = Row(
        "file.parquet_corrupt",
        REFUSE,
        "The file is not a complete Parquet file.",
        "Write the file again. Its footer is missing or damaged.",
        "pyarrow.lib.ArrowInvalid: Parquet magic bytes not found in footer",
    )
    FILE_FORMAT_MISMATCH = Row("file.format_mismatch", REFUSE, "The file's content does not match its name.", "Give the file the right extension.")
    FILE_ENCODING = Row(
        "file.encoding",
        REFUSE,
        "The file is not encoded in UTF-8.",
        "Convert it, for example with `iconv -f GBK -t UTF-8`. The detail names the encoding.",
        "UnicodeDecodeError, or unreadable text",
    )
    FILE_COMPRESSION = Row(
        "file.compression",
        REFUSE,
        "The compressed file is damaged or incomplete, or its compression is not supported.",
        "Copy the file again, or compress it with gzip, zstd, bzip2 or xz. Complete records before the damage were kept and counted.",
    )
    FILE_PASSED_OVER = Row(
        "file.passed_over",
        NOTE,
        "A file in a source's folder is not a log and was not read. The manifest says why.",
        "Nothing to fix if it is not a log. Otherwise add the file itself to sources.path, or give it the extension of a log, such as .jsonl.",
    )
    FILE_CHANGED_WHILE_READING = Row(
        "file.changed_while_reading",
        REFUSE,
        "The file was changed or deleted while it was being read.",
        "Wait until the writer is done. The next run reads the file again.",
    )
    CHECK_SAME_FAILING_CALL = Row(
        "check.same_failing_call",
        NOTE,
        "The same call, with the same arguments, fails three times in a row or more.",
        "Set `checks: {same_failing_call: mask}` so that the repeated calls are not trained, or quarantine such episodes.",
        "the repeated calls are trained like good ones",
    )
    CHECK_ERROR_STREAK = Row(
        "check.error_streak",
        NOTE,
        "Three calls in a row or more fail.",
        "Set `checks: {error_streak: mask}` so that these calls are not trained, or quarantine such episodes.",
        "the calls are trained like good ones",
    )
    CHECK_NO_CHANGE = Row(
        "check.no_change",
        NOTE,
        "An action is repeated although it did not change the screen: the picture after it has the same bytes.",
        "Set `checks: {no_change: mask}` so that the repeated actions are not trained, or quarantine such episodes.",
        "the repeated actions are trained like good ones",
    )
    CHECK_POINT_OUTSIDE = Row(
        "check.point_outside",
        NOTE,
        "An action has a point outside its screen.",
        "Find out what the numbers are relative to: the logged picture may have another size. To leave such steps out, set `checks: {point_outside: mask}`.",
        "the point is trained like a good one",
    )
    CHECK_NO_END = Row(
        "check.no_end",
        NOTE,
        "The episode has no finishing answer: it ends with a result, or with an action that does not end the task.",
        "The agent was probably stopped. `checks: {no_end: quarantine}` leaves such episodes out.",
    )
    CHECK_CUT_ANSWER = Row(
        "check.cut_answer",
        NOTE,
        "The log says that an answer was cut, for example by a limit of tokens. By default it is not trained: its end is not one.",
        "Raise the limit of the model that is logged. `checks: {cut_answer: quarantine}` leaves such records out, `note` trains the answers as whole ones.",
        "the cut answer is trained with a token that ends it",
    )
    TOKENS_TOO_LONG = Row(
        "tokens.too_long",
        REFUSE,
        "The row is longer than max_tokens. It was not shortened.",
        "Raise max_tokens, or choose on_overflow: windows, drop_turns or fewer_slices.",
        "image start token != image end tokens",
    )
    TOKENS_NO_TARGET = Row(
        "tokens.no_target", REFUSE, "No token of the row would be trained on.", "Check the record's loss masks and loss weights.", "NaN loss"
    )
    TOKENS_SPAN_MISMATCH = Row(
        "tokens.span_mismatch",
        REFUSE,
        "The row failed an internal check. This is a bug in the pipeline, not an error in the record.",
        "Report it, and attach the record.",
        "RuntimeError in torch.hstack: as many image starts as ends are expected",
    )
    TOKENS_IMAGE_UNSUPPORTED = Row(
        "tokens.image_unsupported",
        REFUSE,
        "The model does not support images, or not in this place.",
        "Use dialects.sources to send records with images to a dialect that supports them.",
    )
    TOKENS_TOOLS_UNSUPPORTED = Row(
        "tokens.tools_unsupported",
        REFUSE,
        "The model has no format for tool calls.",
        "Set the dialect's tool_syntax, or send records with tools to another dialect.",
    )
    TOKENS_ROLE_UNSUPPORTED = Row(
        "tokens.role_unsupported",
        REFUSE,
        "The model does not support a turn of this role in this place.",
        "Send these records to a dialect that supports the role.",
        "AssertionError",
    )
    TOKENS_ANSWER_BLANK = Row(
        "tokens.answer_blank",
        REFUSE,
        "An answer is blank. The model's template leaves it out, or trains what comes after it.",
        "Send these records to a dialect of `hf`, or remove the answer and its question from the log.",
        "the next question is trained as the answer",
    )
    TOKENS_TEMPLATE_REFUSES = Row(
        "tokens.template_refuses",
        REFUSE,
        "The model's chat template refuses the conversation.",
        "The detail has the template's own words. Send such records to another dialect, or bring their turns into the order that the template wants.",
        "jinja2.exceptions.TemplateError",
    )
    TOKENS_TEMPLATE_LOSES = Row(
        "tokens.template_loses",
        REFUSE,
        "The model's chat template leaves out a part of the conversation: a call, a result, or a text.",
        "`episodes dialects --card FOLDER` says what the template leaves out. Send such records to another dialect, or set tool_syntax for its calls.",
        "the row is trained without that part",
    )
    TOKENS_TEMPLATE_UNDECIDED = Row(
        "tokens.template_undecided",
        REFUSE,
        "Nothing in the model's chat template tells which tokens belong to an answer.",
        "Report it, and attach the template and the record. Until then, send such records to another dialect.",
    )
    TOKENS_HEADER_MERGED = Row(
        "tokens.header_merged",
        NOTE,
        "The first token of an answer also holds the end of its header, a blank in most cases. It is trained.",
        "Write the template without a blank at the end of the header if the model shall begin its answers with another token.",
        "the same token is trained",
    )
    TOKENS_THINKING_LEFT_OUT = Row(
        "tokens.thinking_left_out",
        NOTE,
        "The model's chat template leaves out the reasoning of earlier answers, so that only the last turn is trained.",
        "To refuse such rows, set `history_thinking: refuse` in the options of the dialect; to train their earlier answers too, set `train`.",
        "earlier answers are trained without their reasoning",
    )
    TOKENS_WINDOW = Row(
        "tokens.window",
        NOTE,
        "The conversation is in several rows, because of max_tokens or of the dialect's history. The detail says which messages this row holds.",
        "Nothing to fix: every answer is trained in one of the rows. Raise max_tokens to cut less often.",
        "the row is cut at its end, or left out",
    )
    TOKENS_TOOLS_LEFT_OUT = Row(
        "tokens.tools_left_out",
        NOTE,
        "The model's chat template leaves out the tool definitions. The row is kept, with its calls and results.",
        "Set the dialect's tool_syntax, which writes the definitions into the system text, or send records with tools to another dialect.",
    )
    TOKENS_SYSTEM_LEFT_OUT = Row(
        "tokens.system_left_out",
        NOTE,
        "The model's chat template leaves out a system text, most often one after an answer. The row is kept.",
        "`episodes dialects --card FOLDER` says what the template leaves out. Move the text into the first system turn, or send such records to another dialect.",
        "the row is trained without that text",
    )
    RECORD_DUPLICATE = Row(
        "record.duplicate",
        REFUSE,
        "The same record appears earlier in this batch or, with `duplicates: root`, in another published batch. That one was kept.",
        "Nothing to fix, but find out why the record was logged twice.",
    )
    RECORD_SECRET = Row(
        "record.secret",
        REFUSE,
        "The record contains keys or tokens, and scrub.secrets is quarantine. The kept bytes have placeholders instead.",
        "Revoke these keys, because they are in the log. Use scrub.secrets: mask to train on the record with placeholders.",
    )
    RECORD_SUPERSEDED = Row(
        "record.superseded",
        REFUSE,
        "The log is cumulative (`fold: prefix`), and other records of the batch train every answer of this one.",
        "Nothing to fix, unless a dialect refuses the record that trains its last answer, which the finding names: on_overflow: windows keeps long ones.",
        "the history is trained again in every record",
    )
    RECORD_LABELLED_BAD = Row(
        "record.labelled_bad",
        REFUSE,
        "The log labels the answer as bad (label: false, as in KTO).",
        "Remove such records from the source, or set `ignore: [label]` to train on them anyway.",
        "the bad answer is trained like a good one",
    )
    RECORD_FILTERED = Row(
        "record.filtered",
        REFUSE,
        "A field of the record does not have a value that the source's `keep_if` keeps.",
        "Nothing to fix. If such records are wanted, change `keep_if`; `episodes check` says which of its fields are found in the logs.",
    )
    RECORD_FAILED = Row(
        "record.failed",
        NOTE,
        "A field of the record, such as `resolved` or `reward`, says that the episode failed.",
        "To leave failed episodes out, set `keep_if` of the source, for example `keep_if: {resolved: true}`.",
        "a failed episode is trained like a good one",
    )
    RECORD_REJECTED_KEPT = Row(
        "record.rejected_kept",
        NOTE,
        "The record is a preference: the better answer is trained, and the rejected one is kept in column `extra`.",
        "Nothing to fix. A trainer of preferences finds the rejected answer in `extra`, as it was logged.",
    )
    RECORD_ID_CONFLICT = Row(
        "record.id_conflict",
        NOTE,
        "Another record of this source has the same id but different content.",
        "Give each record its own id. normalize.id_conflict: quarantine quarantines all records that share an id.",
    )
    STEP_GOAL_MISSING = Row(
        "step.goal_missing",
        REFUSE,
        "The episode has no goal, or a step has no instruction of its own and `instruction: low` asks for it.",
        "Log the goal of the episode, or the instruction of each step; or set `instruction: high`.",
    )
    STEP_SCREEN_MISSING = Row("step.screen_missing", REFUSE, "A step has no screen.", "Log the screen that each action was done on. The detail names the step.")
    STEP_COUNTS = Row(
        "step.counts",
        REFUSE,
        "The lists of an episode do not fit: there must be a screen and an instruction for each action, and one screen more at most.",
        "Write the episode again. A step that is missing in one list would give every later step another screen.",
    )
    STEP_ACTION_UNKNOWN = Row(
        "step.action_unknown",
        REFUSE,
        "A step has an action of a name that no table has, or code that is more than calls with literals.",
        "Log an action of docs/steps.md; or turn the records into known ones with a function of your own: format: module:function.",
    )
    STEP_ACTION_BAD = Row(
        "step.action_bad",
        REFUSE,
        "A step's action lacks something that it needs: its point, its direction or its text; or its point is no pair of numbers.",
        "Log actions completely. The detail names what is missing. No other point takes its place.",
        "AgentCPM-GUI process_ac.py takes the centre of the screen instead",
    )
    STEP_ACTION_UNSUPPORTED = Row(
        "step.action_unsupported",
        REFUSE,
        "The form of the prompt cannot express any action of the record.",
        "Use another prompt, such as plain, or leave these records out.",
        "AgentCPM-GUI process_ac.py leaves such steps out",
    )
    STEP_NUMBERS_DESCEND = Row(
        "step.numbers_descend",
        REFUSE,
        "The steps of a record are in another order than their numbers.",
        "Log the steps in the order in which they were done.",
    )
    STEP_FINISH_ADDED = Row(
        "step.finish_added",
        NOTE,
        "The last step of the episode has a screen but no action, so its row has an answer that finishes the episode.",
        "If the log of such an episode only breaks off, set `finish_row: false` in the source's `rows`.",
        "AgentCPM-GUI adds the same row",
    )
    STEP_QUESTION_REPLACED = Row(
        "step.question_replaced",
        NOTE,
        "A chat has a system message, or its question says more than the task, such as the actions before this step. The row's own prompt takes its place.",
        "Nothing to fix. To train the question as it is logged, set `rows: {of: conversation}`.",
    )
    STEP_LEFT_OUT = Row(
        "step.left_out",
        NOTE,
        "A step became no row: the form of the prompt cannot express its action, its screen is not in the log, or the log masks it. It stays in the history of later steps.",
        "Nothing to fix. The prompt plain has words for more actions.",
        "AgentCPM-GUI process_ac.py leaves such steps out",
    )
    STEP_TEXT_LEFT_OUT = Row(
        "step.text_left_out",
        NOTE,
        "A part of a step is not in its row: the text of an action that ends an episode, which the form of the prompt cannot write, or pauses beside an action in code.",
        "Nothing to fix. The prompt plain writes the text of an end.",
    )
    STEP_POINT_OUTSIDE = Row(
        "step.point_outside",
        REFUSE,
        "A point lies outside its screen, in the unit that is documented for the data set, set in `coordinates`, or the only one that its values allow.",
        "Compare the points with the size of the screens. If the unit or the order is another one, set coordinates: {from: ..., order: ...}.",
    )
    STEP_COORDINATES_UNKNOWN = Row(
        "step.coordinates_unknown",
        REFUSE,
        "The unit of the points is not known: the data set documents none, the values allow several, and other records of the source do not agree on one, or "
        "on one that has these points outside their screen, or too few of them say one.",
        "Set coordinates: {from: px}, unit (0 to 1) or thousand (0 to 1000).",
    )
    STEP_COORDINATES_VOTED = Row(
        "step.coordinates_voted",
        NOTE,
        "The values of the record allow several units, and other records of its source decide which one it is.",
        "Nothing to fix, if the unit is right. Set coordinates: {from: ...} to say it yourself.",
    )
    STEP_SIZE_MISMATCH = Row(
        "step.size_mismatch",
        REFUSE,
        "The logged size of a screen cannot be read, another logged size contradicts it, or it has another shape than its picture, so its points in px would land elsewhere.",
        "Name in `ignore` the keys whose size is not the one that the points are in. If the shape differs, check whether the picture was turned or cut after it was logged.",
    )
    STEP_PROMPT_FAILED = Row(
        "step.prompt_failed",
        REFUSE,
        "The template of the prompt failed for this step, or did not write the screen exactly once.",
        "Change the template so that it takes every step. The detail has its message.",
    )
    STEP_NUMBER_BAD = Row(
        "step.number_bad",
        REFUSE,
        "A record that is one step of an episode has no number, or one that is no whole number; or it names no episode.",
        "Log the episode and the number of each step, or name their keys with group_by and order_by.",
    )
    STEP_NUMBER_TWICE = Row(
        "step.number_twice",
        REFUSE,
        "Two different records are the same step of an episode, so that its history is not known.",
        "Leave one of them out. The detail names the other one.",
    )
    STEP_GAP = Row(
        "step.gap",
        REFUSE,
        "An earlier step that the history needs is not in the batch, or is refused or filtered.",
        "Fix the earlier step, which the detail names, and run the whole batch again with --replace (a redrive reads only the records that it runs again); or set history: {steps: 0, images: 1}.",
    )
    INTERNAL_ERROR = Row(
        "internal.error",
        REFUSE,
        "The pipeline failed on this record. This is a bug in the pipeline.",
        "Report it, and attach the record. Its bytes are kept, so that it can be run again.",
    )
    REPAIR_PYTHON_LITERAL = Row("repair.python_literal", REPAIR, "A Python literal was turned into JSON.", "Log arguments with json.dumps.")
    REPAIR_PLACEHOLDER_ADDED = Row(
        "repair.placeholder_added",
        REPAIR,
        "The only image had no mark. It was put before the text of the first user turn.",
        "Write <image> where the image belongs.",
    )
    REPAIR_PLACEHOLDER_MOVED = Row(
        "repair.placeholder_moved", REPAIR, "An image's mark was moved to a place where a model can see it.", "Write the mark in a user turn."
    )
    REPAIR_TOOL_CALL_EXTRACTED = Row(
        "repair.tool_call_extracted",
        REPAIR,
        "A call that was logged as text was turned into a tool call.",
        "Log calls in tool_calls.",
        "the call is trained as plain text",
    )
    REPAIR_TOOL_RESULT_EXTRACTED = Row(
        "repair.tool_result_extracted",
        REPAIR,
        "A result of a call in text was logged in the text of a question, or between tags, and was turned into a tool result.",
        "Log results as turns of role tool, without tags.",
        "the result is trained as a question of the user",
    )
    REPAIR_TOOLS_EXTRACTED = Row(
        "repair.tools_extracted",
        REPAIR,
        "Tool definitions that a system text had in the words of a known template were moved to `tools`.",
        "Log tool definitions in tools.",
        "the definitions of another template are trained as text",
    )
    REPAIR_NULL_DROPPED = Row(
        "repair.null_dropped",
        REPAIR,
        "A null was removed from a tool definition, or from a call's arguments if the tool does not declare that argument.",
        "Write definitions and arguments without the nulls that Arrow adds.",
    )
    REPAIR_ARGUMENTS_EMPTY = Row(
        "repair.arguments_empty", REPAIR, "A call without arguments was read as a call with the arguments {}.", "Log {} if a call has no arguments."
    )
    REPAIR_CONTENT_PARSED = Row(
        "repair.content_parsed", REPAIR, "The content was a list of content parts as JSON text. It was read as that list.", "Log content parts as a list."
    )
    REPAIR_RESULT_AS_TEXT = Row(
        "repair.result_as_text", REPAIR, "A tool result that was not text was replaced by its JSON text.", "Log the text that the model was shown."
    )
    REPAIR_DUPLICATE_KEY = Row("repair.duplicate_key", REPAIR, "A key appeared twice with the same value. One was kept.", "Write each key once.")
    REPAIR_PATH_CASE = Row(
        "repair.path_case", REPAIR, "The file name differs in upper and lower case. Exactly one file matches.", "Log the name as it is on disk."
    )
    REPAIR_PATH_UNICODE = Row(
        "repair.path_unicode", REPAIR, "The file name differs in its Unicode form. Exactly one file matches.", "Log names in one form, preferably NFC."
    )
    REPAIR_PATH_SEPARATOR = Row("repair.path_separator", REPAIR, "Backslashes in the path were read as slashes.", "Log paths with slashes.")
    REPAIR_PATH_PERCENT = Row("repair.path_percent", REPAIR, "The path was percent-encoded, and was decoded.", "Log paths as they are, not as URLs.")
    REPAIR_PATH_ROOT = Row("repair.path_root", REPAIR, "The path repeated the name of the image root.", "Log paths relative to the image root.")
    REPAIR_BOM = Row("repair.bom", REPAIR, "A byte order mark was skipped.", "Write UTF-8 without a byte order mark.")
    REPAIR_REASONING_DROPPED = Row("repair.reasoning_dropped", REPAIR, "Reasoning was left out, because normalize.reasoning is drop.", "Nothing to fix.")
    REPAIR_SECRET_MASKED = Row(
        "repair.secret_masked",
        REPAIR,
        "Keys or tokens were replaced by placeholders, because scrub.secrets is mask. The detail has their kinds.",
        "Revoke these keys, because they are in the log.",
    )
    REPAIR_PII_MASKED = Row(
        "repair.pii_masked",
        REPAIR,
        "Personal data was replaced by placeholders, because scrub.pii is mask. The detail has the kinds.",
        "Nothing to fix.",
    )
    REPAIR_ANSWER_TRAINED_ELSEWHERE = Row(
        "repair.answer_trained_elsewhere",
        REPAIR,
        "The log is cumulative (`fold: prefix`), and other records of the batch train some answers of this one, so their `loss_weight` is 0 here.",
        "Nothing to fix. Each answer is trained once, where its reasoning is whole.",
        "the history is trained again in every record",
    )
    REPAIR_ANSWER_WITHHELD = Row(
        "repair.answer_withheld",
        REPAIR,
        "The log is cumulative (`fold: prefix`), and the records of some answers' own calls say that they were cut, blocked or failed, are labelled as bad, or "
        "have `loss_weight` 0, so their `loss_weight` is 0 here too.",
        "Nothing to fix. The record that the finding names says why; what trains its answer there trains it here.",
        "the cut answer is trained with a token that ends it",
    )
    REPAIR_SWIPE_FROM_CENTER = Row(
        "repair.swipe_from_center",
        REPAIR,
        "The log gives the direction of a swipe, but no starting point; it starts at the centre of the screen.",
        "Log where the gesture started, if you know it.",
        "AgentCPM-GUI process_ac.py does the same",
    )
    REPAIR_STEP_MASKED = Row(
        "repair.step_masked",
        REPAIR,
        "A step check found a fault in this answer, so it is not trained. It stays in the conversation.",
        "Nothing to fix. The finding beside this one says what was found; `checks` in the configuration says what follows from it.",
    )
    REPAIR_TURNS_DROPPED = Row(
        "repair.turns_dropped",
        REPAIR,
        "The oldest answers, and calls with their results, were left out so that the row fits max_tokens. The system turns and the first question were kept. "
        "With `on_overflow: windows`, only such as are not trained.",
        "Raise max_tokens to keep them.",
    )
    REPAIR_ANSWER_JOINED = Row(
        "repair.answer_joined",
        REPAIR,
        "A turn before the answer has the text that the answer begins with, or the whole answer. Both became one answer, and all of it is trained.",
        "Nothing to fix.",
        "the turn is trained as an answer of its own",
    )
    REPAIR_CODE_AS_CALL = Row(
        "repair.code_as_call",
        REPAIR,
        "An action that runs code became a call of a tool that is named like the language, with the code as its argument.",
        "Nothing to fix, if the model is to call such a tool. Log the call as a function with arguments to choose another name.",
    )
    REPAIR_PARAMETERS_WRAPPED = Row(
        "repair.parameters_wrapped",
        REPAIR,
        "The parameters of a tool were listed by name without a schema around them; they became the properties of an object.",
        "Log `parameters` as a JSON schema: {type: object, properties: {...}}.",
    )
    REPAIR_MARKS_DROPPED = Row(
        "repair.marks_dropped",
        REPAIR,
        "Characters U+F0000 and U+F0001 were deleted from the data, as transformers does: it marks control tokens in data with them.",
        "Delete them from the log. They are of private use and have no meaning.",
    )
    REPAIR_FEWER_SLICES = Row(
        "repair.fewer_slices", REPAIR, "Images were cut into fewer slices so that the row fits max_tokens.", "Raise max_tokens to keep all slices."
    )

    @property
    def code(self) -> str:
        return self.value.code

    @property
    def severity(self) -> str:
        return self.value.severity

    def at(self, where: str, detail: str = "") -> Finding:
        """A finding of this reason. Both texts may quote a log, so they are shortened and made safe to display here, for everyone who displays them."""
        return Finding(self.value.code, self.value.stage, one_line(where, MOST_SHOWN), one_line(detail, MOST_SHOWN))


class Reject(Exception):
    """The record cannot be kept; `findings` are all the reasons. Stages raise it; only flow.py turns it into a row."""

    def __init__(self, *findings: Finding):
        super().__init__(*findings)
        self.findings: tuple[Finding, ...] = findings


_BY_CODE = {reason.code: reason for reason in Reason}


def reason_of(code: str) -> Reason:
    """The reason with this code. Raises KeyError if there is none."""
    return _BY_CODE[code]


def refusals(findings: Iterable[Finding]) -> list[Finding]:
    """The findings whose severity quarantines a record."""
    return [finding for finding in findings if reason_of(finding.code).severity == REFUSE]


def repairs_of(findings: Iterable[Finding]) -> list[str]:
    """The codes of the repairs, each once, in the order found: column `repairs`."""
    return list(dict.fromkeys([finding.code for finding in findings if reason_of(finding.code).severity == REPAIR]))
