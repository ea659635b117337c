"""LLaMA-Factory's preprocessing of a folder of sharegpt records, run by the Python of its own environment: it wants other libraries than we do.

    python llama_factory.py FOLDER TOKENIZER_JSON PROCESSES

FOLDER holds records.jsonl and is given dataset_info.json. Prints {"rows", "tokens"} of the dataset that its trainer would read.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path


def main(folder: Path, tokenizer_json: Path, processes: int) -> None:
    os.environ |= {"HF_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "DISABLE_VERSION_CHECK": "1"}
    # Its newest release that is installed beside another torch refuses to be imported, and no text needs it.
    sys.modules["torchaudio"] = module_from_spec(ModuleSpec("torchaudio", None))
    from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
    from llamafactory.hparams import DataArguments, ModelArguments
    from transformers import PreTrainedTokenizerFast, Seq2SeqTrainingArguments

    columns = {"messages": "conversations", "system": "system", "tools": "tools"}
    described = {"bench": {"file_name": "records.jsonl", "formatting": "sharegpt", "columns": columns}}
    (folder / "dataset_info.json").write_text(json.dumps(described))
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(tokenizer_json), eos_token="<|user|>", pad_token="<|endoftext|>")
    data = DataArguments(
        dataset="bench", dataset_dir=str(folder), template="glm4", cutoff_len=65_536, preprocessing_num_workers=processes, overwrite_cache=True
    )
    model = ModelArguments(model_name_or_path=str(tokenizer_json.parent))
    training = Seq2SeqTrainingArguments(output_dir=str(folder / "unused"), do_train=True, report_to="none", use_cpu=True)
    template = get_template_and_fix_tokenizer(tokenizer, data)
    made = get_dataset(template, model, data, training, stage="sft", tokenizer=tokenizer, processor=None)["train_dataset"]
    print(json.dumps({"rows": len(made), "tokens": sum(map(len, made["input_ids"]))}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
