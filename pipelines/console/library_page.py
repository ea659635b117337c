"""docs/library.md, made from the signatures and the docstrings of what `import pipelines` offers; a test runs its examples."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pipelines

HEAD = """# In Python

What `import pipelines` offers, in a script or in a notebook. This page is generated from signatures and docstrings, and a test runs its examples, in the order of the page.

`import pipelines` takes a few milliseconds: everything is loaded when it is first used, and only `run_batch` needs Spark. A notebook displays a result
when it is the last line of a cell. A *Path* is text or a `pathlib.Path`, and a *Config* a configuration that has been read. Errors are raised, not printed:
`ConfigError` (`pipelines.config`) lists all faults of a configuration, `NotPublished` (`pipelines.reading`) says what is not there.

The examples use the configuration `mine.yaml` and the logs of the README's five steps. [nightly.ipynb](nightly.ipynb) is a notebook that uses these functions. `pipelines.training` has more
for trainers ([training.md](training.md)), `pipelines.reading` more for readers of the tables."""
# In the order in which one would use them.
EXAMPLES = {
    "try_files": """
tried = pipelines.try_files("mine.yaml", "logs")
print(tried.counts["records"], "records,", tried.counts["quarantined"], "quarantined")
for reason in tried.reasons:
    print(reason.count, reason.code, reason.place)
""",
    "run_batch": """
result = pipelines.run_batch("mine.yaml", "first", settings=["gates.max_quarantined=0.5"])
print(result.status, *result.words)
""",
    "report": """
page = pipelines.report("out/mine", "first")
print(page.path)
""",
    "snapshot": """
print(pipelines.snapshot("out/mine"))
""",
    "open_table": """
train = pipelines.open_table("out/mine", "samples", dialect="minicpm_v_2_6", split="train")
print(train.count_rows(), "rows")
print(train.head(2, columns=["sample_id", "num_tokens", "num_target_tokens"]).to_pandas())
""",
    "show": """
rows = pipelines.open_table("out/mine", "samples").head(2).to_pylist()
pipelines.show("out/mine", rows[0]["sample_id"][:12])  # a published record, by the beginning of its id
pipelines.show(rows[1], root="out/mine")  # a row
pipelines.show(tried.rows[1], config="mine.yaml")  # a row of try_files
""",
    "TrainingSet": """
train = pipelines.TrainingSet("out/mine", "minicpm_v_2_6", "train", arrays="numpy")  # without arrays=, tensors
item = train[0]
print(len(train), "items;", item["input_ids"].shape, item["labels"].shape)
""",
}


def library_page() -> str:
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield HEAD
    yield ""
    yield from ("| name | what it is |", "|---|---|")
    for name in EXAMPLES:
        yield f"| [`{name}`](#{name.lower()}) | {inspect.cleandoc(getattr(pipelines, name).__doc__).split('. ')[0].partition(chr(10))[0].rstrip('.;:')} |"
    for name, example in EXAMPLES.items():
        thing = getattr(pipelines, name)
        yield from ("", f"## {name}", "", "```python", *_signature(name, thing), "```", "", inspect.cleandoc(thing.__doc__))
        returned = thing.__globals__.get(thing.__annotations__["return"]) if inspect.isfunction(thing) else None
        if inspect.isclass(returned) and returned.__module__ == thing.__module__:
            yield from ("", f"The result is a `{returned.__name__}`. {inspect.cleandoc(returned.__doc__ or '')}")
        yield from ("", "```python", example.strip(), "```")


def _signature(name: str, thing: Any) -> list[str]:
    """`name(first: str, *, second: int = 0) -> int`, with a line for each parameter where one line is too long."""
    found = inspect.signature(thing)
    words, keyword_only = [], False
    for one in found.parameters.values():
        if one.kind is one.KEYWORD_ONLY and not keyword_only:
            words.append("*")
            keyword_only = True
        default = "" if one.default is one.empty else f' = "{one.default}"' if isinstance(one.default, str) else f" = {one.default!r}"
        words.append(f"{one.name}: {one.annotation}{default}")
    returns = f" -> {found.return_annotation}" if found.return_annotation not in (None, "None", inspect.Signature.empty) else ""
    line = f"{name}({', '.join(words)}){returns}"
    return [line] if len(line) <= 120 else [f"{name}(", *(f"    {word}," for word in words), f"){returns}"]
