/** The attacks under attribute transforms: compared with brute force, each other, and PGD. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { predictions } from '../../../../core/model/predictions.ts'
import type { Model } from '../../../../core/model/model.ts'
import { runAttack } from '../../../../core/plugin/host.ts'
import type { AttackRequest } from '../../../../core/plugin/attack-request.ts'
import type { HostedResult } from '../../../../core/plugin/host.ts'
import type { AttackPlugin } from '../../../../core/plugin/contract.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { float32, gatherRows } from '../../../../core/engine/tensor/tensor.ts'
import {
  LinearModel,
  compiledLinearModel,
  randomLinearClassifier,
} from '../../../../core/testing/index.ts'
import { applyAttributeTransform } from '../../../../core/threat/transforms/attribute.ts'
import { referenceExamples } from '../../../../core/threat/reference-examples.ts'
import type { ThreatModel } from '../../../../core/threat/threat-model.ts'
import type { AttributeRanges } from '../../../../core/threat/transforms/attribute.ts'
import { pgd } from '../../../../plugins/attacks/gradient/pgd.ts'
import { spa } from '../../../../plugins/attacks/semantic/spa.ts'
import { spatial } from '../../../../plugins/attacks/semantic/spatial.ts'
import { attackRequest, countOutcomes, withOptions } from '../../../support/attack-request.ts'
import { predictedLabels } from '../../../support/attack-task.ts'

const shape = [3, 6, 6] as const
const size = 108
const count = 24
const classifier = randomLinearClassifier(shape, 3, 5)
const stream = randomStream('semantic inputs')
/** A fifth of the pixels is at a bound. */
const inputs = float32(
  [count, ...shape],
  Float32Array.from({ length: count * size }, () =>
    Math.min(1, Math.max(0, 1.25 * stream.uniform() - 0.125)),
  ),
)
const ranges: AttributeRanges = {
  rotation: [-10, 10],
  translationX: [-0.3, 0.3],
  brightness: [-0.02, 0.02],
  hue: [-5, 5],
}

function threat(changes: Partial<ThreatModel> = {}): ThreatModel {
  return {
    norm: 'Linf',
    epsilon: 0.01,
    bounds: [0, 1],
    transform: { kind: 'attribute', ranges },
    ...changes,
  }
}

let engine: Model
beforeAll(async () => {
  engine = await compiledLinearModel(classifier)
})
afterAll(async () => engine.dispose())

async function attack(
  plugin: AttackPlugin<never>,
  options: Readonly<Record<string, unknown>>,
  changes: Partial<AttackRequest> & { rows?: readonly number[] } = {},
): Promise<HostedResult> {
  const { rows = Array.from({ length: count }, (_, i) => i), ...rest } = changes
  const all = await predictedLabels(new LinearModel(classifier), inputs)
  return runAttack(
    await attackRequest({
      model: engine,
      inputs: gatherRows(inputs, rows),
      exampleIndices: rows,
      reference: referenceExamples(inputs, all),
      threatModel: threat(),
      seed: 3,
      batchSize: 8,
      ...withOptions(plugin, options),
      ...rest,
    }),
  )
}

const variants: readonly (readonly [
  string,
  AttackPlugin<never>,
  Readonly<Record<string, unknown>>,
])[] = [
  ['spatial by grid', spatial, { grid: { rotation: 5, translationX: 3 } }],
  ['spatial by random search', spatial, { method: 'random', samples: 6 }],
  ['spatial by first order', spatial, { method: 'first-order', steps: 6, restarts: 2 }],
  ['spa with free noise', spa, { steps: 4, restarts: 3 }],
  ['spa with the guard', spa, { steps: 4, restarts: 3, semanticGuard: true }],
  ['spa with basis noise', spa, { noise: 'basis', steps: 4, restarts: 3 }],
  ['spa with a generator', spa, { noise: 'generator', generatorSteps: 4, steps: 3, restarts: 2 }],
]

const bytes = ({ adversarial }: HostedResult): Buffer => Buffer.from(adversarial.data.buffer)

