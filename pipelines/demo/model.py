"""The model folder of the demo: a small chat template over a bundled vocabulary. No model was trained with it."""

from __future__ import annotations

import json
from pathlib import Path

from pipelines.tokenizers import open_vocabulary

NAME = "chatml_standin"
ENDS = ("<|im_end|>", "<|endoftext|>")
TEMPLATE = """\
{%- if tools %}
    {{- '<|im_start|>system\\n' + (messages[0].content + '\\n\\n' if messages[0].role == 'system' else '') + 'You can call these functions:\\n' }}
    {%- for tool in tools %}
        {{- (tool.function | tojson) + '\\n' }}
    {%- endfor %}
    {{- '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if not (tools and loop.first and message.role == 'system') %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content }}
        {%- for call in message.tool_calls or [] %}
            {{- ('\\n' if message.content or not loop.first else '') + '<tool_call>' + (call.function | tojson) + '</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""


def write_model(folder: Path) -> None:
    """Writes the model folder, for dialect `hf`."""
    vocabulary = open_vocabulary("minicpm_v_2_6", None, "demo")
    folder.mkdir(parents=True)
    (folder / "tokenizer.json").write_bytes(vocabulary.data)
    (folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": ENDS[0]}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [vocabulary.specials[end] for end in ENDS]}), encoding="utf-8")
