"""`POST /v1/remove`: our own endpoint. A picture in, a picture or JSON out."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

import numpy as np
from fastapi import APIRouter, Request, Response
from numpy.typing import NDArray

from u2bg import imaging
from u2bg.cutout import Background, Cutout
from u2bg.errors import RequestError, UsageError, WrongType
from u2bg.imaging.formats import written_format
from u2bg.matting import hints as hinting
from u2bg.matting.hints import Hint
from u2bg.server import forms, openapi
from u2bg.server import parameters as parsing
from u2bg.server.forms import Form
from u2bg.server.jobs import Stage
from u2bg.server.parameters import FILES, Parameters
from u2bg.server.removebg.answers import MEDIA
from u2bg.server.service import Service, Visit, serving

router = APIRouter(tags=["u2bg"])

RAW = ("application/octet-stream", "")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, taken apart."""

    parameters: Parameters
    files: dict[str, bytes]


@router.post("/v1/remove", openapi_extra=openapi.NATIVE, responses=openapi.PICTURE_OR_JSON)
async def remove(request: Request) -> Response:
    """Cut the subject out of one picture.

    The picture is the file `image` of a form, or the whole body; options are fields of the form or of the query. The
    answer is a picture, or JSON with the picture in base64 where the request's Accept header asks for it.
    """
    service = serving(request)
    async with service.visit(request) as visit:
        asked = await _asked(request, visit)
        as_json = "application/json" in request.headers.get("accept", "")
        return await visit.run(lambda stage: _cut(service, asked, as_json, stage))


async def _asked(request: Request, visit: Visit) -> Asked:
    query = dict(request.query_params)
    kind, _ = forms.kind_of(request)
    if kind == forms.MULTIPART:
        return await visit.form(lambda form: _from_form(query, form))
    if kind in RAW or kind.startswith("image/"):
        parameters = parsing.combine(query)
        return Asked(parameters, {"image": await visit.body()})
    raise WrongType(
        f"Content-Type {kind[:80]!r}; expected {forms.MULTIPART}, image/… or application/octet-stream"
    )


def _from_form(query: dict[str, str], form: Form) -> Asked:
    strangers = form.files.keys() - FILES.keys()
    if strangers:
        raise UsageError(f"no file field named {min(strangers)[:40]!r}; expected one of {', '.join(FILES)}")
    if "image" not in form.files:
        raise RequestError("no picture; expected it as the file 'image' of the form, or as the whole body")
    return Asked(parsing.combine(query, form.texts), form.files)


def _cut(service: Service, asked: Asked, as_json: bool, stage: Stage) -> Response:
    parameters, most = asked.parameters, service.settings.max_pixels
    remover = service.loaded()(parameters.model, parameters.options(most))
    with stage("read"):
        photo = imaging.read(service.check_size(asked.files["image"]), most)
        keep, erase = (_hint(asked, name, most) for name in ("keep", "erase"))
        hints = hinting.read(keep, erase, photo.size)
        background = _background(asked, most)
    with stage("look"):
        saliency_map = remover.look(photo, hints)
    with stage("cut"):
        cutout = remover.cut(photo, saliency_map, hints, spend=True)
        service.metrics.cut(cutout.alpha.size)
    with stage("write"):
        if parameters.crop:
            cutout = cutout.crop(parameters.margin)
        kind = written_format(parameters.format)
        content = cutout.encode(kind, background=background, layer=parameters.layer, spend=True)
        return _response(cutout, content, MEDIA[kind], as_json)


def _hint(asked: Asked, name: str, most_pixels: int) -> Hint | None:
    """Points, or a mask: white where it is meant."""
    points: Hint | None = getattr(asked.parameters, name)
    mask = asked.files.get(f"{name}_mask")
    if mask is None:
        return points
    if points:
        raise UsageError(f"{name} came as points and as a mask; fix: give one of them")
    grey: NDArray[np.uint8] = imaging.read(mask, most_pixels).rgba[..., 0]
    return grey


def _background(asked: Asked, most_pixels: int) -> Background | None:
    content = asked.files.get("background_image")
    if content is None:
        return asked.parameters.background
    if asked.parameters.background:
        raise UsageError("background and background_image were given; fix: give one of them")
    photo = imaging.read(content, most_pixels)
    return photo.to_srgb(np.ascontiguousarray(photo.shown[..., :3]))


def _response(cutout: Cutout, content: bytes, media_type: str, as_json: bool) -> Response:
    height, width = cutout.size
    told = {
        "width": width,
        "height": height,
        "confidence": round(cutout.confidence, 4),
        "subject": cutout.has_subject,
    }
    if as_json:
        said = {**told, "type": media_type, "image": base64.b64encode(content).decode("ascii")}
        return Response(json.dumps(said), media_type="application/json")
    headers = {f"X-{name.title()}": json.dumps(value) for name, value in told.items()}
    return Response(content, headers=headers, media_type=media_type)
