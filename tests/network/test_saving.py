"""`.keras` files: what is written is read again; what is no U²-Net is named."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from tests.network.conftest import TINY, random_network

from u2bg.errors import BadModel, CannotWrite, SourceMissing, UsageError
from u2bg.network import U2Net, read, write


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory, tiny: U2Net) -> Path:
    """The tiny network in a file."""
    path = tmp_path_factory.mktemp("saved") / "tiny.keras"
    write(tiny, path)
    return path


def same_weights(one: U2Net, other: U2Net) -> bool:
    return all((a == b).all() for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


def test_a_network_that_is_written_and_read_is_the_same(saved: Path, tiny: U2Net) -> None:
    again = read(saved)

    assert again.stages == TINY
    assert same_weights(again, tiny)
    assert [path.name for path in saved.parent.iterdir()] == ["tiny.keras"]


def test_keras_itself_reads_the_file_without_custom_objects(saved: Path, tiny: U2Net) -> None:
    again = keras.saving.load_model(saved)

    assert isinstance(again, U2Net)
    assert same_weights(again, tiny)


def test_what_keras_saves_after_training_is_read_too(tmp_path: Path) -> None:
    network = random_network()
    network.compile("adam", loss="mse")
    network.save(tmp_path / "trained.keras")

    assert same_weights(read(tmp_path / "trained.keras"), network)


def test_notes_on_the_weights_stay_with_them(tmp_path: Path) -> None:
    write(U2Net(TINY, notes={"licence": "CC0"}), tmp_path / "noted.keras")

    assert read(tmp_path / "noted.keras").notes == {"licence": "CC0"}


def test_an_interrupted_write_keeps_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "old.keras"
    path.write_bytes(b"old")

    def half(network: U2Net, whole: Path) -> None:
        whole.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(U2Net, "save", half)
    with pytest.raises(KeyboardInterrupt):
        write(U2Net(TINY, kernels="zeros"), path)

    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["old.keras"]


def test_another_suffix_is_refused(tiny: U2Net, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"cannot write '.*tiny.h5': got the suffix '.h5', expected '.keras'$"
    ):
        write(tiny, tmp_path / "tiny.h5")


def test_a_folder_that_is_not_there_is_named(tiny: U2Net, tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match=r"cannot write '.*tiny.keras': its folder does not exist"):
        write(tiny, tmp_path / "nowhere" / "tiny.keras")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        SourceMissing, match=r"no weights at '.*none.keras'; expected a .keras file; fix: u2bg convert"
    ):
        read(tmp_path / "none.keras")


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_part_of_a_file_is_refused(saved: Path, tmp_path: Path, share: float) -> None:
    part = tmp_path / "part.keras"
    content = saved.read_bytes()
    part.write_bytes(content[: int(share * len(content))])

    with pytest.raises(
        BadModel, match=r"^'.*part.keras' is no whole .keras file; expected what u2bg convert writes$"
    ):
        read(part)


def test_another_network_is_refused_by_its_name(tmp_path: Path) -> None:
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "other.keras")

    with pytest.raises(BadModel, match=r"holds no U²-Net: got Sequential, expected u2bg>U2Net"):
        read(tmp_path / "other.keras")


def test_altered_weights_are_refused(saved: Path, tmp_path: Path) -> None:
    content = bytearray(saved.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64)
    (tmp_path / "altered.keras").write_bytes(content)

    with pytest.raises(BadModel, match=r"^cannot read '.*altered.keras': "):
        read(tmp_path / "altered.keras")


def test_weights_of_another_width_are_refused(saved: Path, tmp_path: Path) -> None:
    import zipfile

    wider = tmp_path / "wider.keras"
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(wider, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(
                name,
                content.replace(b'"RSU-7", 4, 8', b'"RSU-7", 4, 9') if name == "config.json" else content,
            )

    with pytest.raises(BadModel, match=r"^cannot read '.*wider.keras': "):
        read(wider)


def test_reading_leaves_no_random_kernel_behind(saved: Path) -> None:
    assert all(np.isfinite(weight).all() for weight in read(saved).get_weights())
