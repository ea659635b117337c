"""Exported files through the loaders of the upstream trainers: rows called exact must have our ids and labels.

    python -m tests.training.upstream_loaders --minicpm MiniCPM-V/finetune --agentcpm AgentCPM-GUI/sft --glm4 GLM-4/finetune FOLDER...

It needs torch, transformers and datasets, and folders with the upstream code at the commits that pipelines/training/export names; none of
it is part of this repository. Each FOLDER was written by `made_exports`: `root` (recipe upstream), `tokenizer.json`, `export*`.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import json
import sys
import types
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pipelines.training.tables import open_root
from tests.training.upstream_tokenizers import glm4_tokenizer, glm4v_tokenizer, minicpm_tokenizer

Row = dict[str, Any]
Made = tuple[list[int], list[int], list[list[int]] | None]  # ids, labels, spans of pictures as [start, end)
Load = Callable[[Path, Path, str, Row], Iterator[Made | Exception]]


class Refused(Exception):
    """The loader failed on a row; left alone, it would take another row at random."""


def module_of(path: Path, name: str) -> types.ModuleType:
    """Upstream's file as a module. What it imports for metrics and adapters alone may be missing."""
    importlib.import_module("transformers.trainer_seq2seq")  # looks for some of these itself, and must see that they are missing

    for missing in ("jieba", "rouge_chinese", "peft", "nltk", "nltk.translate", "nltk.translate.bleu_score", "ruamel", "ruamel.yaml", "typer"):
        if missing not in sys.modules and _is_missing(missing):
            sys.modules[missing] = _Anything(missing)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _is_missing(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is None
    except (ModuleNotFoundError, ValueError):
        return True


class _Anything(types.ModuleType):
    """A module that has every name; its members do nothing."""

    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Nothing


class _Nothing:
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def command(self) -> Callable[[Any], Any]:
        return lambda function: function

    @staticmethod
    def Argument(*args: Any, **kwargs: Any) -> Any:
        return kwargs.get("default")


def load_minicpm(code: Path, folder: Path, file: str, settings: Row) -> Iterator[Made | Exception]:
    """The items of SupervisedDataset, with the labels moved back by one."""
    dataset = module_of(code / "dataset.py", f"dataset_{code.parent.name}")
    dataset.random = types.SimpleNamespace(randint=_refuse)
    if settings["model"] == "minicpm_v_2":
        _mend_minicpm(dataset)
    options = settings["options"]
    items = dataset.SupervisedDataset(
        json.loads((folder / file).read_text(encoding="ascii")),
        _to_tensor,
        minicpm_tokenizer(folder.parent / "tokenizer.json", settings["model"]),
        {"max_slice_nums": options["max_slices"], "scale_resolution": options["scale_resolution"], "patch_size": options["patch_size"]},
        llm_type={"minicpm_v_2": "minicpm", "minicpm_v_2_5": "llama3"}.get(settings["model"], "qwen"),
        patch_size=options["patch_size"],
        query_nums=options["query_tokens"],
        batch_vision=True,
        max_length=1_000_000,
        **({"max_line_res": options["max_side"]} if settings["model"] == "agentcpm_gui" else {}),
    )
    for i in range(len(items)):
        try:
            item = items[i]
        except Exception as error:
            yield error
            continue
        spans = [] if isinstance(item["image_bound"], list) else item["image_bound"].tolist()
        if len(spans) != len(item["pixel_values"]):
            yield ValueError(f"{len(spans)} spans and {len(item['pixel_values'])} views")
            continue
        yield item["input_ids"].tolist(), [-100, *item["labels"].tolist()[:-1]], spans


def _refuse(low: int, high: int) -> int:
    raise Refused(str(sys.exc_info()[1] or "the loader failed"))


def _mend_minicpm(dataset: types.ModuleType) -> None:
    """At that commit the function returns two lists where the next line needs arrays, so it always raises."""
    import numpy as np

    broken = dataset.conversation_to_ids_minicpm

    def mended(conversation: Any, tokenizer: Any) -> Any:
        ids, context, text = broken(conversation, tokenizer)
        return np.hstack(ids), np.hstack(context), text

    dataset.conversation_to_ids_minicpm = mended


def _to_tensor(picture: Any) -> Any:
    import numpy as np
    import torch

    return torch.from_numpy(np.asarray(picture, dtype=np.float32).transpose(2, 0, 1).copy())


def load_glm4(code: Path, folder: Path, file: str, settings: Row) -> Iterator[Made | Exception]:
    """The rows of their DataManager, through datasets and process_batch."""
    script = "finetune_vision" if settings["model"] == "glm_4v" else "finetune"
    module = module_of(code / f"{script}.py", script)
    make = glm4v_tokenizer if settings["model"] == "glm_4v" else glm4_tokenizer
    manager = module.DataManager(str(folder), module.DataConfig(train_file=file))
    process = functools.partial(
        module.process_batch, tokenizer=make(folder.parent / "tokenizer.json"), max_input_length=1_000_000, max_output_length=1_000_000, combine=False
    )
    rows = manager.get_dataset(module.Split.TRAIN, process)
    for row in rows:
        yield row["input_ids"], row["labels"], None


def compare(code: Path, load: Load, folder: Path, export: Path) -> Counter[str]:
    """Counts of rows: exact and right, exact and wrong, and of the others by code and whether they differ."""
    settings = next(iter(open_root(folder / "root").settings()["dialects"].values()))
    found: Counter[str] = Counter()
    for file in sorted(export.glob("*.json*")):
        split = file.stem
        if split not in ("train", "val", "test"):
            continue
        wanted = {row["sample_id"]: row for row in open_root(folder / "root").rows("samples", split=split)}
        named = _named(export, split)
        ids = _ids_of(export, split, file)
        for i, (sample_id, made) in enumerate(zip(ids, load(code, export, file.name, settings), strict=True)):
            same = _is_same(made, wanted.get(sample_id))
            found[f"{'exact' if i not in named else '+'.join(named[i])}: {'same' if same else 'other'}"] += 1
            if i not in named and not same:
                print(f"WRONG {export} {split} {i} {sample_id}: {_difference(made, wanted.get(sample_id))}")
    return found


def _named(export: Path, split: str) -> dict[int, list[str]]:
    lines = [json.loads(line) for line in (export / "inexact.jsonl").read_text(encoding="utf-8").splitlines()]
    return {line["index"]: line["why"] for line in lines if line["split"] == split}


def _ids_of(export: Path, split: str, file: Path) -> list[str]:
    """The sample_id of each row of the file: in the file, or in the list that `made_exports` wrote beside the export."""
    if file.suffix == ".json":
        return [entry["id"] for entry in json.loads(file.read_bytes())]
    return json.loads((export.parent / f"{export.name}.ids.json").read_bytes())[split]


def _is_same(made: Made | Exception, row: Row | None) -> bool:
    if isinstance(made, Exception) or row is None:
        return False
    spans = [[span["start"], span["end"]] for image in row["images"] for span in image["token_spans"]]
    return made[0] == row["input_ids"] and made[1] == row["labels"] and made[2] in (None, spans)


def _difference(made: Made | Exception, row: Row | None) -> str:
    if isinstance(made, Exception) or row is None:
        return repr(made)[:200] if row else "no such row under recipe upstream"
    for name, ours, theirs in (("ids", row["input_ids"], made[0]), ("labels", row["labels"], made[1])):
        if ours != theirs:
            at = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
            return f"{name} differ at {at}: ours {ours[at - 2 : at + 6]}, theirs {theirs[at - 2 : at + 6]}"
    return "the spans differ"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("minicpm", "agentcpm", "glm4"):
        parser.add_argument(f"--{name}", type=Path, help="the folder of the upstream code")
    parser.add_argument("folders", nargs="+", type=Path)
    options = parser.parse_args()
    loaders = {"minicpm_v": (options.minicpm, load_minicpm), "agentcpm": (options.agentcpm, load_minicpm)}
    loaders |= {"glm4": (options.glm4, load_glm4), "glm4v": (options.glm4, load_glm4)}
    totals: dict[str, Counter[str]] = {}
    for folder in options.folders:
        for export in sorted(path for path in folder.glob("export*") if path.is_dir()):
            to = json.loads((folder / f"{export.name}.summary.json").read_bytes())
            code, load = loaders[to["to"]]
            if code is not None:
                totals.setdefault(to["model"], Counter()).update(compare(code, load, folder, export))
    for model, found in totals.items():
        print(f"{model}: {dict(sorted(found.items()))}")
    return 1 if any(found["exact: other"] for found in totals.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