describe.each(variants)('%s', (_, plugin, options) => {
  test("breaks some examples and not all, and passes the host's checks", async () => {
    for (const norm of plugin.meta.norms) {
      const { outcomes } = await attack(plugin, options, { threatModel: threat({ norm }) })
      expect(outcomes).toMatch(/b/)
      expect(outcomes).toMatch(/r/)
    }
  })

  test('the same seed gives the same bytes in batches of any size and order', async () => {
    const reference = await attack(plugin, options)
    for (const batchSize of [1, 64]) {
      expect(bytes(await attack(plugin, options, { batchSize })).equals(bytes(reference))).toBe(
        true,
      )
    }
    const rows = Array.from({ length: count }, (_, i) => count - 1 - i)
    const { adversarial } = await attack(plugin, options, { rows })
    expect(gatherRows(adversarial, rows).data).toEqual(reference.adversarial.data)
  })

  test('its cost is exact for examples that are never fooled', async () => {
    const { outcomes } = await attack(plugin, options)
    const rows = Array.from({ length: count }, (_, i) => i).filter((i) => outcomes[i] === 'r')
    const result = await attack(plugin, options, { rows })
    const resolved = withOptions(plugin, options).options
    const cost = plugin.cost(resolved as never, 3, 'Linf')
    expect(result.outcomes).toBe('r'.repeat(rows.length))
    const { setup = { forward: 0, backward: 0 } } = cost
    const forward = result.forwardPasses - setup.forward
    if ('semanticGuard' in options) expect(forward).toBeLessThan(cost.forward * rows.length)
    else expect(forward).toBe(cost.forward * rows.length)
    expect(result.backwardPasses - setup.backward).toBe(cost.backward * rows.length)
  })

  test('with epsilon 0 it uses attributes only, and breaks none with the guard', async () => {
    const { outcomes } = await attack(plugin, options, { threatModel: threat({ epsilon: 0 }) })
    if ('semanticGuard' in options) expect(outcomes).not.toMatch(/b/)
    else expect(outcomes).toMatch(/b/)
  })

  test('rejects a threat model without ranges and ranges that are invalid', async () => {
    const { transform: _transform, ...plain } = threat()
    await expect(attack(plugin, options, { threatModel: plain })).rejects.toThrow(/transform/)
    const scale: AttributeRanges = { rotation: [-1, 1], scale: [1.1, 2] }
    await expect(
      attack(plugin, options, {
        threatModel: threat({ transform: { kind: 'attribute', ranges: scale } }),
      }),
    ).rejects.toThrow(/must be finite and contain its neutral value 1, got 1.1 to 2/)
  })
})

describe('spatial by grid', () => {
  const axes = { rotation: [-10, -5, 0, 5, 10], translationX: [-0.3, 0, 0.3] }

  test('has the outcomes and largest margins of brute force', async () => {
    const grid = { rotation: 5, translationX: 3 }
    const labels = predictions(await engine.logits(inputs))
    const { outcomes, adversarial } = await attack(spatial, { grid })
    const largest = new Float64Array(count).fill(-Infinity)
    for (const rotation of axes.rotation) {
      for (const translationX of axes.translationX) {
        const values = {
          rotation: new Float32Array(count).fill(rotation),
          translationX: new Float32Array(count).fill(translationX),
        }
        const images = await applyAttributeTransform(inputs, { kind: 'attribute', values }, [0, 1])
        const margins = marginsOf((await engine.logits(images)).data, labels)
        margins.forEach((margin, row) => {
          largest[row] = Math.max(largest[row]!, margin)
        })
      }
    }
    const found = marginsOf((await engine.logits(adversarial)).data, labels)
    expect(outcomes).toBe(Array.from(largest, (margin) => (margin > 0 ? 'b' : 'r')).join(''))
    found.forEach((margin, row) => {
      if (outcomes[row] === 'r') expect(margin).toBeCloseTo(largest[row]!, 5)
    })
  })

  test('skips attributes without a range and rejects a grid of only such attributes', async () => {
    const narrow = threat({ transform: { kind: 'attribute', ranges: { rotation: [-10, 10] } } })
    const grid = { rotation: 5, translationX: 3 }
    const result = await attack(spatial, { grid }, { threatModel: narrow })
    const same = await attack(spatial, { grid: { rotation: 5 } }, { threatModel: narrow })
    expect(bytes(result).equals(bytes(same))).toBe(true)
    await expect(
      attack(spatial, { grid: { translationY: 3 } }, { threatModel: narrow }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: option grid: expected at least one attribute with a range in the threat model (rotation), got translationY; attributes without a range stay neutral]`,
    )
  })
})

describe('spa', () => {
  test('with a generator rejects a model that cannot be compiled', async () => {
    const model = new LinearModel(classifier)
    await expect(attack(spa, { noise: 'generator' }, { model })).rejects.toThrow(
      /no graph to compile with/,
    )
  })

  test('is never weaker than pgd in the ball around the input', async () => {
    for (const norm of ['Linf', 'L2'] as const) {
      const threatModel = threat({ norm, epsilon: norm === 'Linf' ? 0.02 : 0.15 })
      const { transform: _transform, ...plain } = threatModel
      const joint = await attack(spa, { steps: 10, restarts: 3 }, { threatModel })
      const alone = await attack(pgd, { steps: 10 }, { threatModel: plain })
      const missed = [...alone.outcomes].filter((o, i) => o === 'b' && joint.outcomes[i] === 'r')
      expect(missed).toEqual([])
      expect(joint.outcomes.match(/b/g)!.length).toBeGreaterThan(alone.outcomes.match(/b/g)!.length)
    }
  })

  test('breaks fewer images with the guard', async () => {
    const wide: AttributeRanges = { rotation: [-60, 60], brightness: [-0.2, 0.2] }
    const threatModel = threat({ transform: { kind: 'attribute', ranges: wide } })
    const options = { steps: 6, restarts: 4 }
    const free = await attack(spa, options, { threatModel })
    const guarded = await attack(spa, { ...options, semanticGuard: true }, { threatModel })
    const broken = countOutcomes(guarded.outcomes, 'b')
    expect(broken).toBeLessThan(countOutcomes(free.outcomes, 'b'))
    expect(broken).toBeGreaterThan(0)
  })
})

function marginsOf(logits: Float32Array, labels: Int32Array): number[] {
  return Array.from(labels, (label, row) => {
    const z = logits.subarray(row * 3, row * 3 + 3)
    return Math.max(...z.filter((_, k) => k !== label)) - z[label]!
  })
}
