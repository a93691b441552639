/** What to install so that a provider works. */
import { documentationPath } from '../base/paths.ts'
import type { ProviderId } from './device.ts'

/** A provider that does not work here. */
export interface ProviderTrouble {
  readonly provider: ProviderId
  /** Its library is beside the package's own. */
  readonly found: boolean
  readonly reason: string
  /** Number of GPUs that `nvidia-smi` reports. */
  readonly gpus: number
  /** Directory of onnxruntime's native libraries. */
  readonly folder: string
  /** Version of onnxruntime. */
  readonly version: string
}

/** Lines of text; commands are indented by two spaces. Empty if nothing can be done. */
export function installAdvice(trouble: ProviderTrouble): string[] {
  const { provider, gpus, found } = trouble
  if (provider === 'cuda') {
    if (gpus === 0)
      return ['nvidia-smi reports no GPU: install the NVIDIA driver, or use another machine']
    return found ? cudaLibraries : cudaProvider(trouble)
  }
  if (provider === 'webgpu' && process.platform === 'linux') return vulkan()
  return []
}

/** The provider itself, in two ways. */
function cudaProvider({ folder, version }: ProviderTrouble): string[] {
  return [
    'The npm package leaves out its CUDA provider. Where nuget.org can be reached (CUDA 12):',
    '  npm rebuild onnxruntime-node --onnxruntime-node-install=cuda12',
    'Else from PyPI or a mirror of it (CUDA 13):',
    `  pip download onnxruntime-gpu==${version} --no-deps`,
    `  unzip -j onnxruntime_gpu-*.whl '*providers_cuda.so' '*providers_shared.so' -d ${folder}`,
    ...cudaLibraries,
  ]
}

const cudaLibraries = [
  'It needs cuBLAS, cuRAND, cuDNN 9, and the CUDA runtime on LD_LIBRARY_PATH. From PyPI (CUDA 13):',
  '  pip install --target cuda nvidia-cublas nvidia-cuda-runtime nvidia-curand nvidia-cudnn-cu13',
  '  export LD_LIBRARY_PATH="$(echo $PWD/cuda/nvidia/*/lib | tr " " ":")"',
]

const vulkan = (): string[] => [
  'It needs the Vulkan loader (libvulkan1) and the driver of a GPU. Without a GPU, SwiftShader ' +
    `computes in software, slowly: see ${documentationPath('gpu')}. On Debian:`,
  '  apt-get install libvulkan1 chromium',
  '  export VK_DRIVER_FILES=/usr/lib/chromium/vk_swiftshader_icd.json',
  '  export VK_ICD_FILENAMES=$VK_DRIVER_FILES',
]
