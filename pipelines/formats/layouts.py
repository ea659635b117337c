"""Where the turns of a record are, for every shape but the four chat formats: one row a shape, in the order in which `auto` tries them.

A row names paths (paths.py). The turns themselves are read alike everywhere (turns.py); so are the keys of the record and of the objects in
`holders` (keys.py: system, tools, images, ids). To add a shape, add a row, and a record of it to tests/formats/examples.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.formats.keys import TURN_FIELDS
from pipelines.formats.libraries.not_read import why_not_lists
from pipelines.formats.pieces import Layout, Piece
from pipelines.formats.span_kinds import SPAN_KINDS

ANSWER = (
    "{0}.choices[0].message | {0}.choices[0].text | {0}.candidates[0].content | {0}.output.message | {0}.output.choices[0].message | {0}.output"
    " | {0}.message | {0}.messages | {0}.body.choices[0].message | {0}.body.candidates[0].content | {0}.body.output | {0}.body | {0}"
)
REQUESTS = ("request", "request.body", "request_body", "requestBody", "data.request", "body")
RESPONSES = ("response", "response_body", "responseBody", "data.response")
ASKED = " | ".join(f"{name}.{key}" for name in REQUESTS for key in ("messages", "contents", "input", "prompt"))
ANSWERED = " | ".join(RESPONSES)
OUTPUT = "output | completion | response | answer | answers | outputs | solution"
HISTORY = "history | chat_history | conversation_history | message_history"
QUESTION = "prompt | question | query | instruction | input | problem"
ASKED_LAST = f"{QUESTION} | message | user_input"
TURNS = (
    "conversation | trajectory | traj | history | dialog | dialogue | turns | chat_history | chat_messages | chat | message_history | texts | items"
    " | values.messages | channel_values.messages | checkpoint.channel_values.messages | llm_context.messages | agent_state.llm_context.messages | state.messages | data.messages | body.messages | events | steps"
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


def under(holder: str, paths: str) -> str:
    """These paths in an object.

    >>> under("input", "a | b")
    'input.a | input.b'
    """
    return " | ".join(f"{holder}.{path}" for path in paths.split(" | "))


def _asks_again(record: Mapping[str, Any]) -> bool:
    """Whether the turns of a history have the question themselves: then they are the whole conversation."""
    texts = [record[key] for key in HISTORY.split(" | ") if isinstance(record.get(key), str)]
    texts += [
        turn.get(name)
        for key in HISTORY.split(" | ")
        if isinstance(record.get(key), list)
        for turn in record[key]
        if isinstance(turn, dict)
        for name in TURN_FIELDS["content"]
    ]
    question = next((record[key] for key in ASKED_LAST.split(" | ") if isinstance(record.get(key), str)), "")
    return any(question.strip() in text for text in texts if isinstance(text, str))


LAYOUTS: dict[str, Layout] = {
    "request": Layout(
        title="a request to a chat API with its response",
        source="logs of LiteLLM, Helicone, MLflow, vLLM and other gateways; OpenAI chat completions, Anthropic messages, Gemini generateContent",
        needs=((ASKED, "any"), (ANSWERED, "any")),
        holders=(*REQUESTS, *(f"{name}.config" for name in REQUESTS)),
        has_prefix=True,
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
        pieces=(Piece(HISTORY, "history"), Piece(QUESTION, "user"), Piece("chosen", "assistant")),
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
        has_prefix=True,
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
        kinds=SPAN_KINDS,
        pieces=(
            Piece("attributes.gen_ai.input.messages | attributes.gen_ai.prompt | gen_ai.input.messages", "user"),
            Piece("attributes.gen_ai.output.messages | attributes.gen_ai.completion | gen_ai.output.messages", "assistant"),
        ),
    ),
    "otel_events": Layout(
        title="OpenTelemetry GenAI spans with the messages as events: gen_ai.user.message, gen_ai.choice",
        source="open-telemetry/semantic-conventions, gen-ai events, up to version 1.36",
        needs=(("events", "spoken"), ("attributes | trace_id | traceId | span_id | name", "any")),
        kinds=SPAN_KINDS,
        pieces=(Piece("events"),),
    ),
    "openinference": Layout(
        title="OpenInference spans: attributes llm.input_messages and llm.output_messages",
        source="Arize-ai/openinference spec/semantic_conventions.md",
        needs=(("attributes.llm.input_messages | llm.input_messages", "any"),),
        holders=("attributes.llm | llm",),
        repeats=("attributes.input", "attributes.output", "input", "output"),
        other_meaning=("system",),  # the name of the provider
        kinds=SPAN_KINDS,
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
        kinds=SPAN_KINDS,
        pieces=(
            Piece(under("inputs", HISTORY), "history"),
            Piece("inputs.prompts[0]", "prompt"),
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
            Piece(HISTORY, "history"),
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
        kinds=SPAN_KINDS,
        pieces=(
            Piece(under("input", HISTORY), "history"),
            Piece(
                # `input.query` is as often what a search was given
                "input.messages | input.contents | input.args[0].messages | input.inputBodyJson.messages"
                " | input.prompt | input.question | input.instruction | input.input | input.user_input | input.user | input",
                "user",
            ),
            Piece(
                f"output.outputBodyJson.output.message | output.outputBodyJson | output.answer | output.response | output.result | {ANSWER.format('output')}",
                "assistant",
            ),
        ),
    ),
    "history": Layout(
        title="a question and an answer after earlier turns: history or chat_history; question or message; answer",
        source="modelscope/ms-swift docs; chains of LangChain with memory; Cohere's chat API",
        needs=((HISTORY, "spoken"), (ASKED_LAST, "text"), (OUTPUT, "any")),
        unless=_asks_again,
        pieces=(Piece(HISTORY, "history"), Piece(ASKED_LAST, "user"), Piece(f"response.text | {OUTPUT}", "assistant")),
        has_reasoning=True,
    ),
    "trajectory": Layout(
        title="turns under another key: conversation, trajectory, traj, history, dialog, steps and others",
        source="allenai/WildChat, nebius/SWE-rebench-openhands-trajectories, sierra-research/tau-bench",
        needs=((TURNS, "spoken"),),
        unless=lambda record: why_not_lists(record) != "",
        repeats=("trajectory",),  # SWE-agent's steps, whose turns are under history
        pieces=(Piece(TURNS, kind="spoken"), Piece(OUTPUT, "assistant")),
    ),
    "prompt_completion": Layout(
        title="a question and an answer: prompt or query or question; completion or response or answer",
        source="huggingface/trl, dataset formats; modelscope/ms-swift docs; Salesforce/xlam-function-calling-60k",
        needs=((QUESTION, "any"), (OUTPUT, "any")),
        pieces=(Piece(HISTORY, "history"), Piece(QUESTION, "user"), Piece(OUTPUT, "assistant")),
        has_reasoning=True,
    ),
}
