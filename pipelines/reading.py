"""The functions for readers of the published tables. Readers see whole batches only: the tables as the last row of `runs` names them.

from pipelines.reading import open_table
rows = open_table("out/demo", "samples").to_table(filter=(ds.field("split") == "train"))
"""

from pipelines.tables.reading import NotPublished, open_files, open_table, published_snapshot, run_rows, table_files
from pipelines.training.pictures import PictureChanged, PictureMissing, open_picture

__all__ = ["NotPublished", "PictureChanged", "PictureMissing", "open_files", "open_picture", "open_table", "published_snapshot", "run_rows", "table_files"]
