/** The battery finds each defect of an attack, and nothing else. */
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

/** Queries the model once per batch and returns its inputs: passes every check. */
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

/** The harmless attack, with each component moved by up to 0.05 toward 0.5. */
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

test('an attack that follows the contract passes', async () => {
  expect(await failures({})).toEqual([])
  expect(await failures({ run: moving(() => 1) })).toEqual([])
})

test('a wrong cost is found', async () => {
  expect(await failures({ cost: () => ({ forward: 2, backward: 0 }) })).toEqual([
    'Linf: its cost is that of an example that is never broken',
  ])
})

test('a choice that depends on the position in the batch is found', async () => {
  expect(await failures({ run: moving((_, row) => (row % 2 ? 1 : 0)) })).toContain(
    'Linf: the order of the examples has no effect',
  )
  expect(await failures({ run: moving(({ batchSize }) => 1 / batchSize) })).toEqual([
    'Linf: batches of 1, 7 and 32 give the same bytes',
  ])
})

test('a cached setup that depends on the attacked examples is found', async () => {
  const run = async (context: AttackContext): Promise<FloatTensor> => {
    const share = await context.setupOnce('share', async () => context.inputs.data[0]!)
    return moving(() => share)(context)
  }
  expect(await failures({ run })).toContain(
    'Linf: its cached setup does not depend on the attacked examples',
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

test('an undeclared use of the seed is found, a declared one is accepted', async () => {
  const run = moving(({ rng }, row) => rng.stream(row, 0).uniform())
  expect(await failures({ run })).toEqual(['Linf: the seed has no effect'])
  expect(await failures({ run, meta: { ...meta, stochastic: true } })).toEqual([])
  expect(await failures({ meta: { ...meta, stochastic: true } })).toEqual([
    'Linf: another seed gives another result',
  ])
})

test('a result outside the ball is found', async () => {
  const failed = await failures({ run: moving(() => 2) })
  expect(failed).toContain('Linf: its results are within bounds and ball; it keeps its inputs')
})

test('an attack that catches the abort is stopped by the host', async () => {
  const swallowing = async (context: AttackContext): Promise<FloatTensor> => {
    await harmless(context).catch(() => {})
    return context.inputs
  }
  expect(await failures({ run: swallowing })).toEqual([])
})

test('invalid meta and an open options schema are found', async () => {
  const open = { type: 'object', additionalProperties: true, properties: {} }
  const failed = await failures({ meta: { ...meta, title: '', optionsSchema: open } })
  expect(failed).toEqual(
    expect.arrayContaining(['its meta follows the contract', 'it rejects unknown options']),
  )
})

test('a cost that is only an upper limit must be declared as one', async () => {
  const subject = {
    plugin: {
      kind: 'attack',
      meta,
      run: harmless,
      cost: () => ({ forward: 2, backward: 1 }),
    } as AttackPlugin<never>,
    costIsLimit: true,
  }
  const cost = attackConformance(subject).find(({ id }) => id === 'cost')!
  await expect(cost.run()).resolves.toBeUndefined()
  const tooLow = { ...subject.plugin, cost: () => ({ forward: 0, backward: 0 }) }
  const failing = attackConformance({ ...subject, plugin: tooLow }).find(({ id }) => id === 'cost')!
  await expect(failing.run()).rejects.toThrow(
    'attack acme/test: cost() returns 0 forward and 0 backward passes, ' +
      'but an example that is never broken took 1 and 0',
  )
})

test.each([
  ['inner', { optionRoles: { attack: 'attack' } }],
  ['surrogates', { optionRoles: { others: 'models' } }],
  ['transform', { transforms: ['attribute'] }],
] as const)('the battery requires "%s" for attacks that need it', (name, more) => {
  const plugin = { kind: 'attack', meta: { ...meta, ...more } } as unknown as AttackPlugin<never>
  expect(() => attackConformance({ plugin })).toThrow(
    `attack acme/test: the conformance battery requires "${name}" for this attack`,
  )
})
