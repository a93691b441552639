/** The battery finds what is wrong with an attack, and only that. */
import { expect, test } from 'vitest'
import type { AttackContext, AttackMeta, AttackPlugin } from '../../../core/plugin/contract.ts'
import { attackConformance } from '../../../core/testing/index.ts'
import { float32 } from '../../../core/engine/tensor/tensor.ts'
import type { FloatTensor } from '../../../core/engine/tensor/tensor.ts'

const meta: AttackMeta = {
  id: 'acme/test',
  apiVersion: 1,
  version: 1,
  title: 'Test',
  provenance: 'own',
  norms: ['Linf'],
  knowledge: 'black-box',
  goals: ['untargeted'],
  stochastic: false,
}

/** Asks the model once per batch and returns its inputs: passes every check. */
async function harmless({ model, inputs, batchSize, signal }: AttackContext): Promise<FloatTensor> {
  const [count = 0, ...shape] = inputs.shape
  const size = inputs.data.length / count
  for (let start = 0; start < count; start += batchSize) {
    signal.throwIfAborted()
    const end = Math.min(count, start + batchSize)
    const data = inputs.data.slice(start * size, end * size)
    await model.logits(float32([end - start, ...shape], data))
  }
  return inputs
}

/** The names of the checks that an attack fails. */
async function failures(changes: Partial<AttackPlugin<never>>): Promise<string[]> {
  const plugin: AttackPlugin<never> = {
    kind: 'attack',
    meta,
    run: harmless,
    cost: () => ({ forward: 1, backward: 0 }),
    ...changes,
  }
  const failed: string[] = []
  for (const { name, run } of attackConformance({ plugin })) {
    await run().catch(() => failed.push(name))
  }
  return failed
}

/** The harmless attack, its answer changed by at most 0.05 a component towards 0.5. */
function moving(step: (context: AttackContext, row: number) => number) {
  return async (context: AttackContext): Promise<FloatTensor> => {
    await harmless(context)
    const { inputs } = context
    const size = inputs.data.length / inputs.shape[0]!
    const data = inputs.data.map(
      (x, i) => x + (x > 0.5 ? -0.05 : 0.05) * step(context, Math.floor(i / size)),
    )
    return float32(inputs.shape, data)
  }
}

test('an attack that keeps to everything passes', async () => {
  expect(await failures({})).toEqual([])
  expect(await failures({ run: moving(() => 1) })).toEqual([])
})

test('a wrong cost is found', async () => {
  expect(await failures({ cost: () => ({ forward: 2, backward: 0 }) })).toEqual([
    'Linf: its cost is what an example takes that is never fooled',
  ])
})

test('a random choice that follows the place in the batch is found', async () => {
  expect(await failures({ run: moving((_, row) => (row % 2 ? 1 : 0)) })).toContain(
    'Linf: the order of the examples changes nothing',
  )
  expect(await failures({ run: moving(({ batchSize }) => 1 / batchSize) })).toEqual([
    'Linf: batches of 1, 7 and 32 give the same bytes',
  ])
})

test('an attack that keeps what it saw of its examples is found', async () => {
  const run = async (context: AttackContext): Promise<FloatTensor> => {
    const share = await context.setupOnce('share', async () => context.inputs.data[0]!)
    return moving(() => share)(context)
  }
  expect(await failures({ run })).toContain(
    'Linf: what it learns once depends on no example that it attacks',
  )
  const sound = async (context: AttackContext): Promise<FloatTensor> => {
    const { reference } = context
    const share = await context.setupOnce(
      'share',
      async () => reference.select([0]).inputs.data[0]!,
    )
    return moving(() => share)(context)
  }
  expect(await failures({ run: sound })).toEqual([])
})

test('an undeclared use of the seed is found, and a declared one is right', async () => {
  const run = moving(({ rng }, row) => rng.stream(row, 0).uniform())
  expect(await failures({ run })).toEqual(['Linf: the seed changes nothing'])
  expect(await failures({ run, meta: { ...meta, stochastic: true } })).toEqual([])
  expect(await failures({ meta: { ...meta, stochastic: true } })).toEqual([
    'Linf: another seed gives another answer',
  ])
})

test('an answer outside the ball is found by every check that runs the attack to its end', async () => {
  const failed = await failures({ run: moving(() => 2) })
  expect(failed).toContain(
    'Linf: its answers keep to bounds and ball, and its inputs stay as they are',
  )
})

test('an attack that swallows the abort is stopped by the host', async () => {
  const swallowing = async (context: AttackContext): Promise<FloatTensor> => {
    await harmless(context).catch(() => {})
    return context.inputs
  }
  expect(await failures({ run: swallowing })).toEqual([])
})

test('bad meta and an open options schema are found', async () => {
  const open = { type: 'object', additionalProperties: true, properties: {} }
  const failed = await failures({ meta: { ...meta, title: '', optionsSchema: open } })
  expect(failed).toEqual(
    expect.arrayContaining(['its meta keeps to the contract', 'it refuses unknown options']),
  )
})
