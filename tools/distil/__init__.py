"""Distil U²-Net: small networks learn what a teacher sees, on a GPU machine that is yours for a while.

    python3 tools/distil pack DATA FOLDER --teacher full.onnx --lite lite.onnx --student base.onnx
    python3 tools/distil run FOLDER OUT --student lite.onnx --student base.onnx:1e-4
    python3 tools/distil mix lite.onnx new.onnx OUT/lite-end=0.2

`pack` and `mix` run at home, with u2bg; `pack` leaves files that are small enough to travel. `run` needs PyTorch, onnx,
NumPy and OpenCV alone, and no network: every student takes its step on the same pictures, under the same teacher, in
the time that is there. Where Triton is, one layer is quicker. The graphs are this project's own in plain convolutions
(`u2bg.network.export.export(…, spread=False)`).

The teacher sees the very pixels that its pupils see (Beyer et al., 2022: a patient and consistent teacher), so crops,
colours and pasted cut-outs need no map of their own beforehand.
"""
