"""The rows of a dialect as a data set, with pixels and laws."""

import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from pipelines.training import LawBroken, MixedSettings, NotPublished, PictureBatches, PictureChanged, PictureMissing, TrainingSet, eval_items
from pipelines.training.items import item_of
from tests.training.publishing import publish
from tests.training.rows import row, turn
from tests.training.scene import dialect_note, golden_root, tokenizer_note, with_pictures


def text_row(name: str = "s1", **more) -> dict:
    """A row with columns of the types that a table needs."""
    one = row([1, 2, 3], {1, 2}, sample_id=name, turn_spans=[turn("assistant", 1, 2, 0.5)], dialect="glm_4", split="train")
    return one | more


def text_root(root: Path, *rows: dict, **note) -> Path:
    return publish(root, {"samples": list(rows) or [text_row()]}, {"dialects": {"glm_4": dialect_note("glm_4", **note)}})


@pytest.fixture(scope="module")
def minicpm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return golden_root(tmp_path_factory.mktemp("minicpm"), "minicpm_v_2_6")


def test_items_have_the_form_of_the_dialects_model(minicpm: Path, tmp_path: Path):
    assert set(TrainingSet(text_root(tmp_path), "glm_4", arrays="numpy")[0]) == {"input_ids", "labels"}
    assert set(TrainingSet(tmp_path, "glm_4", form="hf", arrays="numpy")[0]) == {"input_ids", "labels", "attention_mask"}
    ours = TrainingSet(minicpm, "minicpm_v_2_6", arrays="numpy")
    assert set(ours[0]) == {"input_ids", "labels", "attention_mask", "position_ids", "image_bound", "tgt_sizes", "pixel_values"}


def test_every_view_has_pixels_of_its_target_size(minicpm: Path):
    ours = TrainingSet(minicpm, "minicpm_v_2_6", arrays="numpy")
    assert len(ours) == 12
    for item in ours:
        assert [pixels.shape for pixels in item["pixel_values"]] == [(3, 14, height * width * 14) for height, width in item["tgt_sizes"]]
        assert len(item["image_bound"]) == len(item["pixel_values"])


@pytest.mark.parametrize("model", ["agentcpm_gui", "glm_4v"])
def test_the_pixels_of_other_models(model: str, tmp_path: Path):
    ours = TrainingSet(golden_root(tmp_path, model, limit=3), model, arrays="numpy")
    batch = ours.collate([ours[0], ours[1]])
    if model == "glm_4v":
        assert (batch["images"].shape, "position_ids" in batch) == ((2, 3, 1120, 1120), False)
    else:
        assert [pixels.shape[2] for pixels in batch["pixel_values"][0]] == [14 * height * width for height, width in batch["tgt_sizes"][0]]


def test_a_batch_has_the_rows_in_the_order_of_the_table(minicpm: Path):
    ours = TrainingSet(minicpm, "minicpm_v_2_6", arrays="numpy")
    batch = ours.collate([ours[number] for number in range(3)])
    for number in range(3):
        wanted = item_of(ours.row(number), "minicpm")
        size = len(wanted["input_ids"])
        assert batch["labels"][number, :size].tolist() == wanted["labels"].tolist()


def test_a_set_that_was_sent_to_a_worker_gives_the_same_items_even_after_a_later_publication(tmp_path: Path):
    ours = TrainingSet(text_root(tmp_path), "glm_4", arrays="numpy")
    sent = pickle.dumps(ours)
    assert len(sent) < 5000
    text_root(tmp_path / "later", text_row("other"))
    publish(tmp_path, {"samples": [text_row("s2")]}, batch="b2", hour=5)
    again = pickle.loads(sent)
    assert [row["sample_id"] for row in map(again.row, range(len(again)))] == ["s1"]
    assert again[0]["input_ids"].tolist() == [1, 2, 3]


def test_processes_share_a_cache_that_is_written_once(minicpm: Path, tmp_path: Path):
    plain = TrainingSet(minicpm, "minicpm_v_2_6", arrays="numpy")
    with ThreadPoolExecutor(4) as threads:
        sets = list(threads.map(lambda _: TrainingSet(minicpm, "minicpm_v_2_6", arrays="numpy", cache=tmp_path), range(4)))
    (file,) = tmp_path.glob("*.arrow")
    written = file.stat().st_mtime_ns
    for ours in [*sets, pickle.loads(pickle.dumps(sets[0]))]:
        assert all(np.array_equal(ours[number]["labels"], plain[number]["labels"]) for number in range(len(plain)))
    assert file.stat().st_mtime_ns == written
    assert not list(tmp_path.glob("*.tmp"))
    TrainingSet(minicpm, "minicpm_v_2_6", arrays="numpy", cache=tmp_path, split="val")
    assert len(list(tmp_path.glob("*.arrow"))) == 2


@pytest.mark.parametrize("kept", [0, 7, 300, -1])
def test_a_cache_file_that_was_cut_short_is_written_again(tmp_path: Path, kept: int):
    root = text_root(tmp_path / "root")
    TrainingSet(root, "glm_4", cache=tmp_path)
    (file,) = tmp_path.glob("*.arrow")
    whole = file.read_bytes()
    file.write_bytes(whole[:kept])
    assert TrainingSet(root, "glm_4", arrays="numpy", cache=tmp_path)[0]["input_ids"].tolist() == [1, 2, 3]
    assert file.read_bytes() == whole


