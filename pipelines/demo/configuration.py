"""The configuration of the demo, for the folder of its input and the folder of its tables."""

from __future__ import annotations

from pipelines.demo.model import NAME

SETTINGS = """\
sources:
  - name: gui
    path: {input}/gui/{{batch}}
    image_root: {input}/screens
  - name: tools
    path: {input}/tools/{{batch}}
dialects:
  - {{name: minicpm_v_2_6, tokenizer: minicpm_v_2_6, sources: [gui], max_tokens: 4096}}
  - {{name: agentcpm_gui, tokenizer: minicpm_v_2_6, sources: [gui], max_tokens: 2048}}
  - {{name: glm_4v, tokenizer: glm_4_standin, sources: [gui], max_tokens: 8192}}
  - {{name: glm_4, tokenizer: glm_4_standin, sources: [tools], max_tokens: 8192}}   # the special ids of GLM-4 with another vocabulary: not for training
  - {{name: chatml, model: hf, tokenizer: {input}/{model}, sources: [tools], max_tokens: 8192}}   # a model folder with a chat template
split: {{by: episode_id, salt: v1, fractions: {{train: 0.8, val: 0.1, test: 0.1}}}}
output: {{root: {root}, format: delta}}
gates: {{max_quarantined: 0.3}}
"""


def demo_settings(input: str, root: str) -> str:
    """YAML. The paths are those of the input and of the tables, relative to the folder of the configuration."""
    return SETTINGS.format(input=input, root=root, model=NAME)
