"""Sound that a container cannot hold as it is, in the codec that it can."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from u2bg.video.reading import library

_RATE = 48_000
_BITS = 128_000


class Recoder:
    """Decodes the packets of one stream and codes them anew.

    Args:
        source: the stream to read.
        output: the container to write; its new stream is made here.
    """

    def __init__(self, source: Any, output: Any) -> None:
        av = library()
        name = {"opus": "libopus", "vorbis": "libopus"}.get(
            output.default_audio_codec, output.default_audio_codec
        )
        self.name = name.removeprefix("lib")
        self._decoder = source.codec_context
        self._stream = output.add_stream(name, rate=_RATE)
        self._stream.bit_rate = _BITS
        self._stream.layout = source.layout.name
        context = self._stream.codec_context
        wanted = context.codec.audio_formats[0].name
        context.format = wanted
        self._resampler = av.AudioResampler(format=wanted, layout=source.layout.name, rate=_RATE)
        self._invalid = av.error.InvalidDataError

    def __call__(self, packet: Any | None) -> Iterator[Any]:
        """The new packets that one packet gives; None at the end gives the last."""
        try:
            decoded = self._decoder.decode(packet)
        except self._invalid:  # a damaged moment of sound is left out
            return
        frames = [ready for frame in decoded for ready in self._resampler.resample(frame)]
        if packet is None:
            frames += self._resampler.resample(None)
        for frame in frames:
            yield from self._stream.encode(frame)
        if packet is None:
            yield from self._stream.encode(None)