def test_a_root_that_was_made_anew_at_the_same_path_gets_a_cache_of_its_own(tmp_path: Path):
    root = tmp_path / "root"
    for ids in ([1, 2, 3], [4, 5, 6]):
        shutil.rmtree(root, ignore_errors=True)
        text_root(root, text_row(input_ids=ids, labels=[-100, *ids[1:]]))
        assert TrainingSet(root, "glm_4", arrays="numpy", cache=tmp_path)[0]["input_ids"].tolist() == ids
    publish(root, {"samples": [text_row()]}, hour=2)
    TrainingSet(root, "glm_4", arrays="numpy", cache=tmp_path)
    assert len(list(tmp_path.glob("*.arrow"))) == 3


def test_rows_take_about_eight_bytes_a_token(tmp_path: Path):
    long = [text_row(f"s{number}", input_ids=[1] * 4000, labels=[-100] * 3999 + [1], turn_spans=[turn("assistant", 3999, 4000)]) for number in range(50)]
    assert TrainingSet(text_root(tmp_path, *long), "glm_4", arrays="numpy").nbytes < 8.1 * 4000 * 50


def test_weights_are_a_column_on_demand(tmp_path: Path):
    ours = TrainingSet(text_root(tmp_path), "glm_4", arrays="numpy", weights=True)
    assert ours[0]["loss_weight"].tolist() == [0, 0.5, 0.5]
    assert ours.collate([ours[0]])["loss_weight"].tolist() == [[0, 0.5, 0.5]]


def test_weights_need_turn_spans(tmp_path: Path):
    with pytest.raises(ValueError, match="some rows have no turn_spans"):
        TrainingSet(text_root(tmp_path, text_row(), text_row("s2", turn_spans=None)), "glm_4", weights=True)


def test_rows_with_and_without_pictures_can_be_told_apart(minicpm: Path):
    either = TrainingSet(minicpm, "minicpm_v_2_6", arrays="numpy")
    only = TrainingSet(minicpm, "minicpm_v_2_6", arrays="numpy", pictures="only")
    without = TrainingSet(minicpm, "minicpm_v_2_6", arrays="numpy", pictures="without")
    assert 0 < len(without) < len(only) < len(either) == len(only) + len(without)
    assert all(only.row(number)["images"] for number in range(len(only)))
    assert not any(without.row(number)["images"] for number in range(len(without)))
    assert without[0]["pixel_values"] == []


def test_batches_of_rows_with_or_without_pictures_have_each_row_once(minicpm: Path):
    ours = TrainingSet(minicpm, "minicpm_v_2_6", arrays="numpy")
    sampler = PictureBatches(ours, 5, seed=3)
    first, same = list(sampler), list(sampler)
    assert first == same
    assert len(first) == len(sampler)
    assert sorted(number for batch in first for number in batch) == list(range(12))
    assert all(len({bool(ours.has_picture[number]) for number in batch}) == 1 for batch in first)
    sampler.set_epoch(1)
    assert list(sampler) != first
    assert next(iter(PictureBatches(ours, 100, shuffle=False))) == np.flatnonzero(ours.has_picture).tolist()


def test_a_form_without_pixels_refuses_rows_with_pictures(minicpm: Path):
    with pytest.raises(ValueError, match="rows have pictures, for which form hf has no pixels"):
        TrainingSet(minicpm, "minicpm_v_2_6", form="hf")
    assert len(TrainingSet(minicpm, "minicpm_v_2_6", form="hf", arrays="numpy", pictures="without")[0]) == 3


def test_a_row_that_breaks_a_law_does_not_leave(tmp_path: Path):
    ours = TrainingSet(text_root(tmp_path, text_row(), text_row("s2", labels=[-100, 3, -100])), "glm_4", arrays="numpy")
    assert len(ours[0]["labels"]) == 3
    with pytest.raises(LawBroken, match="sample s2: the label at 1 is 3"):
        ours[1]


@pytest.mark.parametrize(
    "change, fault",
    [
        ({"num_tokens": 4}, "num_tokens is 4, and the row has 3"),
        ({"num_target_tokens": 1}, "num_target_tokens is 1, and the row has 2"),
        ({"labels": [-100, 2, -100], "num_target_tokens": 1}, "the token that ends it is not"),
        ({"turn_spans": [turn("assistant", 1, 2, 0.0)]}, "turn 0 has weight 0, and is trained"),
        ({"input_ids": [90, 2, 3]}, "1 placeholder tokens, and token_spans cover 0"),
        ({"input_ids": [1, None, 3]}, "input_ids are not token ids"),
    ],
)
def test_every_row_is_checked_by_all_that_is_noted_of_it(tmp_path: Path, change: dict, fault: str):
    one = text_row(dialect="minicpm_v_2_6", num_tokens=3, num_target_tokens=2)
    note = {"dialects": {"minicpm_v_2_6": dialect_note("minicpm_v_2_6", tokenizer=tokenizer_note(specials={"<unk>": 90}))}}
    assert TrainingSet(publish(tmp_path / "good", {"samples": [one]}, note), "minicpm_v_2_6", arrays="numpy")[0]
    with pytest.raises(LawBroken, match=fault):
        TrainingSet(publish(tmp_path / "bad", {"samples": [one | change]}, note), "minicpm_v_2_6", arrays="numpy")[0]


