/** Names of devices, GPUs, and the device of a run. */
import { describe, expect, test } from 'vitest'
import { chooseDevice } from '../../../core/machine/choose-device.ts'
import { parseDevice } from '../../../core/machine/device.ts'
import { gpuForEachProcess, nvidiaGpus, parseGpus } from '../../../core/machine/gpus.ts'
import { plainReason } from '../../../core/machine/probe-device.ts'

describe('parseDevice', () => {
  test('reads a provider and a number', () => {
    expect(parseDevice('cpu')).toEqual({ provider: 'cpu' })
    expect(parseDevice('cuda:3')).toEqual({ provider: 'cuda', index: 3 })
    expect(parseDevice('cuda:3/float16')).toEqual({ provider: 'cuda', index: 3 })
    expect(parseDevice('webgpu/float16')).toEqual({ provider: 'webgpu' })
  })

  test.each([
    ['cudaa', '--device: unknown device "cudaa"; did you mean "cuda"?'],
    ['', '--device: unknown device ""'],
    ['cpu:1', '--device: cpu has no device numbers'],
    ['cuda:', '--device: expected a number after "cuda:", got "cuda:"'],
    ['cuda:1:2', '--device: expected a number after "cuda:", got "cuda:1:2"'],
    ['cuda/bfloat16', '--device: unknown precision in "cuda/bfloat16" (expected float16'],
    ['cuda/', '--device: unknown precision in "cuda/" (expected float16'],
    ['cuda/float16:1', '--device: unknown precision in "cuda/float16:1" (expected float16'],
    ['cudaa/float16', '--device: unknown device "cudaa"; did you mean "cuda"?'],
    ['cuda:-1', '--device: expected a number after "cuda:", got "cuda:-1"'],
  ])('refuses "%s"', (text, message) => {
    expect(() => parseDevice(text)).toThrow(message)
  })
})

describe('GPUs', () => {
  const printed = [
    '0, GPU-5d9c1a, NVIDIA H100 80GB HBM3, 81559, 550.54.15',
    '1, GPU-77aa02, NVIDIA GeForce RTX 4090, 24564, 550.54.15',
    'Unable to determine the device handle for GPU0000:41:00.0: Unknown Error',
    '',
  ].join('\n')
  const gpus = parseGpus(printed)

  test('are read from what nvidia-smi prints', () => {
    expect(gpus).toEqual([
      {
        index: 0,
        uuid: 'GPU-5d9c1a',
        name: 'NVIDIA H100 80GB HBM3',
        memoryBytes: 81559 * 2 ** 20,
        driver: '550.54.15',
      },
      {
        index: 1,
        uuid: 'GPU-77aa02',
        name: 'NVIDIA GeForce RTX 4090',
        memoryBytes: 24564 * 2 ** 20,
        driver: '550.54.15',
      },
    ])
  })

  test('are none where there is no nvidia-smi', async () => {
    expect(await nvidiaGpus('no-such-command')).toEqual([])
  })

  test.each([
    [undefined, ['0', '1']],
    ['1', ['1']],
    ['3, 2', ['3', '2']],
    ['GPU-77aa02', ['GPU-77aa02']],
    ['1,-1,0', ['1']],
    ['', []],
  ])('are divided among processes within CUDA_VISIBLE_DEVICES=%s', (visible, expected) => {
    expect(gpuForEachProcess(gpus, visible)).toEqual(expected)
  })
})

describe('chooseDevice', () => {
  test('takes the CPU without asking', async () => {
    expect(await chooseDevice('cpu')).toEqual({ device: 'cpu', environments: [] })
  })

  test('says in one line why a provider does not work', async () => {
    const absent = process.platform === 'darwin' ? 'dml' : 'coreml'
    await expect(chooseDevice(absent)).rejects.toThrow(
      `--device ${absent}: it does not work here: this build of onnxruntime does not have it; ` +
        'robench doctor says what is missing',
    )
  })

  test('auto takes the CPU where there is no GPU, and says why', async () => {
    const machine = {
      platform: 'linux',
      gpus: () => nvidiaGpus('no-such-command'),
      probe: () => Promise.reject(new Error('nothing to try')),
      visible: undefined,
    } as const
    expect(await chooseDevice('auto', machine)).toEqual({
      device: 'cpu',
      environments: [],
      remark: '--device auto: cpu (no NVIDIA GPU was found)',
    })
  })
})

test.each([
  [
    '/a/b.cc:1988 Get() FAIL : libcudnn.so.9: cannot open shared object file: No such file',
    'the library libcudnn.so.9 is not found',
  ],
  ['no available backend found. ERR: [dml] backend not found.', 'this build of onnxruntime'],
  ['/x/y.cc:12 Init() CUDA failure 100: no CUDA-capable device is detected', 'CUDA failure 100'],
  ['', 'it ended without a message'],
])('the reason within "%s"', (message, reason) => {
  expect(plainReason(message)).toContain(reason)
  expect(plainReason(message)).not.toMatch(/\n|\.cc:/)
})

test('the reason why WebGPU finds no adapter is not a message of a graphics library', () => {
  const side = 'error: XDG_RUNTIME_DIR is invalid or not set in the environment.\n'
  const end = 'probe: Failed to get a WebGPU adapter: No supported adapters'
  const lacks = 'Warning: Vulkan shaderUniform*ArrayDynamicIndexing required.\n'
  expect(plainReason(side + end)).toBe('no GPU that it can use is found')
  expect(plainReason(side + lacks + end)).toBe(
    'no GPU that it can use is found: the Vulkan driver lacks shaderUniform*ArrayDynamicIndexing',
  )
  expect(plainReason(`${side}probe: it failed`)).toBe('probe: it failed')
})
