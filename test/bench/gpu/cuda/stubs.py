"""
Writes stub libraries that let onnxruntime's CUDA provider create sessions without a GPU.

    python3 stubs.py libonnxruntime_providers_cuda.so FOLDER

The provider's undefined symbols of libcudart, libcublas, and libcublasLt become functions that
return success. Memory is the host's, and kernels do nothing. With FOLDER on LD_LIBRARY_PATH,
sessions are created and nodes are placed as on a device, but results are meaningless. Needs nm and
gcc.
"""

import collections
import pathlib
import subprocess
import sys

allocate = "int f(void **p, size_t n) { return !(*p = aligned_alloc(256, (n + 256) & ~255ul)); }"
# Only what sessions read. Attribute 75 is the major compute capability, here Hopper's.
functions = {
    "cudaMalloc": allocate,
    "cudaMallocHost": allocate,
    "cudaHostAlloc": allocate,
    "cudaMemcpy": "int f(void *to, void *from, size_t n) { memcpy(to, from, n); return 0; }",
    "cudaMemcpyAsync": "int f(void *to, void *from, size_t n) { memcpy(to, from, n); return 0; }",
    "cudaMemset": "int f(void *to, int value, size_t n) { memset(to, value, n); return 0; }",
    "cudaMemsetAsync": "int f(void *to, int value, size_t n) { memset(to, value, n); return 0; }",
    "cudaGetDeviceCount": "int f(int *n) { *n = 1; return 0; }",
    "cudaGetDevice": "int f(int *n) { *n = 0; return 0; }",
    "cudaMemGetInfo": "int f(size_t *free, size_t *all) { *free = *all = 80ul << 30; return 0; }",
    "cudaRuntimeGetVersion": "int f(int *v) { *v = 13000; return 0; }",
    "cudaDriverGetVersion": "int f(int *v) { *v = 13000; return 0; }",
    "cudaGetErrorString": 'const char *f() { return "stub"; }',
    "cudaGetErrorName": 'const char *f() { return "stub"; }',
    "cudaStreamCreate": "int f(void **s) { *s = malloc(64); return 0; }",
    "cudaStreamCreateWithFlags": "int f(void **s) { *s = malloc(64); return 0; }",
    "cudaEventCreate": "int f(void **s) { *s = malloc(64); return 0; }",
    "cudaEventCreateWithFlags": "int f(void **s) { *s = malloc(64); return 0; }",
    "cudaDeviceGetAttribute": "int f(int *v, int a) { *v = a == 75 ? 9 : a == 76 ? 0 : 1024;"
    " return 0; }",
    # Fields from byte 256, after the name; the major and minor compute capability at 360 and 364.
    "cudaGetDeviceProperties": "int f(int *p) { memset(p, 0, 912); strcpy((char *)p, \"stub\");"
    " for (int i = 64; i < 228; i++) p[i] = i == 90 ? 9 : i == 91 ? 0 : 1024; return 0; }",
    "cudaStreamIsCapturing": "int f(void *s, int *v) { *v = 0; return 0; }",
    "cublasCreate_v2": "int f(void **h) { *h = malloc(64); return 0; }",
    "cublasLtCreate": "int f(void **h) { *h = malloc(64); return 0; }",
    "__cudaRegisterFatBinary": "void **f() { static void *h[4]; return h; }",
}


def main(provider: str, folder: str) -> None:
    names = collections.defaultdict(set)
    names["libcurand.so.10"] = set()
    names["libcuda.so.1"] = {"cuTensorMapEncodeTiled"}
    listing = ["nm", "-D", "--undefined-only", "--with-symbol-versions", provider]
    for line in subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split():
        name, _, library = line.partition("@")
        if library.startswith("libcu"):
            names[library].add(name)
    for library, symbols in names.items():
        write(pathlib.Path(folder), library, sorted(symbols))


def write(folder: pathlib.Path, library: str, symbols: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / f"{library}.c"
    versions = folder / f"{library}.map"
    lines = ["#include <stdlib.h>", "#include <string.h>"]
    for symbol in symbols:
        text = functions.get(symbol, "int f() { return 0; }")
        lines.append(text.replace(" f(", f" {symbol}(").replace("*f(", f"*{symbol}("))
    source.write_text("\n".join(lines) + "\n")
    versions.write_text(f"{library} {{ global: *; }};\n")
    words = ["gcc", "-w", "-shared", "-fPIC", f"-Wl,-soname,{library}"]
    if library.startswith(("libcudart", "libcublas")):
        words.append(f"-Wl,--version-script={versions}")
    subprocess.run([*words, str(source), "-o", str(folder / library)], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
