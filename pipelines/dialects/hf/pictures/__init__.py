"""What a model's own processor writes in place of a picture, from its width and height alone.

`open_pictures(folder)` reads the processor's files; `pictures.of_all(sizes)` gives the replacements of a conversation's pictures. For Qwen-VL and
GLM-V a formula gives them, and for every other model the processor of transformers, run once per size on a blank picture.
"""

from pipelines.dialects.hf.pictures.families import PixelLimits
from pipelines.dialects.hf.pictures.opening import PictureFacts, Pictures, open_pictures
from pipelines.dialects.hf.pictures.replacement import Part, Replacement

__all__ = ["Part", "PictureFacts", "Pictures", "PixelLimits", "Replacement", "open_pictures"]
