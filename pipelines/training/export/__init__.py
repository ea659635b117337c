"""Published rows in the form of a trainer: `export`. One file per trainer, or per family of trainers."""

from pipelines.training.export.exporting import export
from pipelines.training.export.forms import FORMS
from pipelines.training.export.rows import ExportError

__all__ = ["FORMS", "ExportError", "export"]
