"""From the published tables into the trainer. This room stands alone: it needs numpy, pyarrow and Pillow, and torch only where tensors are made.

    training_set = TrainingSet("out/demo", "minicpm_v_2_6", model="models/MiniCPM-V-2_6")
    Trainer(model, args, train_dataset=training_set, data_collator=training_set.collate)

`open_root` reads the tables as the newest run names them; `open_picture` opens an element of column `images`; `TrainingSet` gives the
items of a trainer, checked and with pixels; `eval_items` gives prompts and answers for generation; `certify` compares rows and model
before the first step. docs/training.md has a page for each trainer.
"""

from pipelines.training.certificate import Certificate, CertificateError, certify
from pipelines.training.collate import collate_glm4, collate_glm4v, collate_hf, collate_minicpm
from pipelines.training.dataset import TrainingSet
from pipelines.training.evaluation import EvalItems, eval_items
from pipelines.training.how_tokenized import MixedSettings
from pipelines.training.items import item_of, loss_weights
from pipelines.training.laws import LawBroken, check_row
from pipelines.training.picture_batches import PictureBatches
from pipelines.training.pictures import PictureChanged, PictureMissing, open_picture, picture_bytes
from pipelines.training.tables import NotPublished, Published, open_root

__all__ = [
    "Certificate",
    "CertificateError",
    "EvalItems",
    "LawBroken",
    "MixedSettings",
    "NotPublished",
    "PictureBatches",
    "PictureChanged",
    "PictureMissing",
    "Published",
    "TrainingSet",
    "certify",
    "check_row",
    "collate_glm4",
    "collate_glm4v",
    "collate_hf",
    "collate_minicpm",
    "eval_items",
    "item_of",
    "loss_weights",
    "open_picture",
    "open_root",
    "picture_bytes",
]
