#!/usr/bin/env bash
# Train on a borrowed GPU machine without a network: everything comes and goes as files.
#
#   tools/gpu_train.sh NAME RECIPE BUDGET PAUSE [options of u2bg train, for a first call: --from lite]
#
# Run it in the repository's root on that machine, with Python 3.11 or newer and JAX for its GPU. Beside the repository
# it takes what is there of
#
#   gpu/wheels/*.whl    what Python lacks there: keras, namex, optree (see the end of this file)
#   gpu/shards/         from u2bg pack; as all may be too much for one journey, each call keeps the shards it brings
#   gpu/state/*.part-*  the pieces that an earlier call left
#
# and it leaves in $OUT (else out/) pieces of at most 15 MiB, NAME.tar.part-aa …, that hold the run's folder, and the
# weights, the log and the pictures by themselves. A call ends by itself after PAUSE (8m); the next one goes on, from the run
# that is still there or from the pieces brought along. The schedule is shaped to BUDGET, the time of all calls together.
# With PAUSE "keep" it only keeps the shards and shows what the machine has.
set -euo pipefail

name=$1 recipe=$2 budget=$3 pause=$4
shift 4
out=${OUT:-out}
kept=${KEPT:-${TMPDIR:-/tmp}/u2bg-kept}
run=runs/$name
pieces_most=4 # of 15 MiB
mkdir -p "$out" "$kept/shards" runs

if compgen -G "gpu/shards/*" >/dev/null; then cp -n gpu/shards/* "$kept/shards/" && ls -l "$kept/shards"; fi
if compgen -G "gpu/wheels/*.whl" >/dev/null && [ ! -e "$kept/site/.ready" ]; then
  python3 -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade --target "$kept/site" gpu/wheels/*.whl
  touch "$kept/site/.ready"
fi
export PYTHONPATH=$PWD/src:$kept/site${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1
export KERAS_BACKEND=${KERAS_BACKEND:-jax} XLA_PYTHON_CLIENT_MEM_FRACTION=${XLA_PYTHON_CLIENT_MEM_FRACTION:-0.9}
export JAX_COMPILATION_CACHE_DIR=${JAX_COMPILATION_CACHE_DIR:-$kept/compiled} # compiled once per machine
python3 -c 'import keras, numpy; print("keras", keras.__version__, "on", keras.backend.backend(), "numpy", numpy.__version__)
if keras.backend.backend() == "jax":
    import jax; print("jax", jax.__version__, *jax.devices())'
[ "$pause" = keep ] && exit 0

if [ ! -e "$run/last.npz" ] && compgen -G "gpu/state/$name.tar.part-*" >/dev/null; then
  cat "gpu/state/$name".tar.part-* | tar -x -C runs
fi
if [ -e "$run/last.npz" ]; then
  arguments=(--resume)
else
  arguments=(--recipe "$recipe" "$@")
fi
# The last word: should a call outlast its pause by much (a long validation), Ctrl-C still keeps a checkpoint.
code=0
timeout -s INT -k 60 "${LIMIT:-560}" python3 -m u2bg train "$kept/shards" --out "$run" "${arguments[@]}" \
  --time-budget "$budget" --pause-after "$pause" || code=$?

cp "$run"/log.csv "$run"/curves.png "$run"/validation.webp "$out" 2>/dev/null || true
# What is too much to take home is left here: first the state before the decay, then all but the best weights (a large
# network's state; another machine begins anew with --from best.keras, this one can still go on).
for left in nothing before-decay.npz '*.npz'; do
  rm -f "$out/$name".tar.part-*
  tar -c -C runs --exclude=data --exclude='.*.part' --exclude="$left" "$name" | split -b 15M - "$out/$name.tar.part-"
  pieces=("$out/$name".tar.part-*)
  [ "${#pieces[@]}" -le "$pieces_most" ] && break
  echo "${#pieces[@]} pieces without $left are too many to take home"
done
ls -l "$out"
exit "$code"

# What to bring, made on a machine with a network (Python 3.12 over there; else change it):
#
#   python3 -m pip download --no-deps --only-binary=:all: --python-version 3.12 --implementation cp \
#     --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
#     -d gpu/wheels keras==3.15.1 namex==0.1.0 optree==0.20.0
