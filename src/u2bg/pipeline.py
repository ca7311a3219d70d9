"""The way of a photo, from top to bottom."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from u2bg import imaging
from u2bg.cutout import Cutout
from u2bg.errors import NoSubject, UnknownName
from u2bg.imaging import Photo, Source
from u2bg.imaging.reading import MAX_PIXELS
from u2bg.matting import alpha as alphas
from u2bg.matting import backdrop, foreground
from u2bg.matting import hints as hinting
from u2bg.matting.blend import insert
from u2bg.matting.hints import Hint, Hints
from u2bg.matting.matte import Matte
from u2bg.saliency import predictor, second_pass, subject
from u2bg.saliency.models import DEFAULT_MODEL

if TYPE_CHECKING:
    from u2bg.saliency.origins import Progress

SECOND_PASSES = ("auto", "off")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a photo is cut.

    Attributes:
        refine: `auto` puts the edge where the photo's colours have it; `off` only enlarges the map; `closed-form`
            solves the edge pixel by pixel after `auto`, in bounded time (needs the extra `matting`).
        second_pass: `auto` looks again, closer, at a subject that is small in a large photo; one more run of the
            network. Off, because it is not shown to help more often than it harms.
        foreground: estimate the subject's own colours along the edge, free of the old background; else keep the
            photo's.
        backdrop: keep the old background, blurred and small, for `Cutout.on("blur")`.
        require_subject: raise `NoSubject` instead of giving a cut-out of nothing.
        max_pixels: pictures whose header promises more pixels are refused before decoding.
    """

    refine: str = "auto"
    second_pass: str = "off"
    foreground: bool = True
    backdrop: bool = False
    require_subject: bool = False
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        alphas.check(self.refine)
        if self.second_pass not in SECOND_PASSES:
            raise UnknownName("second pass", self.second_pass, SECOND_PASSES)


class Remover:
    """Removes backgrounds. Make one and keep it: the network is loaded once. Safe to call from threads.

    Args:
        model: a name from `u2bg models list`, or the path of an `.onnx` file. A model that is not here yet
            is pulled and verified.
        device: what runs the network: `auto`, `cpu`, `cuda`, `openvino` or `openvino-bf16`; see `engines.DEVICES`.
        options: how photos are cut.
        progress: hears of a pull: bytes done, bytes in all.

    Raises:
        UnknownName, SourceMissing, BadModel, PullFailed: when there is no such model, or it cannot be had.
    """

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        device: str = "auto",
        options: Options | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._predict = predictor.load(model, device, progress)
        self._options = options or Options()

    def __call__(self, source: Source, *, keep: Hint | None = None, erase: Hint | None = None) -> Cutout:
        """Cut the subject out of one photo.

        Args:
            source: a path, bytes, a binary file object, a Pillow picture or an array; see `imaging.read`.
            keep: what is surely subject: a mask of the upright photo's size, (H, W) bool or uint8 or a Pillow
                picture, or a list of points (x, y), each a small disc. It holds exactly: alpha is 1 there, or the
                photo's own alpha where it has one. The edge around is found with it in mind.
            erase: what is surely background, in the same ways: alpha is 0 there.

        Raises:
            InputError: what came in cannot be used. NoSubject: only if the options ask for it.
        """
        photo = imaging.read(source, self._options.max_pixels)
        hints = hinting.read(keep, erase, photo.size)
        return self.cut(photo, self.look(photo, hints), hints, spend=True)

    def with_options(self, options: Options) -> Remover:
        """The same network, loaded once, for photos that are cut in another way."""
        other = copy.copy(self)
        other._options = options
        return other

    def look(self, photo: Photo, hints: Hints | None = None) -> NDArray[np.float32]:
        """The first half of a call: where the network, and who gave the hints, see the subject.

        Returns:
            (h, w) float32 in [0, 1], the saliency map: small, for the whole photo.
        """
        saliency_map = self._predict(photo.overview, photo.to_srgb)
        if hints:
            saliency_map = hinting.guide(saliency_map, photo.overview, hints)
        if self._options.second_pass == "auto" and _has_subject(subject.confidence(saliency_map), hints):
            saliency_map = second_pass.look_again(
                self._predict, saliency_map, photo.overview.pixels, photo.to_srgb
            )
        return saliency_map

    def cut(
        self,
        photo: Photo,
        saliency_map: NDArray[np.float32],
        hints: Hints | None = None,
        *,
        spend: bool = False,
    ) -> Cutout:
        """The second half: edges and colours at the photo's size, from a map that `look` gave, or a better one.

        Args:
            photo, saliency_map, hints: as `look` had and gave them.
            spend: the photo is not needed any more; its memory may become the cut-out's.

        Raises:
            NoSubject: only if the options ask for it.
        """
        confidence = subject.confidence(saliency_map)
        has_subject = _has_subject(confidence, hints)
        if self._options.require_subject and not has_subject:
            raise NoSubject(
                f"no subject was found (confidence {confidence:.2f}); fix: try another photo or model"
            )
        matte = alphas.refine(saliency_map, photo.overview, method=self._options.refine)
        if hints:
            matte = Matte.of(hinting.enforce(matte.alpha, hints))
        spend = spend and not (photo.has_alpha or self._options.backdrop)  # which look at the photo again
        if self._options.foreground:
            pixels = photo.rgba if photo.has_alpha else photo.overview
            rgba = foreground.estimate(pixels, matte.mask, spend=spend)
        else:
            rgba = insert(photo.rgba, matte.mask, spend=spend)
        if photo.has_alpha:
            matte = Matte.of(matte.alpha * photo.own_alpha)
            rgba = insert(rgba, matte.mask, spend=True)
        behind = backdrop.blurred(photo.shown, matte.alpha) if self._options.backdrop else None
        return Cutout(rgba, matte, confidence, has_subject, photo.icc, photo.dpi, photo.kept, behind)


def _has_subject(confidence: float, hints: Hints | None) -> bool:
    return confidence >= subject.SUBJECT_CONFIDENCE or hinting.keeps_any(hints)


def remove(
    source: Source,
    model: str = DEFAULT_MODEL,
    *,
    require_subject: bool = False,
    keep: Hint | None = None,
    erase: Hint | None = None,
) -> Cutout:
    """Cut the subject out of one photo: `u2bg.remove("photo.jpg").save("photo.png")`.

    For more than one photo, keep a `Remover`; `keep` and `erase` are told at its call.
    """
    return Remover(model, options=Options(require_subject=require_subject))(source, keep=keep, erase=erase)
