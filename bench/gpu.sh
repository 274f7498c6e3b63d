#!/bin/bash
# The cases of bench/peers/cases.py with device="cuda": segue, then PyTorch, then JAX; seconds.
#
#     bench/gpu.sh                    with $PYTHON or python3, which has PyTorch (and JAX) for CUDA
#
# It takes under four minutes: what has not begun by then is left out. Where there is no $SEGUE_DATA,
# the files that another machine made in build/bench/files will do.
set -u
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}
DEVICE=${DEVICE:-cuda}
FILES=build/bench/files
CASES=${CASES:-sunspots mnist-rows mnist-rows-gru waves toy notes}
LIMIT=220
export PYTHONPATH=src

LINE='
import json, statistics, sys
who, case, said = sys.argv[1:]
try:
    one = json.loads(said)
    steady = statistics.median(one["steady"])
    print(f"{case:16}{who:10}{steady:12.3f}{one['"'first'"']:12.2f}{one['"'loss'"']:12.5g}")
except ValueError:
    print(f"{case:16}{who:10}      failed, or out of time")
'

mkdir -p $FILES
if [ ! -f "$FILES/${CASES##* }-0.npz" ]; then  # the last that is written
  # shellcheck disable=SC2086
  $PYTHON bench/peers/train_segue.py $FILES prepare $CASES 1 || exit 1
fi
$PYTHON -c 'import torch
n = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
print(n, "PyTorch", torch.__version__, sep=", ")' || exit 1
printf '%-16s%-10s%12s%12s%12s\n' case '' 'steady, s' 'first, s' loss
for who in segue pytorch jax; do
  for case in $CASES; do
    ((SECONDS < LIMIT)) || continue
    job="{\"case\": \"$case\", \"seed\": 0, \"threads\": 4, \"device\": \"$DEVICE\"}"
    said=$(timeout $((LIMIT + 15 - SECONDS)) $PYTHON bench/peers/train_$who.py $FILES "$job" \
      2>/dev/null | tail -n 1)
    $PYTHON -c "$LINE" $who "$case" "$said"
  done
done
echo "$SECONDS s"
