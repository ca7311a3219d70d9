"""`POST /v1.0/removebg` and `GET /v1.0/account`: remove.bg's contract."""

from __future__ import annotations

import numpy as np
from fastapi import APIRouter, Request, Response
from PIL import Image

from u2bg import imaging
from u2bg.errors import FetchFailed, FetchRefused, InputError, NotAPicture
from u2bg.pipeline import Options
from u2bg.server import openapi
from u2bg.server.jobs import Stage
from u2bg.server.removebg import answers, layout, parameters
from u2bg.server.removebg.answers import Answer
from u2bg.server.removebg.parameters import BadParameter, Wish
from u2bg.server.service import Service, serving

router = APIRouter(tags=["remove.bg"])

CREDITS = 1_000_000
"""What an account has: nothing is counted, and clients that look for credits shall find some."""


@router.post("/v1.0/removebg", openapi_extra=openapi.REMOVEBG, responses=openapi.PICTURE_OR_JSON)
async def removebg(request: Request) -> Response:
    """Cut the subject out of one picture, as remove.bg's API 1.0 does.

    Sizes, crop, position, backgrounds, ZIP and errors are those of that service; what it leaves open is decided in the
    manual.
    """
    service = serving(request)
    async with service.visit(request) as visit:
        wish = await visit.form(parameters.read)
        source = wish.file if wish.url is None else await visit.fetch(wish.url)
        background = wish.background
        if wish.background_url is not None:
            try:
                background = await visit.fetch(wish.background_url)
            except FetchRefused as error:
                raise BadParameter("invalid_bg_image_url", str(error)) from None
            except FetchFailed as error:
                raise BadParameter("failed_bg_download", str(error)) from None
        as_json = "application/json" in request.headers.get("accept", "")

        def work(stage: Stage) -> Answer:
            return _cut(service, wish, source or b"", background, as_json, stage)

        answer = await visit.run(work)
    return Response(answer.content, headers=answer.headers, media_type=answer.media_type)


@router.get("/v1.0/account", responses=openapi.JSON_ONLY)
async def account(request: Request) -> dict[str, object]:
    """What is left of the credits: here, always the same."""
    serving(request).keys.check(request.headers)
    credits_ = {"total": CREDITS, "subscription": 0, "payg": CREDITS, "enterprise": 0}
    return {"data": {"attributes": {"credits": credits_, "api": {"free_calls": CREDITS, "sizes": "all"}}}}


def _cut(
    service: Service, wish: Wish, source: bytes, background: bytes | None, as_json: bool, stage: Stage
) -> Answer:
    options = Options(require_subject=True, max_pixels=service.settings.max_pixels)
    remover = service.loaded()(None, options)
    with stage("read"):
        photo = _read(service, source, fetched=wish.url is not None)
        behind = None if background is None else _background(service, background)
        framed = layout.frame(photo, wish)
    with stage("look"):
        saliency_map = remover.look(framed.photo)
    with stage("cut"):
        cutout = remover.cut(framed.photo, saliency_map)
        service.metrics.cut(cutout.alpha.size)
    with stage("write"):
        canvas = layout.lay_out(cutout, framed, wish, options.max_pixels)
        canvas = layout.put_behind(canvas, wish, behind)
        return answers.make(cutout, framed, photo, canvas, wish, as_json)


def _read(service: Service, source: bytes, *, fetched: bool) -> imaging.Photo:
    try:
        return imaging.read(service.check_size(source), service.settings.max_pixels)
    except NotAPicture as error:
        if fetched:
            raise FetchFailed(f"the address gave no picture: {error}") from None
        raise


def _background(service: Service, content: bytes) -> Image.Image:
    """The picture to lay behind, in sRGB."""
    try:
        photo = imaging.read(service.check_size(content), service.settings.max_pixels)
    except InputError as error:
        raise BadParameter("failed_bg_download", f"the background: {error}") from None
    pixels = photo.rgba.copy()
    pixels[..., :3] = photo.to_srgb(np.ascontiguousarray(pixels[..., :3]))
    return Image.fromarray(pixels)
