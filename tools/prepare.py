"""Make a network ready for ONNX Runtime on a processor, once, so that no start of u2bg has to.

    python tools/prepare.py SOURCE TARGET

What ONNX Runtime makes of the graph when it loads it (8-bit operators, their layout) is saved, and loads in a fraction
of the time. Only ONNX Runtime reads it. It goes into the table of models by the SHA-256 that is printed.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import onnxruntime


def main() -> int:
    source, target = map(Path, sys.argv[1:])
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 3  # it warns that the file is for machines of this kind
    onnxruntime.InferenceSession(source.read_bytes(), options, providers=["CPUExecutionProvider"])
    content = target.read_bytes()
    print(f"{target}: {len(content):,} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
