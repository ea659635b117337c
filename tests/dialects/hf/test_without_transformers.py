"""Text models need no transformers: Jinja2 and tokenizers are enough."""

from __future__ import annotations

import subprocess
import sys

from tests.dialects.hf.models import family_folder

SCRIPT = """
import sys
sys.modules["transformers"] = None
from pipelines.config import DialectSettings
from pipelines.dialects import open_dialect
from pipelines.records import Conversation, Message, Origin

dialect = open_dialect(DialectSettings.model_validate({"name": "a", "model": "hf", "tokenizer": sys.argv[1], "max_tokens": 99}))
messages = (Message("user", "Hi <|im_end|>"), Message("assistant", "Hello 你好."))
given = Conversation(sample_id="s", record_id="r", episode_id="e", step_id=None, origin=Origin("k", "p", 1, "0"), format="openai", messages=messages,
                     tools=None, images=(), findings=())
print(len(dialect.complete(dialect.encode(dialect.lay_out(given))).input_ids))
"""


def test_a_text_model_is_tokenized_where_transformers_is_not_installed():
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(family_folder("qwen3"))], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20
