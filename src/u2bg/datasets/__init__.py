"""Pictures to learn from: folders found, packed into shards, decoded once, and varied batch by batch.

`pairs` finds and checks what is in a folder, `pack` and `shards` write and read it in a form that any machine can
use, `deck` holds it decoded, `plan` draws what happens to each picture of a batch, and `augment` with `compose` does
it on the device.
"""
