"""Whether a model is the one that rows were tokenized for."""

import hashlib
import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from pipelines.training import Certificate, CertificateError, TrainingSet, certify
from pipelines.training.model_tokenizer import _difference
from tests.training.publishing import publish
from tests.training.rows import row
from tests.training.scene import dialect_note, tokenizer_note

VOCABULARY = {"a": 1, "b": 2, "<|im_start|>": 5, "<|im_end|>": 6}
TEMPLATE = "{{ messages }}"
CONFIG = {"query_num": 64, "patch_size": 14, "vocab_size": 7, "slice_config": {"max_slice_nums": 9, "patch_size": 14}}


def folder(path: Path, vocabulary: dict | None = None, config: dict | None = None, template: str | None = TEMPLATE) -> Path:
    """A model folder."""
    path.mkdir()
    tokenizer = Tokenizer(WordLevel(vocabulary or VOCABULARY, unk_token="a"))
    tokenizer.save(str(path / "tokenizer.json"))
    (path / "config.json").write_text(json.dumps(config or CONFIG))
    (path / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}))
    return path


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def root_for(model: Path, root: Path, **more) -> Path:
    """A root whose rows were tokenized with this folder."""
    note = tokenizer_note(
        **{
            "file": "tokenizer.json",
            "sha256": digest((model / "tokenizer.json").read_bytes()),
            "chat_template": digest(TEMPLATE.encode()),
            "probes": [["a", [1]], ["b", [2]]],
        }
        | more
    )
    one = row([1, 2], {1}, dialect="minicpm_v_2_6", split="train")
    return publish(root, {"samples": [one]}, {"dialects": {"minicpm_v_2_6": dialect_note("minicpm_v_2_6", tokenizer=note)}})


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return folder(tmp_path / "model")


@pytest.fixture
def root(model: Path, tmp_path: Path) -> Path:
    return root_for(model, tmp_path / "root")


def test_the_folder_that_the_rows_were_tokenized_with_fits(root: Path, model: Path):
    assert certify(root, "minicpm_v_2_6", model) == Certificate(
        (
            "tokenizer.json has the same bytes",
            "the chat template is the same",
            "config.json: the number of ids is 7",
            "config.json: slice_config.max_slice_nums is 9",
            "config.json: slice_config.patch_size is 14",
            "config.json: patch_size is 14",
            "config.json: query_num is 64",
        ),
        (),
    )


def test_a_tokenizer_that_was_saved_again_fits_by_its_ids(root: Path, model: Path):
    (model / "tokenizer.json").write_text(json.dumps(json.loads((model / "tokenizer.json").read_text()), indent=7))
    assert certify(root, "minicpm_v_2_6", model).checked[0] == "2 texts and 2 control tokens have the same ids"
    assert certify(root, "minicpm_v_2_6", Tokenizer.from_file(str(model / "tokenizer.json"))).unchecked == (
        "not compared: the chat template, since the model has none",
    )


