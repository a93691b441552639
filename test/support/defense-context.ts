/** Prepares a defense in a test, around a base model that shows its input. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { memoryDataset } from '../../core/data/memory-dataset.ts'
import type { Dataset } from '../../core/data/dataset.ts'
import { g } from '../../core/engine/graph/graph.ts'
import { toOnnx } from '../../core/engine/graph/serialize.ts'
import { Session } from '../../core/engine/graph/session.ts'
import type { FloatTensor } from '../../core/engine/tensor/tensor.ts'
import type { DefensePlugin, DefenseResult } from '../../core/plugin/contract.ts'
import { resolveOptions } from '../../core/plugin/options.ts'
import type { NetworkDefinition } from '../../core/training/network.ts'
import type { ThreatModel } from '../../core/threat/threat-model.ts'

/** What the defense gets beside its options. */
export interface DefenseSetting {
  readonly shape: readonly [number, number, number]
  readonly classes?: number
  /** The file `base.onnx`. */
  readonly base?: Uint8Array
  readonly network?: NetworkDefinition
  readonly data?: Dataset
  readonly threatModel?: ThreatModel
}

/** Prepares a defense with options, checked against its schema. */
export async function prepareDefense<Options>(
  defense: DefensePlugin<Options>,
  options: Readonly<Record<string, unknown>>,
  setting: DefenseSetting,
): Promise<DefenseResult> {
  const { shape, classes = 2, base, network, data, threatModel } = setting
  const folder = mkdtempSync(join(tmpdir(), 'defense-'))
  if (base) writeFileSync(join(folder, 'base.onnx'), base)
  try {
    return await defense.prepare({
      // The options were validated against the plugin's schema.
      options: resolveOptions(defense.meta, options, 'options') as never,
      seed: 0,
      threatModel: threatModel ?? { norm: 'Linf', epsilon: 0.1, bounds: [0, 1] },
      dataset: {
        id: 'test',
        shape,
        classNames: Array.from({ length: classes }, (_, i) => `class ${i}`),
      },
      loadTrain: () => (data ? Promise.resolve(data) : Promise.reject(new Error('no training'))),
      network: () => (network ? Promise.resolve(network) : Promise.reject(new Error('no network'))),
      resolvePath: (path) => resolve(folder, path),
      checkpointFolder: join(folder, 'checkpoints'),
      threads: 1,
      device: 'cpu',
      signal: new AbortController().signal,
      progress: () => undefined,
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** A model file whose logits are the image itself, so that a defense shows what it does to it. */
export function mirrorFile(shape: readonly [number, number, number]): Uint8Array {
  const x = g.input('x', 'float32', ['n', ...shape])
  return toOnnx({ logits: g.op('Flatten', [x])[0]! }, [x])
}

/** The logits of a file in onnxruntime alone. @param input the name of its input */
export async function runFile(
  file: Uint8Array,
  images: FloatTensor,
  input = 'images',
): Promise<FloatTensor> {
  const session = await Session.load(file)
  try {
    return (await session.run({ [input]: images }))['logits'] as FloatTensor
  } finally {
    await session.release()
  }
}

/** Images of `[channels, height, width]` with 8-bit pixels as a training set. */
export function trainingSet(
  shape: readonly [number, number, number],
  pixels: Uint8Array,
  labels: Int32Array,
  classes: number,
): Dataset {
  const classNames = Array.from({ length: classes }, (_, i) => `class ${i}`)
  const facts = { id: 'test', title: 'Test', split: 'train', toy: true } as const
  return memoryDataset({ ...facts, shape, classNames, pixels, labels })
}
