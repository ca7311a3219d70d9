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
        # Matroska's own choice is Vorbis or AC-3, by how FFmpeg was built; it holds Opus as WebM does.
        name = "libopus" if output.format.name in {"webm", "matroska"} else output.default_audio_codec
        self.name = name.removeprefix("lib")
        self._decoder = source.codec_context
        self._stream = output.add_stream(name, rate=_RATE)
        self._stream.bit_rate = _BITS
        # Windows Media says how many channels there are, but not which.
        layout = {1: "mono", 2: "stereo"}.get(source.layout.nb_channels, source.layout.name)
        self._stream.layout = layout
        context = self._stream.codec_context
        wanted = context.codec.audio_formats[0].name
        context.format = wanted
        self._resampler = av.AudioResampler(format=wanted, layout=layout, rate=_RATE)
        self._invalid = av.error.InvalidDataError
        self._end = 0

    def __call__(self, packet: Any | None) -> Iterator[Any]:
        """The new packets that one packet gives; None at the end gives the last."""
        try:
            decoded = self._decoder.decode(packet)
        except self._invalid:  # a damaged moment of sound is left out
            return
        frames = [ready for frame in decoded for ready in self._resampler.resample(frame)]
        if packet is None:
            frames += self._resampler.resample(None)
        for frame in [*frames, None] if packet is None else frames:
            for coded in self._stream.encode(frame):
                if coded.pts is None:  # what the resampler held back at the end comes without a time
                    coded.pts = coded.dts = self._end
                self._end = coded.pts + coded.duration
                yield coded
