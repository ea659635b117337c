"""docs/formats.md: what is read, one record in each format, and every shape that was looked at, with its verdict."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from pipelines.formats.examples import EXAMPLES
from pipelines.formats.table import FORMATS
from pipelines.normalize.in_text.grammars import GRAMMARS

SHAPES = Path(__file__).parent / "shapes.json"  # [name, where it was seen, verdict]; `python -m tests.formats.shapes` writes the verdicts

_FOLDER = re.compile(r"\b(?:jobs|pipelines|tests|conf|docs)/\S+")  # of other repositories; they would read like ours

BEFORE = """\
# Logs: what is read

`episodes formats` lists the log formats, `episodes formats NAME` prints a record of one; `format: auto` recognises each record by its keys. This page is generated.

- **Files**: JSON Lines, a JSON array, JSON objects over several lines, Parquet and Arrow; the text formats also compressed with gzip, zstd, bzip2 or xz. The content
  decides, not the file name. A folder with a `_delta_log` is read as a Delta table at its newest version. Folders named `key=value` become columns. Every
  other file in the folder of a source is listed with the reason why it was skipped. A source without files ends the run with exit code 2, unless
  `allow_empty` is set.
- **Keys**: each key of a record is read, or known to be harmless, or counted as unread in the summary. If an unread key may change what the record teaches, by the words of its
  name or by its value, the record is quarantined (`schema.field_unread`), unless you set `ignore` or `field_unread: warn`: [keys.md](keys.md).
- **Requests**: tools and a system text may also stand in an object beside the turns, such as `config`, `metadata`, `model_parameters` or `extra.invocation_params` ([keys.md](keys.md)).
  Tool definitions or a system text anywhere else in a value that is not read quarantine the record, unless the record says the same where it is read.
- **Turns**: turns and content parts are read alike in every format, whichever API logged them: OpenAI chat and Responses, Anthropic, Gemini, Bedrock, LangChain,
  Vercel's AI SDK, OpenTelemetry, ATIF, ADP. A format only says where in a record its turns are. Lists and objects may also be JSON text, as in Parquet columns.
- **Images**: under many keys of a record or a turn ([keys.md](keys.md)), as content parts, as `<img>path</img>`, as `file://` or `data:` URIs, as base64, or as bytes in Parquet. Each
  mark such as `<image>` takes the next image; if the numbers differ, the record is quarantined (`image.count_mismatch`). Records with video or audio
  are quarantined too (`media.unsupported`).
- **Session files**: a file of Claude Code, Codex, Gemini CLI or OSWorld, one event a line, is recognised by its first lines, and so is a file that is one list of turns, as those of
  UI-TARS and WebVoyager are. Each conversation of such a file is one record, with the number of its first line: a side chain, what follows a compaction, and each of several
  sessions are conversations of their own, with the episode id of their session. Every line is in exactly one record. Turns that the user took back are left out, and counted as unread. Such a
  file must fit into `limits.line_bytes`. `records: line` or `records: file` of a source says otherwise than `auto`.
- **Tool calls**: read from `tool_calls`, the older `function_call`, GLM's `metadata`, and content parts. Only the model `glm_4` has a format of its own for calls and results. For any other
  model set `tool_syntax: hermes` (or `json`) in its dialect; without it, records with tools are quarantined for this dialect (`tokens.tools_unsupported`). Arguments that are JSON
  objects are written in one uniform way; arguments that are text stay unchanged.
- **Calls in text**: an answer whose text ends with calls becomes text and calls (`repair.tool_call_extracted`), in the syntaxes {SYNTAXES}. Tags that mean
  nothing else are enough; {UNTAGGED} need a result that follows, or names that `tools` declares or earlier calls have. Results in the next question (`<tool_response>`, `Observation:`,
  `EXECUTION RESULT of [name]:` and the like) become tool results, and tool definitions in the words of a known template are moved to `tools`. A call in quotes, in a block of code or before other
  text stays text, with the note `tool.call_in_text`; so does one in a list, in indented lines or after a colon, unless a result follows, its name is declared, or the conversation has
  such calls already. `calls_in_text: none`, or a list of syntaxes, of a source says otherwise than `auto`.
