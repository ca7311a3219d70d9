"""The Keras network and a PyTorch one compute the same seven maps from the same weights; skipped without PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.network.conftest import TINY, Photos, random_network

from u2bg.network import OUTPUTS, U2NETP, Stage, U2Net, exchange, saliency_maps
from u2bg.network.calibration import drawn_pictures
from u2bg.network.torch_read import read
from u2bg.network.torch_state import from_state, to_state
from u2bg.network.torch_write import write

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")

if TYPE_CHECKING:
    from tests.network.torch_u2net import TorchU2Net

SIZES = ((320, 320), (301, 333), (37, 50))
ODD, SQUARE, TRAINED = 4e-3, 1e-3, 5e-4


@pytest.fixture(scope="module")
def made() -> TorchU2Net:
    """A narrow PyTorch network with random weights."""
    from tests.network.torch_u2net import TorchU2Net, shaken

    return shaken(TorchU2Net(TINY))


def loaded(state: dict[str, Any], stages: tuple[Stage, ...]) -> TorchU2Net:
    """The PyTorch network with these weights, every name of them taken."""
    from tests.network.torch_u2net import TorchU2Net

    network = TorchU2Net(stages)
    network.load_state_dict(state, strict=True)
    return network.eval()


def differences(ours: U2Net, theirs: TorchU2Net, images: npt.NDArray[np.float32]) -> list[float]:
    """The largest difference of each of the seven maps."""
    maps = saliency_maps(ours, images)
    with torch.no_grad():
        expected = theirs(torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))))
    return [
        float(np.abs(maps[name].transpose(0, 3, 1, 2) - one.numpy()).max())
        for name, one in zip(OUTPUTS, expected, strict=True)
    ]


def noise(size: tuple[int, int]) -> npt.NDArray[np.float32]:
    return np.random.default_rng(1).normal(size=(1, *size, 3)).astype(np.float32)


@pytest.mark.parametrize("saved", ["zip", "legacy", "module.", "checkpoint"])
def test_what_pytorch_saves_is_read_to_the_bit(saved: str, made: TorchU2Net, tmp_path: Path) -> None:
    state = made.state_dict()
    if saved == "module.":
        state = torch.nn.DataParallel(made).state_dict()
    whole: Any = {"model": state, "epoch": 3} if saved == "checkpoint" else state
    torch.save(whole, tmp_path / "net.pth", _use_new_zipfile_serialization=saved != "legacy")

    got = read(tmp_path / "net.pth")

    assert list(got) == list(state)
    assert all((got[name] == state[name].numpy()).all() for name in got)


def test_what_is_written_pytorch_loads_as_weights_only(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    ours = to_state(random_network())
    for suffix, load in (
        (".pth", lambda path: torch.load(path, weights_only=True)),
        (".safetensors", load_file),
    ):
        write(ours, tmp_path / f"net{suffix}")
        state = load(tmp_path / f"net{suffix}")
        assert all((state[name].numpy() == array).all() for name, array in ours.items())
        assert state.keys() == loaded(state, TINY).state_dict().keys()


def test_a_network_that_pytorch_made_computes_the_same_here(made: TorchU2Net, tmp_path: Path) -> None:
    torch.save(made.state_dict(), tmp_path / "net.pth")
    ours = from_state(read(tmp_path / "net.pth"), "it")
    assert ours.stages == TINY
    for size in SIZES:
        assert max(differences(ours, made, noise(size))) < (SQUARE if size == (320, 320) else ODD)


def test_a_network_that_was_made_here_computes_the_same_in_pytorch(tmp_path: Path) -> None:
    ours = random_network(seed=19)
    write(to_state(ours), tmp_path / "net.pth")
    theirs = loaded(torch.load(tmp_path / "net.pth", weights_only=True), TINY)
    for size in SIZES:
        assert max(differences(ours, theirs, noise(size))) < (SQUARE if size == (320, 320) else ODD)


@pytest.mark.slow
@pytest.mark.weights
def test_the_authors_weights_compute_the_same_in_pytorch(
    published: Callable[[str], Path], photos: Photos, tmp_path: Path
) -> None:
    ours, _ = exchange.read(published("u2netp"), lambda: drawn_pictures(64, count=2))
    write(to_state(ours), tmp_path / "u2netp.pth")
    theirs = loaded(torch.load(tmp_path / "u2netp.pth", weights_only=True), U2NETP)
    assert max(differences(ours, theirs, photos(320))) < TRAINED
