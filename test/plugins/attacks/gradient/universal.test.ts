/**
 * The universal perturbation: one for all images, within the ball, learned from the reference only.
 */
import { describe, expect, test } from 'vitest'
import { runAttack } from '../../../../core/plugin/host.ts'
import type { AttackRequest } from '../../../../core/plugin/attack-request.ts'
import type { HostedResult } from '../../../../core/plugin/host.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { float32, gatherRows, sliceRows } from '../../../../core/engine/tensor/tensor.ts'
import { referenceExamples } from '../../../../core/threat/reference-examples.ts'
import { distance } from '../../../../core/threat/verify.ts'
import { additiveNoise } from '../../../../plugins/attacks/noise/additive-noise.ts'
import { universal } from '../../../../plugins/attacks/gradient/universal.ts'
import { linearCase, withOptions } from '../../../support/attack-request.ts'

const epsilons = { Linf: 0.04, L2: 0.25 } as const

/** A request whose reference contains other examples. */
async function subject(norm: 'Linf' | 'L2'): Promise<Omit<AttackRequest, 'plugin' | 'options'>> {
  const threatModel = { norm, epsilon: epsilons[norm], bounds: [0, 1] } as const
  const { request } = await linearCase({ classes: 3, count: 60, size: 48 }, { threatModel })
  const stream = randomStream(5, 'universal reference')
  const pixels = Float32Array.from({ length: 80 * 48 }, () => stream.uniform())
  const others = float32([80, 1, 1, 48], pixels)
  const logits = await request.model.logits(others)
  const labels = Int32Array.from({ length: 80 }, (_, row) => {
    const z = sliceRows(logits, row, row + 1).data
    return z.indexOf(Math.max(...z))
  })
  return { ...request, reference: referenceExamples(others, labels) }
}

/** x' − x per example, where x is more than ε from the bounds; NaN elsewhere. */
function moves({ adversarial }: HostedResult, { inputs, threatModel }: AttackRequest): number[][] {
  const { epsilon } = threatModel
  return Array.from({ length: inputs.shape[0]! }, (_, row) => {
    const x = sliceRows(inputs, row, row + 1).data
    const point = sliceRows(adversarial, row, row + 1).data
    return Array.from(x, (pixel, i) =>
      pixel > epsilon && pixel < 1 - epsilon ? point[i]! - pixel : Number.NaN,
    )
  })
}

const options = { examples: 60, epochs: 6, stepExamples: 20 }

describe.each(['Linf', 'L2'] as const)('%s', (norm) => {
  test('every example moves by the same perturbation, as long as the radius', async () => {
    const request = { ...(await subject(norm)), ...withOptions(universal, options) }
    const result = await runAttack(request)
    const all = moves(result, request)
    const shared = Float64Array.from({ length: 48 }, (_, i) => {
      const known = all.map((move) => move[i]!).filter((value) => !Number.isNaN(value))
      expect(known.length).toBeGreaterThan(10)
      // A sum in [0, 1] is rounded to float32.
      expect(Math.max(...known) - Math.min(...known)).toBeLessThan(2 ** -22)
      return known[0]!
    })
    const length = distance(norm, new Float64Array(48), shared)
    expect(length / epsilons[norm]).toBeCloseTo(1, 5)
  })

  test('it breaks more examples than ten draws of noise', async () => {
    const request = await subject(norm)
    const broken = (result: HostedResult): number => result.outcomes.split('b').length - 1
    const learned = await runAttack({ ...request, ...withOptions(universal, options) })
    const drawn = await runAttack({ ...request, ...withOptions(additiveNoise, {}) })
    expect([learned, drawn].map(broken)).toEqual({ Linf: [14, 12], L2: [13, 10] }[norm])
  })

  test('it does not depend on the other examples, the batch size, or the seed', async () => {
    const request = { ...(await subject(norm)), ...withOptions(universal, options) }
    const whole = await runAttack(request)
    const rows = [41, 7, 22]
    const part = await runAttack({
      ...request,
      inputs: gatherRows(request.inputs, rows),
      labels: Int32Array.from(rows, (row) => request.labels[row]!),
      cleanPredictions: Int32Array.from(rows, (row) => request.cleanPredictions[row]!),
      exampleIndices: rows,
      batchSize: 7,
      seed: 9,
    })
    expect(part.adversarial).toEqual(gatherRows(whole.adversarial, rows))
  })
})

test('all passes are used for learning', async () => {
  const chosen = withOptions(universal, options)
  const result = await runAttack({ ...(await subject('Linf')), ...chosen })
  expect([result.forwardPasses, result.backwardPasses]).toEqual([360, 360])
  expect(universal.cost(chosen.options as never, 3)).toEqual({
    forward: 0,
    backward: 0,
    setup: { forward: 360, backward: 360 },
  })
})

test('it learns from all examples if there are fewer than requested', async () => {
  const chosen = withOptions(universal, { examples: 500, epochs: 2, stepExamples: 33 })
  const { backwardPasses } = await runAttack({ ...(await subject('Linf')), ...chosen })
  expect(backwardPasses).toBe(160)
})

test('examples beyond the loss limit do not contribute', async () => {
  const chosen = withOptions(universal, { ...options, lossLimit: 1e-9 })
  const request = await subject('Linf')
  const { adversarial } = await runAttack({ ...request, ...chosen })
  expect(adversarial).toEqual(request.inputs)
})