@pytest.mark.parametrize(
    "file, content, fault",
    [
        ("config.json", b"{", "config.json cannot be read: Expecting property name"),
        ("config.json", b"[1]", "config.json cannot be read: expected an object, found list"),
        ("config.json", b'{"slice_config": [9]}', "config.json cannot be read: slice_config: expected an object, found list"),
        ("config.json", b"[" * 200_000, "config.json cannot be read: "),
        ("preprocessor_config.json", b"\xff", "preprocessor_config.json cannot be read: 'utf-8' codec"),
        ("tokenizer_config.json", b"", "tokenizer_config.json cannot be read: Expecting value"),
        ("tokenizer_config.json", b"null", "tokenizer_config.json cannot be read: expected an object, found NoneType"),
        ("tokenizer_config.json", b'{"chat_template": 5}', "tokenizer_config.json cannot be read: chat_template: expected a text, or named texts"),
        ("tokenizer_config.json", b'{"chat_template": ["a"]}', "tokenizer_config.json cannot be read: chat_template: expected a text, or named texts"),
        ("tokenizer_config.json", b'{"chat_template": {"default": []}}', "tokenizer_config.json cannot be read: chat_template: expected"),
        ("tokenizer_config.json", b'{"chat_template": "\\ud800"}', "tokenizer_config.json cannot be read: 'utf-8' codec"),
        ("chat_template.json", b'"a"', "chat_template.json cannot be read: expected an object, found str"),
        ("chat_template.jinja", b"{{ \xe9 }}", "chat_template.jinja cannot be read: 'utf-8' codec"),
        ("tokenizer.json", b"{", "tokenizer.json cannot be read: Expecting property name"),
        ("tokenizer.json", b"[]", "tokenizer.json cannot be read: it has no model"),
        ("tokenizer.json", b'{"model": {}}', "tokenizer.json cannot be read: "),
        ("tokenizer.json", b'{"model": {}, "added_tokens": [1]}', "tokenizer.json cannot be read: a part of it has another form"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_fault_that_names_it(root: Path, model: Path, file: str, content: bytes, fault: str):
    (model / file).write_bytes(content)
    with pytest.raises(CertificateError) as raised:
        certify(root, "minicpm_v_2_6", model)
    _, only = str(raised.value).splitlines()
    assert only.removeprefix("- ").removeprefix("batch b1: ").startswith(fault)


def test_a_file_of_the_folder_names_the_folder(root: Path, model: Path):
    assert certify(root, "minicpm_v_2_6", model / "tokenizer.json") == certify(root, "minicpm_v_2_6", model)


@pytest.mark.parametrize("given", [{"model": 5}, {"model": b"path"}, {"tokenizer": [1]}])
def test_what_is_neither_a_folder_nor_a_tokenizer_is_told(root: Path, model: Path, given: dict):
    with pytest.raises(CertificateError, match="is neither a folder nor a tokenizer"):
        certify(root, "minicpm_v_2_6", **{"model": model} | given)


def test_every_mismatch_is_told_in_one_error(root: Path, tmp_path: Path):
    config = CONFIG | {"query_num": 96, "vocab_size": 6, "slice_config": {"max_slice_nums": 4, "scale_resolution": 336}}
    other = folder(tmp_path / "other", VOCABULARY | {"b": 3, "<|im_end|>": 2}, config, "{{ other }}")
    (other / "preprocessor_config.json").write_text(json.dumps({"max_slice_nums": 9, "image_feature_size": 96}))
    with pytest.raises(CertificateError) as raised:
        certify(root, "minicpm_v_2_6", other)
    first, *faults = str(raised.value).splitlines()
    assert first == f"the rows of dialect minicpm_v_2_6 do not fit {other}:"
    assert [fault.removeprefix("- batch b1: ") for fault in faults] == [
        "the control token <|im_end|> has id 2 in the model, and 6 in the rows",
        "1 of 2 texts have other ids in the model: 'b' is [3] there, and [2] in the rows",
        f"the chat template is another one: its sha256 is {digest(b'{{ other }}')[:12]} in the model, and {digest(TEMPLATE.encode())[:12]} where the rows were made",
        "config.json: the number of ids is 6 in the model, and 6 as the highest control token in the rows",
        "config.json: slice_config.max_slice_nums is 4 in the model, and max_slices 9 in the rows",
        "config.json: slice_config.scale_resolution is 336 in the model, and scale_resolution 448 in the rows",
        "config.json: query_num is 96 in the model, and query_tokens 64 in the rows",
        "preprocessor_config.json: image_feature_size is 96 in the model, and query_tokens 64 in the rows",
    ]


def test_ids_are_told_from_shortly_before_the_first_that_differs():
    ids = list(range(20))
    assert _difference([*ids[:12], 99, *ids[13:]], ids) == f"[10, 11, 99, 13, 14, 15, 16, 17] there, and {ids[10:18]} in the rows, from token 10 on"
    assert _difference(ids[:19], ids) == "[17, 18] there, and [17, 18, 19] in the rows, from token 17 on"
    assert _difference([], [5]) == "[] there, and [5] in the rows"


def test_a_training_set_is_certified_when_it_is_made(root: Path, model: Path, tmp_path: Path):
    assert len(TrainingSet(root, "minicpm_v_2_6", model=model)) == 1
    with pytest.raises(CertificateError, match="max_slice_nums is 2"):
        TrainingSet(root, "minicpm_v_2_6", model=folder(tmp_path / "other", config={"max_slice_nums": 2}))


def test_a_stand_in_fits_no_model_unless_it_is_allowed(model: Path, tmp_path: Path):
    root = root_for(model, tmp_path / "standin", standin=True)
    with pytest.raises(CertificateError, match="stand-in bundled"):
        certify(root, "minicpm_v_2_6", model)
    assert certify(root, "minicpm_v_2_6", model, allow_standin=True)
    assert TrainingSet(root, "minicpm_v_2_6", model=model, allow_standin=True)


def test_a_tokenizer_of_ranks_is_compared_by_its_bytes_or_by_the_trainers_own(model: Path, tmp_path: Path):
    ranks = b"YQ== 0"
    root = root_for(model, tmp_path / "ranks", file="tokenizer.model", sha256=digest(ranks))
    glm = tmp_path / "glm"
    glm.mkdir()
    (glm / "tokenizer.model").write_bytes(ranks)
    assert certify(root, "minicpm_v_2_6", glm).checked == ("tokenizer.model has the same bytes",)
    (glm / "tokenizer.model").write_bytes(ranks + b"\n")
    with pytest.raises(CertificateError, match=r"its tokenizer.model has other bytes, and nothing here can read it; pass the trainer's own: tokenizer="):
        certify(root, "minicpm_v_2_6", glm)
    assert certify(root, "minicpm_v_2_6", glm, tokenizer=Tokenizer.from_file(str(model / "tokenizer.json"))).checked


def test_a_root_that_notes_nothing_and_a_folder_that_is_not_there_are_told(model: Path, tmp_path: Path):
    old = publish(tmp_path / "old", {"samples": [row([1, 2], {1}, dialect="glm_4", split="train")]})
    with pytest.raises(CertificateError, match="batch b1: a version that did not note its tokenizer published it; run the batch again"):
        certify(old, "glm_4", model)
    with pytest.raises(CertificateError, match=r"no such folder: .*nowhere"):
        certify(old, "glm_4", tmp_path / "nowhere")


def test_a_model_that_is_no_folder_and_not_in_the_cache_is_told_with_where_it_was_looked_for(root: Path):
    with pytest.raises(
        CertificateError, match=r"^no such folder: example-org/no-such-model; the cache of Hugging Face .*Nothing is downloaded: give the model's folder"
    ):
        certify(root, "minicpm_v_2_6", "example-org/no-such-model")


def test_a_tokenizer_of_transformers_is_asked_too(root: Path, model: Path):
    class Asked:
        chat_template = TEMPLATE

        def __init__(self):
            self.inner = Tokenizer.from_file(str(model / "tokenizer.json"))

        def encode(self, text: str, add_special_tokens: bool) -> list[int]:
            return self.inner.encode(text, add_special_tokens=add_special_tokens).ids

        def convert_tokens_to_ids(self, token: str) -> int | None:
            return self.inner.token_to_id(token)

    assert certify(root, "minicpm_v_2_6", Asked()).checked == ("2 texts and 2 control tokens have the same ids", "the chat template is the same")
