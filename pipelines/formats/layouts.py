"""Where the turns of a record are, for every shape but the four chat formats: one row a shape, in the order in which `auto` tries them.

A row names paths (paths.py). The turns themselves are read alike everywhere (turns.py); so are the keys of the record and of the objects in
`holders` (keys.py: system, tools, images, ids). To add a shape, add a row, and a record of it to tests/formats/examples.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipelines.formats.keys import ROLE_TYPES, TURN_FIELDS, WRAPPERS, pair_keys
from pipelines.formats.paths import pairs_of
from pipelines.formats.transcripts import is_transcript

Role = Literal["user", "assistant", "pairs", "transcript"] | None


@dataclass(frozen=True, slots=True)
class Piece:
    """A value with turns: a list of turns, one turn, or a text. `role` is that of a text, or of a turn without one; `pairs` is a list of
    (question, answer), `transcript` a text with the names of the speakers. Several `joined` texts make one turn, with a newline between them."""

    path: str
    role: Role = None
    kind: str = "any"
    joined: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """`needs` are the paths that a record of this shape has, each with what its value must be. `rejected` is the other side of a preference.
    `source` says who documents the shape."""

    title: str
    source: str
    needs: tuple[tuple[str, str], ...]
    pieces: tuple[Piece, ...]
    holders: tuple[str, ...] = ()
    rejected: str = ""
    has_reasoning: bool = False  # beside the answer
    repeats: tuple[str, ...] = ()  # paths whose values say again what the turns say
    other_meaning: tuple[str, ...] = ()  # keys of the holders that are no fields here

    def matches(self, record: Mapping[str, Any]) -> bool:
        return all(_has(record, key, kind) for key, kind in self.needs)


def _has(record: Mapping[str, Any], path: str, kind: str) -> bool:
    """Whether one of these paths leads to a value of this kind. Plain keys only: it is asked of every record of an unknown shape."""
    return any(is_of(_value(record, option.strip()), kind) for option in path.split("|"))


def _value(record: Any, path: str) -> Any:
    for i, key in enumerate(keys := path.split(".")):
        if isinstance(record, list) and (pairs := pairs_of(record)) is not None:
            record = pairs
        if not isinstance(record, dict):
            return None
        rest = ".".join(keys[i:])
        if rest in record:
            return record[rest]
        record = record.get(key)
    return record


def is_of(value: Any, kind: str) -> bool:
    match kind:
        case "text":
            return isinstance(value, str)
        case "transcript":
            return isinstance(value, str) and is_transcript(value)
        case "object":
            return isinstance(value, dict)
        case "turns":  # a list of objects, or the JSON text of a list
            listed = isinstance(value, list) and all(isinstance(item, (dict, str)) for item in value) and any(isinstance(item, dict) for item in value)
            return listed or (isinstance(value, str) and value.lstrip()[:1] == "[")
        case "spoken":  # turns that say who speaks
            return is_of(value, "turns") and (isinstance(value, str) or any(isinstance(item, dict) and _has_speaker(item) for item in value))
        case "items":  # of the Responses API
            return isinstance(value, list) and any(isinstance(item, dict) and _is_item(item) for item in value)
        case "steps":  # of ATIF
            return isinstance(value, list) and any(isinstance(item, dict) and "source" in item and "message" in item for item in value)
        case "actions":  # of ADP
            return isinstance(value, list) and any(isinstance(item, dict) and "class_" in item for item in value)
    return value is not None


def _has_speaker(turn: Mapping[str, Any]) -> bool:
    named = any(turn.get(key) is not None for key in TURN_FIELDS["role"])
    named = named or any(isinstance(word := turn.get(key), str) and word in ROLE_TYPES for key in ("type", "source"))
    return named or pair_keys(turn) is not None or any(isinstance(turn.get(key), dict) for key in WRAPPERS)


def _is_item(item: Mapping[str, Any]) -> bool:
    content = item.get("content")
    types = [item.get("type"), *(part.get("type") for part in content if isinstance(part, dict))] if isinstance(content, list) else [item.get("type")]
    return any(isinstance(kind, str) and kind in ITEMS for kind in types)


ITEMS = ("message", "function_call", "function_call_output", "reasoning", "input_text", "output_text", "input_image")
ANSWER = (
    "{0}.choices[0].message | {0}.choices[0].text | {0}.candidates[0].content | {0}.output.message | {0}.output.choices[0].message | {0}.output"
    " | {0}.message | {0}.messages | {0}.body.choices[0].message | {0}"
)
REQUESTS = ("request", "request.body", "request_body", "requestBody", "data.request", "body")
RESPONSES = ("response", "response_body", "responseBody", "data.response")
ASKED = " | ".join(f"{name}.{key}" for name in REQUESTS for key in ("messages", "contents", "input", "prompt"))
ANSWERED = " | ".join(RESPONSES)
OUTPUT = "output | completion | response | answer | answers | outputs"
QUESTION = "prompt | question | query | instruction | input"
TURNS = (
    "conversation | trajectory | traj | history | dialog | dialogue | turns | chat_history | chat_messages | chat | message_history | texts | items"
    " | values.messages | state.messages | data.messages | body.messages | events | steps"
)
# The answer beside the turns of a chat format that end with a question, and the keys that such an answer has in a record.
LAST_ANSWER = f"choices[0].message | choices[0].text | {ANSWER.format('response')} | {ANSWER.format('output')} | completion | chosen | preferred_output | answer | message"
LAST_ANSWER_KEYS = frozenset(("choices", "response", "output", "completion", "chosen", "preferred_output", "answer", "message"))
REJECTED = {"chosen": "rejected", "preferred_output": "non_preferred_output"}  # the key of a good answer -> that of the bad one
REJECTED_BESIDE = ("rejected_response", "rejected_messages")  # ms-swift: the turns are the good side

# Keys of a record that are likely to be part of what was said. Beside turns that do not contain their text they refuse the record.
SPOKEN = frozenset(
    (
        *("prompt", "question", "query", "instruction", "input", "problem", "message", "text", "task"),
        *("context", "contexts", "passage", "passages", "document", "documents", "options", "hint"),
        *("answer", "answers", "solution", "final_answer", "outputs", "messages", "conversations", "previous_response_id"),
    )
)

LAYOUTS: dict[str, Layout] = {
    "request": Layout(
        title="a request to a chat API with its response",
        source="logs of LiteLLM, Helicone, MLflow, vLLM and other gateways; OpenAI chat completions, Anthropic messages, Gemini generateContent",
        needs=((ASKED, "any"), (ANSWERED, "any")),
        holders=(*REQUESTS, *(f"{name}.config" for name in REQUESTS)),
        pieces=(Piece(ASKED, "user"), Piece(" | ".join(ANSWER.format(name) for name in RESPONSES), "assistant")),
    ),
    "openai_preference": Layout(
        title="OpenAI preference pairs: input, preferred_output, non_preferred_output",
        source="platform.openai.com, direct preference optimization",
        needs=(("preferred_output", "any"), ("input", "any")),
        holders=("input",),
        pieces=(Piece("input.messages | input", "user"), Piece("preferred_output", "assistant")),
        rejected="non_preferred_output",
    ),
    "hh_preference": Layout(
        title="preference pairs as two texts with the names of the speakers",
        source="Anthropic/hh-rlhf",
        needs=(("chosen", "transcript"), ("rejected", "transcript")),
        pieces=(Piece("chosen", "transcript"),),
        rejected="rejected",
    ),
    "preference": Layout(
        title="preference pairs with a prompt: prompt, chosen, rejected",
        source="huggingface/trl, dataset formats; hiyouga/LLaMA-Factory data/README.md @ v0.9.5",
        needs=(("chosen", "any"), ("rejected", "any"), (QUESTION, "any")),
        pieces=(Piece("history", "pairs"), Piece(QUESTION, "user"), Piece("chosen", "assistant")),
        rejected="rejected",
    ),
    "preference_turns": Layout(
        title="preference pairs as two whole conversations: chosen, rejected",
        source="huggingface/trl, dataset formats (implicit prompt)",
        needs=(("chosen | chosen_messages", "turns"), ("rejected | rejected_messages", "any")),
        pieces=(Piece("chosen | chosen_messages"),),
        rejected="rejected | rejected_messages",
    ),
    "glaive": Layout(
        title="function calling as one text: system, chat",
        source="glaiveai/glaive-function-calling-v2",
        needs=(("chat", "transcript"),),
        pieces=(Piece("system", "transcript"), Piece("chat", "transcript")),
    ),
    "gemini": Layout(
        title="Gemini: contents of parts, with functionCall, functionResponse, inlineData; systemInstruction",
        source="ai.google.dev/api/generate-content",
        needs=(("contents", "turns"),),
        holders=("config", "generationConfig"),
        pieces=(Piece("contents", "user"), Piece("candidates[0].content | response.candidates[0].content", "assistant")),
    ),
    "responses": Layout(
        title="OpenAI Responses: items under input and output; instructions",
        source="platform.openai.com/docs/api-reference/responses",
        needs=(("input | output", "items"),),
        pieces=(Piece("input", "user"), Piece("output | response.output", "assistant")),
    ),
    "atif": Layout(
        title="ATIF trajectories: steps with source, message, tool_calls, observation",
        source="laude-institute/harbor, RFC 0001",
        needs=(("steps", "steps"),),
        holders=("agent",),
        pieces=(Piece("steps"),),
    ),
    "adp": Layout(
        title="Agent Data Protocol: content of actions and observations",
        source="neulab/agent-data-protocol schema/trajectory.py @ df5b5ad",
        needs=(("content", "actions"),),
        pieces=(Piece("content"),),
    ),
    "otel": Layout(
        title="OpenTelemetry GenAI spans: attributes gen_ai.input.messages and gen_ai.output.messages, also in OTLP's JSON",
        source="open-telemetry/semantic-conventions, gen-ai; traceloop/openllmetry",
        needs=(("attributes.gen_ai.input.messages | attributes.gen_ai.prompt | gen_ai.input.messages", "any"),),
        holders=("attributes", "attributes.llm.request"),
        pieces=(
            Piece("attributes.gen_ai.input.messages | attributes.gen_ai.prompt | gen_ai.input.messages", "user"),
            Piece("attributes.gen_ai.output.messages | attributes.gen_ai.completion | gen_ai.output.messages", "assistant"),
        ),
    ),
    "otel_events": Layout(
        title="OpenTelemetry GenAI spans with the messages as events: gen_ai.user.message, gen_ai.choice",
        source="open-telemetry/semantic-conventions, gen-ai events, up to version 1.36",
        needs=(("events", "spoken"), ("attributes | trace_id | traceId | span_id | name", "any")),
        pieces=(Piece("events"),),
    ),
    "openinference": Layout(
        title="OpenInference spans: attributes llm.input_messages and llm.output_messages",
        source="Arize-ai/openinference spec/semantic_conventions.md",
        needs=(("attributes.llm.input_messages | llm.input_messages", "any"),),
        holders=("attributes.llm | llm",),
        repeats=("attributes.input", "attributes.output", "input", "output"),
        other_meaning=("system",),  # the name of the provider
        pieces=(
            Piece("attributes.llm.input_messages | llm.input_messages", "user"),
            Piece("attributes.llm.output_messages | llm.output_messages", "assistant"),
        ),
    ),
    "langsmith": Layout(
        title="LangSmith runs: inputs, outputs",
        source="docs.langchain.com/langsmith/run-data-format",
        needs=(("inputs", "object"), ("outputs | output", "any")),
        holders=("inputs", "outputs"),
        pieces=(
            Piece(f"inputs.messages | inputs.input | inputs.{' | inputs.'.join(QUESTION.split(' | '))}", "user"),
            Piece(
                "output.choices[0].message | output.messages | output.content | output.output | output"
                " | outputs.messages | outputs.choices[0].message | outputs.generations[0][0].message | outputs.generations[0].message"
                " | outputs.generations[0][0].text | outputs.message | outputs.output | outputs.answer | outputs.content | outputs",
                "assistant",
            ),
        ),
    ),
    "alpaca": Layout(
        title="Alpaca: instruction, input, output, history",
        source="tatsu-lab/stanford_alpaca; hiyouga/LLaMA-Factory data/README.md @ v0.9.5",
        needs=(("instruction", "text"), ("output | response | completion", "any")),
        pieces=(
            Piece("history", "pairs"),
            Piece("instruction", "user", joined=("instruction", "input | context")),
            Piece("output | response | completion", "assistant"),
        ),
        has_reasoning=True,
    ),
    "langfuse": Layout(
        title="Langfuse observations: input, output",
        source="langfuse.com/docs/observability",
        needs=(("input", "any"), ("output", "any")),
        holders=("input", "input.inputBodyJson"),
        pieces=(
            Piece("input.messages | input.contents | input.args[0].messages | input.inputBodyJson.messages | input", "user"),
            Piece(f"output.outputBodyJson.output.message | output.outputBodyJson | {ANSWER.format('output')}", "assistant"),
        ),
    ),
    "trajectory": Layout(
        title="turns under another key: conversation, trajectory, traj, history, dialog, steps and others",
        source="allenai/WildChat, nebius/SWE-rebench-openhands-trajectories, sierra-research/tau-bench",
        needs=((TURNS, "spoken"),),
        repeats=("trajectory",),  # SWE-agent's steps, whose turns are under history
        pieces=(Piece(TURNS, kind="spoken"), Piece(OUTPUT, "assistant")),
    ),
    "prompt_completion": Layout(
        title="a question and an answer: prompt or query or question; completion or response or answer",
        source="huggingface/trl, dataset formats; modelscope/ms-swift docs; Salesforce/xlam-function-calling-60k",
        needs=((QUESTION, "any"), (OUTPUT, "any")),
        pieces=(Piece("history", "pairs"), Piece(QUESTION, "user"), Piece(OUTPUT, "assistant")),
        has_reasoning=True,
    ),
}
