"""`GET` and `POST /api/remove`: the contract of `rembg s`."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response
from PIL import Image
from pydantic import ValidationError

from u2bg import imaging
from u2bg.cutout import Cutout
from u2bg.errors import FetchFailed, Forbidden, MissingExtra, NotAPicture, UsageError
from u2bg.imaging.formats import PNG
from u2bg.matting import alpha as alphas
from u2bg.pipeline import Options
from u2bg.server import openapi
from u2bg.server.forms import Form
from u2bg.server.jobs import Stage
from u2bg.server.refusals import Refusal
from u2bg.server.rembg import EXTRAS, Parameters
from u2bg.server.service import Service, serving

router = APIRouter(tags=["rembg"])


@router.get("/api/remove", openapi_extra=openapi.REMBG_GET, responses=openapi.PNG_ONLY)
async def remove_by_url(request: Request) -> Response:
    """Cut the subject out of the picture behind an address, as rembg's server does."""
    service = serving(request)
    async with service.visit(request) as visit:
        parameters = _parameters(dict(request.query_params), {}, required="url")
        if not service.settings.allow_url_fetch:
            raise Forbidden("this server fetches no addresses; fix: POST the picture itself")
        await visit.body()
        content = await visit.fetch(parameters.url or "")
        try:
            return await visit.run(lambda stage: _cut(service, parameters, content, stage))
        except NotAPicture as error:
            raise FetchFailed(f"the address gave no picture: {error}") from None


@router.post("/api/remove", openapi_extra=openapi.REMBG_POST, responses=openapi.PNG_ONLY)
async def remove_upload(request: Request) -> Response:
    """Cut the subject out of the file of a form, as rembg's server does."""
    service = serving(request)
    query = dict(request.query_params)

    def read(form: Form) -> tuple[Parameters, bytes]:
        if "file" not in form.files:
            raise _missing("body", "file")
        return _parameters(query, form.texts), form.files["file"]

    async with service.visit(request) as visit:
        if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            raise _missing("body", "file")
        parameters, content = await visit.form(read)
        return await visit.run(lambda stage: _cut(service, parameters, content, stage))


def _missing(place: str, name: str) -> Refusal:
    detail = [{"type": "missing", "loc": [place, name], "msg": "Field required", "input": None}]
    return Refusal(422, "invalid_parameter", f"{name} is missing", detail)


def _parameters(query: dict[str, str], fields: dict[str, str], required: str = "") -> Parameters:
    """Parameters of both places; `extras` is merged over them, and ignored where it is no JSON, as rembg does.

    Raises:
        Refusal: 422 with FastAPI's list of what is wrong.
    """
    place = "body" if fields else "query"
    said: dict[str, Any] = {name: value for name, value in {**query, **fields}.items() if value}
    if required and required not in said:
        raise _missing(place, required)
    said |= _extras(said.pop("extras", ""))
    try:
        parameters = Parameters.model_validate(said)
    except ValidationError as error:
        detail = [
            {
                "type": one["type"],
                "loc": [place, *one["loc"]],
                "msg": one["msg"],
                "input": str(one["input"])[:80],
            }
            for one in error.errors(include_context=False, include_url=False)
        ]
        raise Refusal(422, "invalid_parameter", str(detail[0]["msg"]), detail) from None
    if parameters.vm:
        raise UsageError("vm (ViTMatte) is not in u2bg; fix: leave it out, or ask for a")
    return parameters


def _extras(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(said, dict):
        return {}
    unknown = said.keys() - EXTRAS.keys()
    if unknown:
        raise UsageError(f"extras holds {min(unknown)[:40]!r}; expected some of {', '.join(EXTRAS)}")
    return {EXTRAS[name]: value for name, value in said.items()}


def _cut(service: Service, parameters: Parameters, content: bytes, stage: Stage) -> Response:
    options = Options(refine=_method() if parameters.a else "auto", max_pixels=service.settings.max_pixels)
    remover = service.loaded()(parameters.model, options)
    with stage("read"):
        photo = imaging.read(service.check_size(content), options.max_pixels)
    with stage("look"):
        saliency_map = remover.look(photo)
    with stage("cut"):
        cutout = remover.cut(photo, saliency_map, spend=True)
        service.metrics.cut(cutout.alpha.size)
    with stage("write"):
        return Response(_encode(cutout, parameters), media_type="image/png")


def _method() -> str:
    """Closed-form matting where it is installed; else our own edge, which is what `a` asks for."""
    try:
        alphas.check("closed-form")
    except MissingExtra:
        return "auto"
    return "closed-form"


def _encode(cutout: Cutout, parameters: Parameters) -> bytes:
    pixels = cutout.rgba
    if parameters.ppm:
        pixels = pixels.copy()
        pixels[..., 3] = np.where(pixels[..., 3] >= 128, 255, 0)
        pixels.view(np.uint32)[pixels[..., 3] == 0] = 0
    if parameters.om:
        return imaging.encode(np.ascontiguousarray(pixels[..., 3]), PNG, dpi=cutout.dpi)
    if parameters.bgc is not None:
        behind = Image.new("RGBA", cutout.size[::-1], parameters.bgc)
        pixels = np.array(Image.alpha_composite(behind, Image.fromarray(pixels)))
    return imaging.encode(pixels, PNG, cutout.icc, cutout.dpi)
