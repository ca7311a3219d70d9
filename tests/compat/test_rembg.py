"""What a program that was written for rembg meets here: types, options, sessions, errors. Its network is small."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import skimage.morphology
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp
from PIL import Image, UnidentifiedImageError

from tests.onnx_files import brightness
from u2bg.compat import rembg, rembg_pixels, rembg_session
from u2bg.compat.rembg import Session, new_session, remove
from u2bg.errors import BadModel, SourceMissing, U2bgError, UsageError


@pytest.fixture(autouse=True)
def u2net(models_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In place of u2net, a network whose map is the brightness of the picture."""
    models_home.mkdir()
    monkeypatch.setenv("MODEL_CHECKSUM_DISABLED", "1")
    rembg._kept_session.cache_clear()
    return brightness(models_home / "u2net.onnx", size=320)


@pytest.fixture
def photo() -> Image.Image:
    """Dark at the left, bright at the right, and coloured."""
    across = np.linspace(0, 255, 60).astype(np.uint8)
    return Image.fromarray(
        np.dstack([np.tile(across, (40, 1)), np.full((40, 60), 9, np.uint8), np.tile(across, (40, 1))])
    )


def as_file(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


# rembg's README, with its import changed


def test_the_examples_of_rembgs_readme_run(
    photo: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    photo.save("input.png")
    Path("folder").mkdir()
    for name in ("one.png", "two.png"):
        photo.save(f"folder/{name}")

    with open("input.png", "rb") as i, open("output.png", "wb") as o:  # input and output as bytes
        o.write(remove(i.read()))
    as_bytes = Image.open(io.BytesIO(Path("output.png").read_bytes()))

    picture = remove(Image.open("input.png"))  # as a Pillow picture
    picture.save("output2.png")

    array = remove(np.asarray(Image.open("input.png")))  # as an array

    with open("input.png", "rb") as i:  # bytes, whatever it is
        forced = remove(i.read(), force_return_bytes=True)

    session = new_session()  # a session, reused for a folder
    for file in Path("folder").glob("*.png"):
        file.with_suffix(".out.png").write_bytes(remove(file.read_bytes(), session=session))

    assert as_bytes.mode == picture.mode == "RGBA"
    assert (np.asarray(as_bytes) == array).all()
    assert (np.asarray(picture) == array).all()
    assert (np.asarray(Image.open(io.BytesIO(forced))) == array).all()
    assert len(list(Path("folder").glob("*.out.png"))) == 2


# What comes out


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I", "F", "I;16"]
)
def test_every_mode_of_pillow_becomes_rgba(mode: str, photo: Image.Image) -> None:
    picture = (
        photo.convert("L").convert("I").convert("I;16")
        if mode == "I;16"
        else (photo.convert("LA").convert("PA") if mode == "PA" else photo.convert(mode))
    )
    before = picture.tobytes()
    assert remove(picture).mode == "RGBA"
    assert remove(picture, only_mask=True).mode == "L"
    assert picture.tobytes() == before


def test_the_default_weakens_colours_and_alpha_by_the_mask(photo: Image.Image) -> None:
    cutout = np.asarray(remove(photo)).astype(float)
    mask = np.asarray(remove(photo, only_mask=True)).astype(float)
    opaque = np.dstack([np.asarray(photo), np.full((40, 60), 255)])
    np.testing.assert_array_equal(cutout, np.floor(opaque * mask[..., None] / 255 + 0.5))
    assert set(np.unique(mask)) >= {0, 255}


def test_putalpha_leaves_the_colours_and_keeps_the_profile(photo: Image.Image) -> None:
    from PIL import ImageCms

    photo.info["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    cutout = remove(as_file(photo, icc_profile=photo.info["icc_profile"]), putalpha=True)
    opened = Image.open(io.BytesIO(cutout))
    np.testing.assert_array_equal(np.asarray(opened)[..., :3], np.asarray(photo))
    assert opened.info["icc_profile"] == photo.info["icc_profile"]
    assert "icc_profile" not in Image.open(io.BytesIO(remove(as_file(photo)))).info


def test_the_mask_wins_over_matting_and_background(photo: Image.Image) -> None:
    mask = remove(photo, only_mask=True)
    assert remove(photo, only_mask=True, bgcolor=(1, 2, 3, 255), putalpha=True).tobytes() == mask.tobytes()


def test_a_background_is_laid_under_the_cutout(photo: Image.Image) -> None:
    laid = np.asarray(remove(photo, bgcolor=(10, 200, 30, 255)))
    assert (laid[..., 3] == 255).all()
    assert laid[0, 0].tolist() == [10, 200, 30, 255]


def test_a_photo_on_its_side_comes_upright_and_the_callers_stays(photo: Image.Image) -> None:
    turned = Image.open(
        io.BytesIO(
            as_file(
                photo, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
            )
        )
    )
    assert remove(turned).size == (40, 60)
    assert turned.size == (60, 40)


def test_an_array_that_comes_out_cannot_be_written_to(photo: Image.Image) -> None:
    grey = np.asarray(photo.convert("L"))
    assert remove(grey).shape == (40, 60, 4)
    assert remove(grey, only_mask=True).shape == (40, 60)
    assert not remove(grey).flags.writeable


def test_a_flat_picture_has_an_empty_mask_and_nobody_is_warned() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not np.asarray(remove(Image.new("RGB", (30, 20), "grey"), only_mask=True)).any()


def test_matting_falls_back_where_nothing_is_sure() -> None:
    picture = Image.new("RGB", (30, 20), "grey")
    assert remove(picture, alpha_matting=True).tobytes() == remove(picture).tobytes()


def test_later_arguments_are_taken_by_name_only(photo: Image.Image) -> None:
    with pytest.raises(TypeError, match="positional argument"):
        remove(photo, False, 240, 10, 10, None, False, False, (1, 2, 3, 255))


@pytest.mark.parametrize("data", ["photo.jpg", Path("photo.jpg"), bytearray(3), io.BytesIO(), None], ids=type)
def test_other_types_are_refused_as_rembg_does(data: Any) -> None:
    with pytest.raises(ValueError, match=r"input type <class .*> is not supported; expected bytes") as caught:
        remove(data)
    assert isinstance(caught.value, U2bgError)


def test_what_pillow_refuses_is_refused_as_rembg_does(photo: Image.Image) -> None:
    for content in (b"", b"<html>"):
        with pytest.raises(UnidentifiedImageError):
            remove(content)
    with pytest.raises(TypeError):
        remove(np.asarray(photo).astype(np.float32))
    with pytest.raises(UsageError, match="vitmatte is not offered"):
        remove(photo, vitmatte=True)


# The mask


@settings(max_examples=50, deadline=None)
@given(mask=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_post_processing_is_scikit_images_opening_and_scipys_blur(mask: np.ndarray[Any, Any]) -> None:
    opened = skimage.morphology.opening(mask, skimage.morphology.disk(1))  # type: ignore[no-untyped-call]
    blurred = scipy.ndimage.gaussian_filter(opened.astype(np.float64), sigma=2)
    # Where both round differently, the value is exactly at the threshold.
    clear = np.abs(blurred - 127) > 1e-9
    got = np.asarray(rembg_pixels.post_process(Image.fromarray(mask)))
    np.testing.assert_array_equal(got[clear], np.where(blurred < 127, 0, 255)[clear])


# Sessions


def test_a_session_has_what_programs_use_of_rembgs(models_home: Path, photo: Image.Image) -> None:
    session = new_session("u2net")
    assert (session.model_name, session.name()) == ("u2net", "u2net")
    assert session.download_models() == str(models_home / "u2net.onnx")
    assert session.u2net_home() == str(models_home)
    assert session.inner_session.get_inputs()[0].name == "image0"
    (mask,) = session.predict(photo)
    assert (mask.mode, mask.size) == ("L", photo.size)
    fed = session.normalize(photo, (0.5, 0.5, 0.5), (1, 1, 1), (8, 8))["image0"]
    assert (fed.shape, fed.dtype.name, float(fed.max())) == ((1, 3, 8, 8), "float32", 0.5)


def test_a_model_of_ones_own_is_had_by_its_path(tmp_path: Path, photo: Image.Image) -> None:
    path = brightness(tmp_path / "mine.onnx", size=320)
    assert isinstance(new_session("u2net_custom", model_path=str(path)), Session)
    with pytest.raises(ValueError, match="model_path is required for a model of your own"):
        new_session("dis_custom")
    with pytest.raises(SourceMissing, match=r"cannot read the model '.*none\.onnx': No such file"):
        new_session("ben_custom", model_path=tmp_path / "none.onnx")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("u2nett", "no model named 'u2nett'; expected one of .*; did you mean 'u2net'"),
        ("sam", "model 'sam' is not offered: it needs clicks; u2bg.remove takes hints"),
        ("withoutbg", "model 'withoutbg' is not offered: it sends pictures to a paid service"),
    ],
)
def test_a_model_without_a_session_is_a_value_error(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        new_session(name)


def test_a_file_is_checked_unless_that_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODEL_CHECKSUM_DISABLED")
    with pytest.raises(BadModel, match=r"model 'u2net' in .* is damaged"):
        new_session("u2net")


def test_threads_come_from_the_options_and_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = 3
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    new_session("u2net", sess_opts=options, providers=["CPUExecutionProvider"])
    assert (options.inter_op_num_threads, options.intra_op_num_threads) == (3, 1)


def test_an_accelerator_that_is_not_bound_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime can use CUDA")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        new_session("u2net", providers=["CUDAExecutionProvider", "CPUExecutionProvider"])
    assert "CUDAExecutionProvider cannot be used here; it runs on the CPU" in [
        str(one.message) for one in said
    ]


def test_clothes_have_a_mask_each_and_lie_below_each_other() -> None:
    classes = np.zeros((1, 4, 20, 30), np.float32)
    classes[:, 1, :, :10] = classes[:, 2, :, 10:20] = classes[:, 3, :, 20:] = 9
    masks = rembg_session._clothes(classes, (30, 20), None)
    assert [np.flatnonzero(np.asarray(mask)[10]).tolist() for mask in masks] == [
        list(range(10)),
        list(range(10, 20)),
        list(range(20, 30)),
    ]
    (attire,) = rembg_session._clothes(classes, (30, 20), "attire")
    assert np.asarray(attire).all()
    assert rembg_pixels.stacked(masks).size == (30, 60)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (300, 1)])
def test_pictures_of_any_size_come_back_in_it(size: tuple[int, int]) -> None:
    assert remove(Image.new("RGB", size, "red")).size == size
