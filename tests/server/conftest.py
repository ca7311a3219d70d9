"""Real servers on free ports of this machine, and small pictures to send them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from u2bg.saliency import models, store
from u2bg.saliency.models import InputSpec, ModelSpec, ReleaseFile
from u2bg.server import run
from u2bg.server.fetch import Fetcher
from u2bg.server.service import Service
from u2bg.server.settings import load

EXAMPLES = Path(__file__).parents[2] / "examples"
CAT = (EXAMPLES / "cat.jpg").read_bytes()


@dataclass
class Running:
    """A server that runs in a thread of this process.

    Attributes:
        client: talks to it.
        service: its parts, to look into.
    """

    client: httpx.Client
    service: Service
    host: str
    port: int
    server: Any

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


@contextlib.contextmanager
def running(*, fetcher: Fetcher | None = None, **settings: Any) -> Iterator[Running]:
    """Serve with these settings until the block ends."""
    server: Any = run.server(load(**{"port": 0, **settings}), fetcher=fetcher, log_config=None)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    with httpx.Client(base_url=f"http://{host}:{port}", timeout=60, trust_env=False) as client:
        try:
            yield Running(client, server.config.app.state.service, host, port, server)
        finally:
            client.close()
            server.should_exit = True
            thread.join(30)


@pytest.fixture(scope="package")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a network that takes no time: what is bright is subject."""
    home = tmp_path_factory.mktemp("models")
    weight = np.full((1, 3, 1, 1), 4, np.float32)
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, "h", "w"])
    answer = helper.make_tensor_value_info("map", TensorProto.FLOAT, ["n", 1, "h", "w"])
    nodes = [
        helper.make_node("Conv", ["image", "weight"], ["raw"]),
        helper.make_node("Sigmoid", ["raw"], ["map"]),
    ]
    graph = helper.make_graph(nodes, "bright", [image], [answer], [numpy_helper.from_array(weight, "weight")])
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), home / "quick.onnx")
    content = (home / "quick.onnx").read_bytes()
    row = ModelSpec(
        name="quick",
        file="quick.onnx",
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        licence="MIT",
        about="what is bright is subject",
        origins=(ReleaseFile("http://127.0.0.1:9/quick.onnx"),),
        input=InputSpec(size=64, keep_aspect=True),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(models.MODELS, "quick", row)
        patch.setattr(store, "home", lambda: home)
        yield "quick"


@pytest.fixture(scope="package")
def server(quick: str) -> Iterator[Running]:
    """A server without any flag, but with a quick network and small limits."""
    with running(models=quick, max_upload="3MB", max_pixels="4M") as started:
        yield started


@pytest.fixture(scope="package")
def client(server: Running) -> httpx.Client:
    """Talks to `server`."""
    return server.client


@pytest.fixture(scope="session")
def shot() -> bytes:
    """A white box on black, PNG: `SIZE` and `BOX` tell where."""
    return boxed()


SIZE, BOX = (200, 100), (40, 20, 120, 80)
"""(width, height) of `shot`; left, top, right, bottom of its subject."""


def boxed(size: tuple[int, int] = SIZE, box: tuple[int, int, int, int] = BOX, kind: str = "PNG") -> bytes:
    """A picture with a white box on black."""
    picture = Image.new("RGB", size)
    picture.paste((255, 255, 255), box)
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


def flat(size: tuple[int, int] = (64, 48)) -> bytes:
    """A black picture: there is nothing on it."""
    return boxed(size, (0, 0, 0, 0))


def small(content: bytes, width: int = 180, kind: str = "JPEG") -> bytes:
    """A picture scaled to a width, as a file of that kind."""
    with Image.open(io.BytesIO(content)) as picture:
        scaled = picture.resize((width, round(picture.height * width / picture.width)))
    file = io.BytesIO()
    scaled.save(file, kind)
    return file.getvalue()


def opened(content: bytes) -> Image.Image:
    """A picture file, decoded."""
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture
