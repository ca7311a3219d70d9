"""What pyproject.toml cannot say: the compiled loops, left out where nothing compiles them.

Flags keep every operation as it is written (no fused multiply-add), so that compiled and numpy loops agree to the bit.
"""

import os

from setuptools import Extension, setup

FLAGS = (
    ["/O2", "/fp:precise", "/std:c11"]
    if os.name == "nt"
    else ["-std=c11", "-O3", "-g0", "-ffp-contract=off", "-fno-trapping-math"]
)

setup(
    ext_modules=[
        Extension(
            "u2bg._loops",
            ["src/u2bg/_loops.c"],
            extra_compile_args=FLAGS,
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
