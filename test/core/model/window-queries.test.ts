/** Window queries pass through the host's guard, and are whole passes on other views. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../../../core/base/paths.ts'
import { float32, type FloatTensor } from '../../../core/engine/tensor/tensor.ts'
import type { ClassifierModel } from '../../../core/model/classifier.ts'
import { delegateModel } from '../../../core/model/delegate.ts'
import { loadModel } from '../../../core/model/load.ts'
import type { Model } from '../../../core/model/model.ts'
import {
  incrementalPasses,
  windowQueries,
  type IncrementalModel,
} from '../../../core/model/window-queries.ts'
import type { AttackMeta } from '../../../core/plugin/contract.ts'
import { guardModel } from '../../../core/plugin/guarded-model.ts'
import { square } from '../../../plugins/attacks/square/square.ts'

const sides = new Map([[2, 1]])
const window = { top: 3, left: 4, side: 2 }
const points = float32([2, 3, 32, 32], new Float32Array(2 * 3 * 32 * 32).fill(0.5))
let model: ClassifierModel

beforeAll(async () => {
  const file = join(packageRoot(), 'models/cifar10-pgd-at.onnx')
  const { manifest } = JSON.parse(await readFile(`${file}.json`, 'utf8'))
  model = await loadModel(new Uint8Array(await readFile(file)), manifest)
})
afterAll(() => model.dispose())

function isIncremental(view: Model): boolean {
  return (view as IncrementalModel)[incrementalPasses] !== undefined
}

test('the guard counts and observes them, and stops them on the signal', async () => {
  const controller = new AbortController()
  const observed: FloatTensor[] = []
  const released: object[] = []
  const meta: AttackMeta = square.meta
  const guarded = guardModel(model, meta, controller.signal, {
    observe: (batch) => observed.push(batch),
    compiled: (program) => released.push(program),
  })
  expect(isIncremental(guarded)).toBe(true)
  const queries = await windowQueries(guarded, sides)
  expect(released).toHaveLength(1)
  const before = model.passes.forward
  await queries.logits(points, [{ window }, { window: undefined }])
  expect(model.passes.forward - before).toBe(2)
  expect(observed).toEqual([points])
  controller.abort(new Error('stopped'))
  await expect(queries.logits(points, [{ window }, { window }])).rejects.toThrow('stopped')
  await queries.release()
})

test('on another view they are whole passes of the view', async () => {
  let calls = 0
  const view = delegateModel(model, {
    logits: (inputs) => {
      calls += 1
      return model.logits(inputs)
    },
  })
  expect(isIncremental(view)).toBe(false)
  const queries = await windowQueries(view, sides)
  const logits = await queries.logits(points, [{ window }, { window }])
  expect(logits).toEqual(await model.logits(points))
  expect(calls).toBe(1)
})
