#!/usr/bin/env bash
# Unpacks the bundle beside this script (or in $1) and measures. No network is used.
#   bash run.sh [PARTS_DIR] [OUT_DIR] [SECONDS] [DEVICES]
#     OUT_DIR  where results.json and the logs go (default: $OUT, else ./gpu-results)
#     SECONDS  stop after so long (default 480)
#     DEVICES  what to measure, in order (default "cuda webgpu")
# ROBENCH_GPU_SMALL=1 measures little, to try the script itself, with DEVICES "cpu" for example.
set -u -o pipefail
parts=${1:-$(cd "$(dirname "$0")" && pwd)}
out=${2:-${OUT:-$PWD/gpu-results}}
seconds=${3:-480}
devices=${4:-cuda webgpu}
work=${ROBENCH_GPU_WORK:-${TMPDIR:-/tmp}/robench-gpu-work}
python=${PYTHON:-python3}
mkdir -p "$work" "$out"
# Python unpacks where xz is missing.
decompress() {
  if command -v xz >/dev/null; then
    xz -dc -T0
  else
    "$python" -c 'import lzma, shutil, sys
shutil.copyfileobj(lzma.open(sys.stdin.buffer), sys.stdout.buffer)'
  fi
}
if [ ! -x "$work/robench/node" ]; then
  (cd "$parts" && sha256sum --quiet --check SHA256SUMS) || exit 1
  for archive in robench-gpu robench-gpu-cuda; do
    if [ -e "$parts/$archive.tar.xz.00" ]; then
      cat "$parts/$archive".tar.xz.* | decompress | tar -C "$work" -xf - || exit 1
    fi
  done
fi
cd "$work/robench" || exit 1
if ! "$python" -c 'import torchattacks, pyautoattack' 2>/dev/null; then
  export PYTHONPATH="$work/robench/site${PYTHONPATH:+:$PYTHONPATH}"
fi
# CUDA's libraries as PyTorch's wheels bring them; a system-wide CUDA is found without.
libraries=$("$python" - <<'PY'
import glob, site, sys, os
folders = site.getsitepackages() + [p for p in sys.path if p.endswith('site-packages')]
found = sorted({os.path.realpath(f) for folder in folders for f in glob.glob(f'{folder}/nvidia/*/lib')})
print(':'.join(found))
PY
)
export LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
# WebGPU needs a Vulkan loader and driver. Containers may have the driver in NVIDIA's own folder.
if ! ldconfig -p 2>/dev/null | grep -q libvulkan.so.1; then
  LD_LIBRARY_PATH="$LD_LIBRARY_PATH:$work/robench/lib"
fi
nvidia_icd=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
if [ -z "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] && [ -e "$nvidia_icd" ]; then
  export VK_DRIVER_FILES=$nvidia_icd
fi
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$work}
export NVIDIA_TF32_OVERRIDE=0 ORT_DISABLE_TELEMETRY=1
small=${ROBENCH_GPU_SMALL:+--small}
# shellcheck disable=SC2086 # devices are separate words
./node test/bench/gpu/measure.mjs --out "$out" --seconds "$seconds" --python "$python" $small $devices