def test_a_picture_that_is_gone_or_changed_is_an_error_that_names_the_sample(tmp_path: Path):
    root = golden_root(tmp_path, "minicpm_v_2_6", limit=2)
    ours = TrainingSet(root, "minicpm_v_2_6", arrays="numpy")
    (file, *_) = sorted((root / "shots").glob(f"{ours.row(0)['sample_id']}*"))
    moved = file.rename(tmp_path / file.name)
    with pytest.raises(PictureMissing, match=r"image_root=") as raised:
        ours[0]
    assert raised.value.__notes__ == [f"sample {ours.row(0)['sample_id']}"]
    assert ours[1]
    assert TrainingSet(root, "minicpm_v_2_6", arrays="numpy", image_root=tmp_path)[0]
    file.write_bytes(moved.read_bytes()[:-1])
    with pytest.raises(PictureChanged):
        ours[0]


def test_a_set_is_asked_for_what_there_is(tmp_path: Path):
    text_root(tmp_path)
    with pytest.raises(NotPublished, match=r"no rows of dialect glm .*; there are glm_4"):
        TrainingSet(tmp_path, "glm")
    with pytest.raises(ValueError, match="split='valid': it is one of train, val, test"):
        TrainingSet(tmp_path, "glm_4", "valid")
    with pytest.raises(ValueError, match="form='glm': it is one of hf, glm4, glm4v, minicpm"):
        TrainingSet(tmp_path, "glm_4", form="glm")
    assert len(TrainingSet(tmp_path, "glm_4", "val")) == 0
    with pytest.raises(IndexError):
        TrainingSet(tmp_path, "glm_4", arrays="numpy")[1]
    with pytest.raises(TypeError, match="a folder, or a mapping such as"):
        TrainingSet(tmp_path, "glm_4", image_root=["/new"])
    for items in (TrainingSet(tmp_path, "glm_4", arrays="numpy"), eval_items(tmp_path, "glm_4", "val", arrays="numpy")):
        with pytest.raises(TypeError, match="an item is taken by its number, not by a slice"):
            items[0:1]


@pytest.mark.parametrize(
    "change, fault",
    [
        ({"tokenizer": {"fingerprint": "other"}}, r"tokenizer.fingerprint \(b1: f1; b2: other\)"),
        ({"options": {"max_slices": 4}}, "options"),
        ({"recipe": "upstream"}, r"recipe \(b1: sound; b2: upstream\)"),
        (None, "model .b1: glm_4; b2: not noted"),
    ],
)
def test_batches_that_were_tokenized_differently_are_not_trained_together(tmp_path: Path, change: dict | None, fault: str):
    text_root(tmp_path)
    settings = {"dialects": {"glm_4": dialect_note("glm_4", **change)}} if change else None
    publish(tmp_path, {"samples": [text_row("s2")]}, settings, batch="b2", hour=5)
    with pytest.raises(MixedSettings, match=fault):
        TrainingSet(tmp_path, "glm_4")
    assert len(TrainingSet(tmp_path, "glm_4", batch="b1")) == 1


def test_batches_whose_template_wrote_another_date_are_trained_together(tmp_path: Path):
    for number, batch in enumerate(("b1", "b2"), 1):
        settings = {"dialects": {"chat": dialect_note("hf", options={"date": f"2026-11-2{number}", "end_of_turn": "<|user|>"})}}
        publish(tmp_path, {"samples": [text_row(batch) | {"dialect": "chat"}]}, settings, batch=batch, hour=number)
    assert len(TrainingSet(tmp_path, "chat", arrays="numpy")) == 2


def test_a_root_of_an_older_version_is_read_by_the_dialects_name(tmp_path: Path):
    old = {name: value for name, value in text_row().items() if name != "turn_spans"}
    ours = TrainingSet(publish(tmp_path, {"samples": [old]}), "glm_4", arrays="numpy")
    assert (ours.form, len(ours[0])) == ("glm4", 2)


def test_pictures_may_stand_under_media(tmp_path: Path):
    root = golden_root(tmp_path, "minicpm_v_2_6", limit=1)
    one = TrainingSet(root, "minicpm_v_2_6", arrays="numpy").row(0)
    (image,) = with_pictures(dict(one), tmp_path / "again")["images"]
    data = (tmp_path / "again" / image["uri"].removeprefix("kit/")).read_bytes()
    image["uri"] = "data:" + image["sha256"]
    place = root / "media" / image["sha256"][:2] / f"{image['sha256']}.png"
    place.parent.mkdir(parents=True)
    place.write_bytes(data)
    assert TrainingSet(root, "minicpm_v_2_6", arrays="numpy").pixels({"sample_id": "x", "images": [image]})["pixel_values"]