- **Answers beside the turns**: if the turns end with a question, the answer is read from `response`, `output`, `completion`, `choices`, `chosen` or `answer` of the record.
- **Beginnings of answers**: a turn with `prefix: true` and the answer after it become one answer (`repair.answer_joined`), and so do a last turn of
  the assistant in a request to Anthropic, Gemini or Bedrock and the response, which continues it. A response that has the text of that turn already is the whole answer. A beginning that
  has more than text (a picture, a weight, a name) quarantines the record, and one without an answer after it is a cut answer.
- **Why an answer ended**: an answer that the log says was cut (`finish_reason: length`, `stop_reason: max_tokens`, `status: incomplete` and the like) is not trained, with the note
  `check.cut_answer` ([checks.md](checks.md)); one that was blocked (`content_filter`, `SAFETY`, `promptFeedback.blockReason`) quarantines the record, and so does a request that failed: an
  `error`, a bad `status` or a `status_code` from 400 on, beside a response. A response that is still the raw stream (`data: {...}`) is `schema.raw_stream`. One that is
  a list of chunks (`chat.completion.chunk`) is joined as OpenAI's API says; without a reason why it ended, it is cut. Chunks
  that do not make one answer quarantine the record.
- **Questions and answers**: a record with an answer and no question is quarantined, and so is one with several answers to its question (choices, completions): keep the one to train on.
  Earlier turns come from `history`, `chat_history` and the like.
- **Traces**: spans of tools, retrievers, embeddings and the like are no conversations and are quarantined by the name of their kind (`keep_if` leaves them out); so are spans that failed.
- **Agent libraries**: the messages of PydanticAI and AutoGen, and LangChain's in a state or checkpoint of LangGraph, as a file or under any key of turns. Only what the log has becomes
  a turn: where a library puts something into words that the log does not have, the record is quarantined at its place, unless `ignore` names the kind of part or message, such as
  `retry-feedback`, which then is left out. A retry that answers a call is that call's result as it is logged, without the library's own words. AutoGen's
  summaries and handoffs are left out after the results that they repeat. Events of OpenHands, steps of smolagents, histories of browser-use and threads of OpenAI's Assistants lack what
  the model saw; they are quarantined with what to log instead. The completions that OpenHands logs are read.
