"""Tiny models with random weights, of the classes that the trainers train: real forward passes and real losses in a second or two on a CPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import transformers
from torch import nn
from torch.nn import functional

HIDDEN = 16
SMALL = {"hidden_size": HIDDEN, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1}
GLM_VOCABULARY, QWEN_VOCABULARY = 151552, 151936
BEGIN_OF_IMAGE, END_OF_IMAGE = 151339, 151340  # GLM-4V
IGNORED = -100


def glm(kind: str = "Glm") -> Any:
    """GLM-4 in the classes of Transformers: `Glm` is GLM-4-9B-Chat, `Glm4` is GLM-4-0414."""
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(vocab_size=GLM_VOCABULARY, head_dim=8, pad_token_id=151329, eos_token_id=[151329, 151336, 151338], **SMALL)
    return getattr(transformers, f"{kind}ForCausalLM")(config)


def qwen_vl() -> Any:
    """Qwen2.5-VL: it trains rows without pictures; no dialect of ours has its image tokens yet."""
    torch.manual_seed(0)
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    text = SMALL | {"vocab_size": QWEN_VOCABULARY, "rope_parameters": rope, "bos_token_id": None, "eos_token_id": 151645, "pad_token_id": 151643}
    vision = {"depth": 1, "hidden_size": HIDDEN, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": HIDDEN, "fullatt_block_indexes": [0]}
    config = transformers.Qwen2_5_VLConfig(text_config=text, vision_config=vision)
    return transformers.Qwen2_5_VLForConditionalGeneration(config)


class TinyMiniCPM(nn.Module):
    """As MiniCPM-V 2.6 and AgentCPM-GUI from outside: each view's pixels become 64 embeddings, which take the place of its span.

    Source of the interface: modeling_minicpmv.py of the model folders, as CPMTrainer calls it: `model(data=batch, use_cache=False)`.
    """

    def __init__(self, queries: int = 64) -> None:
        torch.manual_seed(0)
        super().__init__()
        self.config = transformers.Qwen2Config(vocab_size=QWEN_VOCABULARY, **SMALL)
        self.llm = transformers.Qwen2ForCausalLM(self.config)
        self.patches = nn.Conv2d(3, HIDDEN, kernel_size=14, stride=14)
        self.queries = nn.Parameter(torch.randn(queries, HIDDEN))

    def forward(self, data: Mapping[str, Any], use_cache: bool = False) -> Any:
        embeddings = self.llm.get_input_embeddings()(data["input_ids"]).clone()
        for row, (views, sizes, bounds) in enumerate(zip(data["pixel_values"], data["tgt_sizes"], data["image_bound"], strict=True)):
            for view, (height, width), (start, end) in zip(views, sizes.tolist(), bounds.tolist(), strict=True):
                embeddings[row, start:end] = self._resampled(view, height * width)
        return self.llm(inputs_embeds=embeddings, attention_mask=data["attention_mask"], position_ids=data["position_ids"], use_cache=use_cache)

    def _resampled(self, view: torch.Tensor, patches: int) -> torch.Tensor:
        """Pixels [3, 14, patches * 14] -> [queries, hidden]."""
        found = self.patches(view[None]).flatten(2)[0].T
        if len(found) != patches:
            raise ValueError(f"a view of {len(found)} patches, where tgt_sizes has {patches}")
        return functional.softmax(self.queries @ found.T, dim=-1) @ found


class CPMTrainer(transformers.Trainer):
    """The loss of upstream's CPMTrainer: labels are moved already, so nothing is moved here. Source: finetune/trainer.py @ 0dbb566."""

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        labels = inputs.pop("labels")
        outputs = model(data=inputs, use_cache=False)
        loss = functional.cross_entropy(outputs.logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)
        return (loss, {"loss": loss, "logits": outputs.logits}) if return_outputs else loss


class TinyGlm4v(nn.Module):
    """As GLM-4V-9B from outside: the model puts the embeddings of the picture between its two marks, and ignores their labels.

    Source of the interface: modeling_chatglm.py of the model folder, ChatGLMForConditionalGeneration.forward.
    """

    def __init__(self) -> None:
        super().__init__()
        self.llm = glm()
        self.config, self.generation_config = self.llm.config, self.llm.generation_config
        self.patches = nn.Conv2d(3, HIDDEN, kernel_size=280, stride=280)  # 4 x 4

    def forward(self, input_ids: Any, attention_mask: Any, labels: Any = None, images: Any = None, position_ids: Any = None) -> Any:
        embeddings, mask, labels = self._with_pictures(input_ids, attention_mask, labels, images)
        return self.llm(inputs_embeds=embeddings, attention_mask=mask, labels=labels)

    def generate(self, input_ids: Any, attention_mask: Any, images: Any = None, position_ids: Any = None, **settings: Any) -> Any:
        embeddings, mask, _ = self._with_pictures(input_ids, attention_mask, None, images)
        made = self.llm.generate(inputs_embeds=embeddings, attention_mask=mask, generation_config=self.generation_config, **settings)
        return torch.cat([input_ids, made], dim=1)

    def _with_pictures(self, input_ids: Any, mask: Any, labels: Any, images: Any) -> tuple[Any, Any, Any]:
        """(embeddings, mask, labels) with what the picture of each row becomes between its marks."""
        embeddings = self.llm.get_input_embeddings()(input_ids)
        if images is None:
            return embeddings, mask, labels
        pictures = self.patches(images).flatten(2).transpose(1, 2)
        ones = torch.ones(pictures.shape[:2], dtype=mask.dtype, device=mask.device)
        marks = [(ids.index(BEGIN_OF_IMAGE), ids.index(END_OF_IMAGE)) for ids in input_ids.tolist()]
        longer = [(embeddings, pictures), (mask, ones), *([(labels, ones * IGNORED)] if labels is not None else [])]
        rows = [
            torch.stack([torch.cat([values[row, : begin + 1], inside[row], values[row, end:]]) for row, (begin, end) in enumerate(marks)])
            for values, inside in longer
        ]
        return rows[0], rows[1], rows[2] if labels is not None else None


class GenerationTrainer(transformers.Seq2SeqTrainer):
    """Evaluates by generation, as upstream's Seq2SeqTrainer: `output_ids` are the labels. Source: finetune.py, finetune_vision.py @ f27a106."""

    def prediction_step(self, model: Any, inputs: dict[str, Any], *args: Any, **settings: Any) -> tuple[Any, Any, Any]:
        outputs, prompt = inputs.pop("output_ids"), inputs["input_ids"].shape[1]
        inputs.pop("labels")
        loss, generated, _ = super().prediction_step(model, inputs, *args, **settings)
        return loss, generated[:, prompt:], outputs
