#!/usr/bin/env bash
# What a machine with a GPU has to say of rdslab's times. Run it there, in the project's root:
#   benchmarks/gpu_session.sh [tests] [times] [apart]      all three if none is named; `times` alone takes some 8 minutes
# Results go into the folder $OUT, or gpu_results:
#   machine.txt  the GPU, its clocks, and the versions
#   tests.txt    the tests of the GPU's backends
#   times.jsonl  a line for each backend, precision and part inside the timer: its times, or why there are none
#   apart.txt    the same net twice, and one with 5 % more work
set -uo pipefail
out=${OUT:-gpu_results}
python=${PYTHON:-python3}
nets=(${NETS:-rdsnet erfnet enet})
size=${SIZE:-1024x512}
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(tests times apart)
mkdir -p "$out"

machine() {
  nvidia-smi || echo "no nvidia-smi"
  nvidia-smi -q -d CLOCK,POWER,TEMPERATURE,PERFORMANCE || true
  "$python" -c 'import torch; print(torch.__version__, torch.version.cuda, torch.backends.cudnn.version())'
  "$python" -c 'import onnxruntime; print(onnxruntime.__version__, onnxruntime.get_available_providers())'
  command -v trtexec || echo "no trtexec on the PATH"
}

# One way to time, as a line of JSON: {"asked": [...], "status": 0, "found": [...], "said": "..."}
one() {
  local found said status
  found=$(mktemp) said=$(mktemp)
  timeout 180 "$python" -m rdslab time "${nets[@]}" --size "$size" --json "$@" >"$found" 2>"$said"
  status=$?
  "$python" - "$status" "$found" "$said" "$@" <<'EOF'
import json, pathlib, sys

status, found, said, *asked = sys.argv[1:]
text = pathlib.Path(found).read_text()
answer = json.loads(text) if text.strip() else None
words = pathlib.Path(said).read_text()[-2000:]
print(json.dumps({"asked": asked, "status": int(status), "found": answer, "said": words}))
EOF
  rm -f "$found" "$said"
}

time_all() {
  local backend precision
  for backend in torch compile cuda_graph onnxruntime onnxruntime_tensorrt tensorrt; do
    for precision in fp32 fp16 bf16; do
      one --backend "$backend" --precision "$precision" --form deployed
    done
  done
  one --backend torch --form eager
  one --backend cuda_graph --precision fp16 --form deployed --inside labels
  one --backend cuda_graph --precision fp16 --form deployed --inside copies
}


machine >"$out/machine.txt" 2>&1
for part in "${parts[@]}"; do
  case $part in
    tests) timeout 240 "$python" -m pytest -q -n 0 tests/test_backends*.py >"$out/tests.txt" 2>&1 ;;
    times) time_all >"$out/times.jsonl" ;;
    apart) timeout 300 "$python" benchmarks/told_apart.py >"$out/apart.txt" 2>&1 ;;
    *) echo "expected tests, times or apart, got '$part'" >&2 && exit 2 ;;
  esac
  echo "$part: status $?"
done
