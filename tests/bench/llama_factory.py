"""LLaMA-Factory's preprocessing of a folder of sharegpt records, run by the Python of its own environment: it wants other libraries than we do.

    python llama_factory.py FOLDER TOKENIZER_JSON PROCESSES [PICTURES]

FOLDER holds records.jsonl and is given dataset_info.json; PICTURES is the folder of what its records name. Prints {"rows", "tokens"} of the dataset
that its trainer would read. Pictures are preprocessed as for Qwen2-VL: the processor of MiniCPM-V is code from a hub.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from types import SimpleNamespace


def main(folder: Path, tokenizer_json: Path, processes: int, pictures: Path | None = None) -> None:
    os.environ |= {"HF_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "DISABLE_VERSION_CHECK": "1"}
    # Its newest release that is installed beside another torch refuses to be imported, and no text needs it.
    sys.modules["torchaudio"] = module_from_spec(ModuleSpec("torchaudio", None))
    from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
    from llamafactory.hparams import DataArguments, ModelArguments
    from transformers import PreTrainedTokenizerFast, Seq2SeqTrainingArguments

    columns = {"messages": "conversations"} | ({"images": "images"} if pictures else {"system": "system", "tools": "tools"})
    described = {"bench": {"file_name": "records.jsonl", "formatting": "sharegpt", "columns": columns}}
    (folder / "dataset_info.json").write_text(json.dumps(described))
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(tokenizer_json), eos_token="<|im_end|>" if pictures else "<|user|>", pad_token="<|endoftext|>")
    processor = None
    if pictures:
        from transformers import Qwen2VLImageProcessor

        tokenizer.add_special_tokens({"additional_special_tokens": ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>"]})
        processor = SimpleNamespace(image_processor=Qwen2VLImageProcessor(), tokenizer=tokenizer)
    data = DataArguments(
        dataset="bench",
        dataset_dir=str(folder),
        media_dir=str(pictures) if pictures else None,
        template="qwen2_vl" if pictures else "glm4",
        cutoff_len=65_536,
        preprocessing_num_workers=processes,
        overwrite_cache=True,
    )
    model = ModelArguments(model_name_or_path=str(tokenizer_json.parent))
    training = Seq2SeqTrainingArguments(output_dir=str(folder / "unused"), do_train=True, report_to="none", use_cpu=True)
    template = get_template_and_fix_tokenizer(tokenizer, data)
    made = get_dataset(template, model, data, training, stage="sft", tokenizer=tokenizer, processor=processor)["train_dataset"]
    print(json.dumps({"rows": len(made), "tokens": sum(map(len, made["input_ids"]))}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), *map(Path, sys.argv[4:]))
