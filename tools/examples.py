"""Write the photos of `examples/` from scikit-image's own pictures: `python tools/examples.py`."""

from __future__ import annotations

from pathlib import Path

import skimage.data
from PIL import Image

# Our file → skimage.data's function. All are bundled in its wheel, and are CC0 or in the public domain.
PHOTOS = {"astronaut": "astronaut", "camera": "camera", "cat": "chelsea", "coffee": "coffee"}


def main() -> None:
    """Write every photo as JPEG, quality 95, full colour resolution."""
    folder = Path(__file__).resolve().parents[1] / "examples"
    for name, source in PHOTOS.items():
        picture = Image.fromarray(getattr(skimage.data, source)())
        picture.save(folder / f"{name}.jpg", quality=95, subsampling=0, optimize=True)
        print(f"examples/{name}.jpg: {picture.width}×{picture.height}")


if __name__ == "__main__":
    main()