- **Exports of ChatGPT**: the branch of the tree `mapping` that ends at `current_node`, if it is all text; other branches are counted as unread.
- **Preferences**: the better side is trained; the rejected one is kept in column `extra`, with the note `record.rejected_kept`.
- **Reasoning**: placed once, before its turn, whichever key it came from. Only reasoning that a list of parts has between texts keeps its place. `reasoning: drop` removes all of it.
- **Loss**: nine keys say whether a turn is trained and with what weight ([below](#loss-keys)). A record whose weights a row cannot represent, such as different
  weights within one answer, is quarantined.
- **GUI episodes**: with `rows: {of: step}` a source has a conversation for each step of AndroidControl, GUI-Odyssey, AITZ, AgentNet, Mind2Web and others: [steps.md](steps.md).
- **Episodes**: `episode_id` names the keys that hold the id of an episode. The summary counts the records that have none; each of them is its own episode.

Where a record can be read in several ways, [policy.md](policy.md) says which one is taken, and why.

## One record in each format

`auto` tries the formats in this order. Each block is one record. In a JSON Lines file it stands on one line; the line breaks are for reading.
"""

AFTER = """
## Any other record: `format: fields`

Say which fields mean what. A value is a path: `data.turns`, `a[0].b`, or alternatives of it, `turns | data.turns`. A text on the way may be JSON. What is not mapped is
found under its usual keys, and every key beside a path is counted or refused as everywhere.

```yaml
sources:
  - name: support
    path: logs/*.jsonl
    format: fields
    fields:
      turns: data.dialog                # a list of turns
      turn: {role: speaker, content: body.text, calls: actions, call_id: ref, loss: weight}   # also name, metadata, images, reasoning
      roles: {customer: user, bot: assistant, backend: tool}   # to system, user, assistant, observation (or tool), function_call
      call: {name: fn, arguments: params, id: uid}
      system: data.policy               # also tools, media, id and episode_id
      images: data.pictures
      label: data.thumbs_up             # whether the answer is good
      step_id: data.number
      image_mark: "[IMG]"               # how a mark is written in the texts
```

Records with one question and one answer need no turns; several texts of a `prompt` are joined by a newline:

```yaml
    fields: {prompt: [question, context], answer: reply, history: past, rejected: worse_reply}
```

The columns that a trainer's configuration already has are taken as they are. LLaMA-Factory's entry of `dataset_info.json`, and ms-swift's `--columns`:

```yaml
    fields:
      formatting: sharegpt
      columns: {messages: dialog, tools: functions}
      tags: {role_tag: from, content_tag: value, user_tag: human, assistant_tag: gpt}
```

```yaml
    fields: {columns: {text1: query, text2: response}}
```

`tags` also takes `observation_tag`, `function_tag` and `system_tag`. Where the names in `columns` could be those of either trainer, `formatting`, `tags` or `ranking: true` say that they
are LLaMA-Factory's.

## Any record at all: a function

`format: "my_logs:read"` calls the function `read` of the module `my_logs` for each record. It takes the record as a dict and returns a dict that `auto` reads:

```python
def read(record: dict) -> dict:
    return {"messages": [{"role": "user", "content": record["ask"]}, {"role": "assistant", "content": record["say"]}], "id": record["key"]}
```

The function must be pure: the same record gives the same dict. Its module must be importable on the driver and on every worker: `spark-submit --py-files my_logs.py`.
`episodes check` imports it. The bytes of its file are part of a batch's key, so a changed function makes the batch run again. If it raises, the record is quarantined with
`format.plugin_failed`, which names the error, the file and the line.

## Loss keys

What a value under these keys means for an answer. "Weight" is what `loss_weight` in the tables gets; otherwise it is null, except that it is 0 for a turn that is not trained.

| keys of a turn | true | false | 0 | 1 | 0.3 |
|---|---|---|---|---|---|
| `loss_weight`, `weight`, `loss_scale` | trained | not trained | not trained | trained, weight 1 | trained, weight 0.3 |
| `loss_mask`, `mask`, `loss`, `train`, `trainable`, `training` | trained | not trained | not trained | trained | trained, weight 0.3 |

- `mask: true` and `loss_mask: 1` mean **trained**, as in a list of loss masks. A log that means the opposite needs a conversion first.
- The text `"true"` or `"false"` is read as true or false. A null counts as absent. Any other text, or a negative number, is `schema.field_type`.
- If several keys are given, one that says "not trained" wins. Two different weights are `schema.field_type`.
- A weight does not change `labels`; trainers that weigh turns read it from `turn_spans.weight`. Turns of other roles are never trained, whatever the keys say.
- If no answer of a record is left to train, the dialects quarantine it (`tokens.no_target`).
"""

LIST = """
## Shapes that were looked at

Each is a record, file or session of a kind that exists, with its verdict under `format: auto`: the format that reads it, or the reason that refuses it.

| shape | seen in | verdict |
|---|---|---|"""


def formats_page() -> str:
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    names = [f"`{grammar.name}`" for grammar in GRAMMARS if grammar.is_explicit], [f"`{grammar.name}`" for grammar in GRAMMARS if not grammar.is_explicit]
    yield BEFORE.rstrip("\n").replace("{SYNTAXES}", ", ".join(names[0] + names[1])).replace("{UNTAGGED}", ", ".join(names[1]))
    for name, text in EXAMPLES.items():
        made = FORMATS[name]
        yield from ("", f"`{name}`, {made.title}:", "", "```json", text.strip(), "```", "", f"Source: {made.source}.")
    yield AFTER.rstrip("\n")
    yield LIST
    for name, seen, verdict in json.loads(SHAPES.read_text(encoding="utf-8")):
        yield f"| {name} | {_FOLDER.sub('', seen).replace('|', '/').strip()} | {verdict} |"
