"""The picture of an element of column `images`, wherever its file is now."""

import hashlib
import io
from pathlib import Path

import pytest
from PIL import Image

from pipelines.training.pictures import PictureChanged, PictureMissing, check_image_root, open_picture, picture_bytes
from pipelines.training.tables import open_root
from tests.training.publishing import publish


def png(color: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (3, 2), color).save(file, "PNG")
    return file.getvalue()


def image(uri: str, data: bytes) -> dict:
    return {"uri": uri, "sha256": hashlib.sha256(data).hexdigest(), "format": "PNG", "width": 3, "height": 2}


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root whose sources are `gui`, with one folder of pictures, and `web`, with two."""
    roots = {"gui": str(tmp_path / "shots"), "web": [str(tmp_path / "w0"), str(tmp_path / "w1")]}
    return publish(tmp_path / "root", {"samples": []}, {"image_roots": roots})


def test_a_picture_lies_under_the_image_root_of_its_source(root: Path, tmp_path: Path):
    put(tmp_path / "shots" / "a" / "1.png", png())
    put(tmp_path / "w1" / "2.png", png("blue"))
    assert picture_bytes(root, image("gui/a/1.png", png())) == png()
    assert picture_bytes(open_root(root), image("web/1/2.png", png("blue"))) == png("blue")
    assert open_picture(root, image("gui/a/1.png", png())).size == (3, 2)


def test_bytes_that_stood_in_the_logs_lie_under_media(root: Path):
    kept = image("data:" + hashlib.sha256(png()).hexdigest(), png())
    with pytest.raises(PictureMissing, match=r"media/"):
        picture_bytes(root, kept)
    put(root / "media" / kept["sha256"][:2] / f"{kept['sha256']}.png", png())
    assert picture_bytes(root, kept) == png()
    assert picture_bytes(root, kept, image_root="/nowhere") == png()


@pytest.mark.parametrize(
    "uri, image_root",
    [
        ("gui/a/1.png", "new"),
        ("gui/a/1.png", {"gui": "new"}),
        ("web/1/a/1.png", {"web": ["other", "new"]}),
        ("web/1/a/1.png", "new"),  # both roots were copied into one folder
        ("lost/a/1.png", "new"),  # no run names this source
    ],
)
def test_image_root_says_where_the_pictures_have_moved(root: Path, tmp_path: Path, uri: str, image_root):
    put(tmp_path / "new" / "a" / "1.png", png())
    put(tmp_path / "shots" / "a" / "1.png", png())

    def moved(given):
        if isinstance(given, dict):
            return {source: moved(folder) for source, folder in given.items()}
        return [tmp_path / folder for folder in given] if isinstance(given, list) else tmp_path / given

    assert picture_bytes(root, image(uri, png()), moved(image_root)) == png()


def test_one_folder_for_two_roots_gives_the_file_with_the_right_bytes(root: Path, tmp_path: Path):
    put(tmp_path / "new" / "1" / "a.png", png("blue"))
    put(tmp_path / "new" / "a.png", png())
    assert picture_bytes(root, image("web/1/a.png", png()), tmp_path / "new") == png()


def test_sources_that_image_root_does_not_name_stay_where_they_were(root: Path, tmp_path: Path):
    put(tmp_path / "shots" / "1.png", png())
    assert picture_bytes(root, image("gui/1.png", png()), {"web": "/nowhere"}) == png()


def test_a_picture_that_changed_is_refused(root: Path, tmp_path: Path):
    put(tmp_path / "shots" / "1.png", png("blue"))
    with pytest.raises(PictureChanged, match=r"gui/1.png: the file has changed"):
        picture_bytes(root, image("gui/1.png", png()))


def test_a_picture_that_is_gone_is_named_with_the_place_and_the_way_out(root: Path, tmp_path: Path):
    with pytest.raises(PictureMissing) as raised:
        picture_bytes(root, image("gui/1.png", png()))
    assert str(raised.value) == f"gui/1.png: no such folder: {tmp_path}/shots; if the pictures have moved, say where they are: image_root=..."
    put(tmp_path / "shots" / "2.png", png())
    with pytest.raises(PictureMissing, match=r"gui/1.png: no such file.*shots/1.png. The folder exists; "):
        picture_bytes(root, image("gui/1.png", png()))
    with pytest.raises(PictureMissing, match="no run names an image root of source lost"):
        picture_bytes(root, image("lost/1.png", png()))
    with pytest.raises(PictureMissing):
        picture_bytes(root, image("web/7/1.png", png()))


@pytest.mark.parametrize(
    "image_root, message",
    [
        (["/new"], r"a folder, or a mapping such as .*, not \['/new'\]"),
        (7, "a folder, or a mapping such as .*, not 7"),
        ({"gui": 7}, r"image_root\['gui'\] is a folder or a list of folders, not 7"),
        ({"gui": ["/new", None]}, r"image_root\['gui'\] is a folder or a list of folders, not None"),
        ({"chat": "/new"}, "image_root: no source chat; sources are gui, web"),
    ],
)
def test_an_image_root_that_nothing_can_be_read_from_is_refused(root: Path, image_root, message: str):
    with pytest.raises((TypeError, ValueError), match=message):
        picture_bytes(root, image("gui/1.png", png()), image_root)
    with pytest.raises((TypeError, ValueError), match=message):
        check_image_root(open_root(root), image_root)


def test_a_path_never_leads_out_of_its_root(root: Path, tmp_path: Path):
    put(tmp_path / "secret.png", png())
    (tmp_path / "shots").mkdir()
    (tmp_path / "shots" / "link.png").symlink_to(tmp_path / "secret.png")
    for uri in ("gui/../secret.png", "gui/link.png", f"gui/{tmp_path}/secret.png"):
        with pytest.raises(PictureMissing, match="leads out of its folder"):
            picture_bytes(root, image(uri, png()))


def test_an_object_store_is_asked_only_where_the_uri_is_its_own(root: Path):
    with pytest.raises(PictureMissing, match="no run names an image root of source ftp:"):
        picture_bytes(root, image("ftp://host/1.png", png()))
