/** Square gives the same outcomes with incremental and with whole passes. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { squareSearch } from '../../../../plugins/attacks/square/square-search.ts'
import type { SquareFindings } from '../../../../plugins/attacks/square/square-search.ts'
import { embeddedDataset } from '../../../../core/data/embedded.ts'
import { delegateModel } from '../../../../core/model/delegate.ts'
import { loadModel } from '../../../../core/model/load.ts'
import type { Model } from '../../../../core/model/model.ts'
import { incrementalPasses, type IncrementalModel } from '../../../../core/model/window-queries.ts'
import { packageRoot } from '../../../../core/base/paths.ts'
import { verifyInside } from '../../../../core/threat/verify.ts'
import { attackTask } from '../../../support/attack-task.ts'

const count = 16
const size = 3 * 32 * 32
const threatModel = { norm: 'Linf', epsilon: 6 / 255, bounds: [0, 1] } as const
const dataset = embeddedDataset('test')
const inputs = dataset.rows(Int32Array.from({ length: count }, (_, row) => row))
const labels = Int32Array.from(dataset.labels.slice(0, count))

function search(model: Model, batchSize: number): Promise<SquareFindings> {
  return squareSearch(attackTask({ model, inputs, labels, threatModel, batchSize }), {
    queries: 150,
    restarts: 1,
    initialFraction: 0.8,
    rescaleSchedule: true,
  })
}

test('outcomes and queries equal those of whole passes in batches of any size', async () => {
  const file = join(packageRoot(), 'models/quickstart-pgd-at.onnx')
  const { manifest } = JSON.parse(await readFile(`${file}.json`, 'utf8'))
  const model = await loadModel(new Uint8Array(await readFile(file)), manifest)
  let isIncremental = false
  const watchedView: Partial<IncrementalModel> = {
    [incrementalPasses]: async (sides) => {
      const passes = await model[incrementalPasses](sides)
      isIncremental = passes !== undefined
      return passes
    },
  }
  const watched = delegateModel(model, watchedView)
  const windowed = await search(watched, count)
  const inParts = await search(watched, 5)
  const whole = await search(delegateModel(model, {}), count)
  expect(isIncremental).toBe(true)
  expect(inParts.adversarial.data).toEqual(windowed.adversarial.data)
  expect(windowed.fooled).toEqual(whole.fooled)
  expect(windowed.queries).toEqual(whole.queries)
  expect(new Set(whole.fooled)).toEqual(new Set([0, 1]))
  for (let row = 0; row < count; row++) {
    const [center, point] = [inputs, windowed.adversarial].map(({ data }) =>
      data.subarray(row * size, (row + 1) * size),
    )
    expect(verifyInside(threatModel, center!, point!)).toBeUndefined()
  }
  await model.dispose()
})
