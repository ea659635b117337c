"""Tokenizers as the upstream loaders expect them, over a tokenizer.json: templates and attributes as the model folders have them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

CHATML = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
# Source: chat_template of tokenizer_config.json, THUDM/glm-4-9b-chat, without its built-in tools.
GLM4 = (
    "[gMASK]<sop>{% for item in messages %}{% if item['tools'] is defined %}<|system|>\n你是一个名为 ChatGLM 的人工智能助手。你是基于智谱AI训练的语言模型 GLM-4 模型开发的，"
    "你的任务是针对用户的问题和要求提供适当的答复和支持。\n\n# 可用工具{% set tools = item['tools'] %}{% for tool in tools %}{% if tool['type'] == 'function' %}"
    "\n\n## {{ tool['function']['name'] }}\n\n{{ tool['function'] | tojson(indent=4) }}\n在调用上述函数时，请使用 Json 格式表示调用的参数。{% endif %}{% endfor %}{% endif %}"
    "{% if item['content'] %}<|{{ item['role'] }}|>{{ item['metadata'] }}\n{{ item['content'] }}{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@cache
def minicpm_tokenizer(file: Path, model: str) -> Any:
    """With the attributes of MiniCPM-V's tokenizer classes. transformers 5 returns a dict where upstream needs ids."""
    from transformers import PreTrainedTokenizerFast

    class MiniCPM(PreTrainedTokenizerFast):
        def apply_chat_template(self, *args: Any, **kwargs: Any) -> Any:
            return super().apply_chat_template(*args, **({"return_dict": False} | kwargs))

    stop = {"minicpm_v_2": "</s>", "minicpm_v_2_5": "<|eot_id|>"}.get(model, "<|im_end|>")
    first = {"minicpm_v_2": "<s>", "minicpm_v_2_5": "<|begin_of_text|>"}.get(model)
    tokenizer = MiniCPM(tokenizer_file=str(file), unk_token="<unk>", eos_token=stop, bos_token=first, chat_template=CHATML)
    tags = {
        "im_start": "<image>",
        "im_end": "</image>",
        "slice_start": "<slice>",
        "slice_end": "</slice>",
        "im_id_start": "<image_id>",
        "im_id_end": "</image_id>",
    }
    for name, tag in tags.items():
        setattr(tokenizer, name, tag)
        setattr(tokenizer, f"{name}_id", tokenizer.convert_tokens_to_ids(tag))
    tokenizer.eos_id = tokenizer.convert_tokens_to_ids(stop)
    if model == "minicpm_v_2_5":
        tokenizer.eot_id = tokenizer.eos_id
        tokenizer.add_bos_token = False  # the template writes it
        _without_bos(tokenizer)
    return tokenizer


def _without_bos(tokenizer: Any) -> None:
    from tokenizers.processors import Sequence

    tokenizer.backend_tokenizer.post_processor = Sequence([])


@cache
def glm4_tokenizer(file: Path) -> Any:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(tokenizer_file=str(file), chat_template=GLM4, pad_token="<|endoftext|>", eos_token="<|endoftext|>")


@cache
def glm4v_tokenizer(file: Path) -> Any:
    return Glm4v(file)


class Glm4v:
    """As tokenization_chatglm.py of glm-4v-9b: header and text apart, no control tokens in texts, one picture."""

    def __init__(self, file: Path) -> None:
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_file(str(file))
        self.tokenizer.encode_special_tokens = True

    def apply_chat_template(self, conversation: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
        ids, pictures = [self._id("[gMASK]"), self._id("<sop>")], []
        for message in conversation:
            picture = message.get("image")
            if picture is not None:
                picture.convert("RGB")  # a path is none
                pictures.append(picture)
            assert len(pictures) < 2, "Multiple images are not supported"
            text = message.get("content") or ""
            if text or picture is not None:
                ids += [self._id(f"<|{message['role']}|>"), *self._encode(f"{message.get('metadata', '')}\n")]
                ids += [self._id(name) for name in ("<|begin_of_image|>", "<|endoftext|>", "<|end_of_image|>")] if picture is not None else []
                ids += self._encode(text)
        # The tensor of the picture, which has no part in ids and labels, is left small.
        return {"input_ids": [ids], "attention_mask": [[1] * len(ids)], "images": [[0.0] for _ in pictures]}

    def _id(self, name: str) -> int:
        return self.tokenizer.token_to_id(name)

    def _encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids
