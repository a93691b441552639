import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cellId, shardSize, unitsOf } from '../../../../core/bench/plan/cell.ts'
import type { AttackCell } from '../../../../core/bench/plan/cell.ts'
import { cleanUnitOf, makePlan } from '../../../../core/bench/plan/plan.ts'
import type { PlanAttack, PlanInput } from '../../../../core/bench/plan/plan.ts'

const threatModel = { norm: 'Linf', epsilon: 0.1, bounds: [0, 1] } as const

function attack(name: string, stochastic: boolean): PlanAttack {
  return {
    name,
    plugin: name,
    version: 1,
    options: {},
    stochastic,
    minimumNorm: false,
    passes: () => ({ forward: 3, backward: 2 }),
  }
}

function input(more: Partial<PlanInput> = {}): PlanInput {
  return {
    software: { robench: '1.0.0', onnxruntime: '1.30.0' },
    device: 'cpu',
    dataset: { id: 'toy', sha256: 'd' },
    examples: 1200,
    rows: [
      { name: 'a', defense: { plugin: 'p', version: 1, options: {}, model: 'm' }, threatModel },
      { name: 'b', defense: { plugin: 'q', version: 1, options: {}, model: 'n' }, threatModel },
    ],
    attacks: [attack('fixed', false), attack('random', true)],
    seeds: [0, 7],
    ...more,
  }
}

function cell(more: Partial<AttackCell> = {}): AttackCell {
  const { examples, dataset, rows, software, device } = input()
  const { defense } = rows[0]!
  const identity = { plugin: 'random', version: 1, options: { steps: 3 } }
  return {
    kind: 'attack',
    software,
    device,
    defense,
    dataset,
    examples,
    threatModel,
    attack: identity,
    seed: 0,
    ...more,
  }
}

test('only a stochastic model has draws in its cells, and costs clean passes for each', () => {
  const [a, b] = input().rows
  const plan = makePlan(input({ rows: [a!, { ...b!, draws: 10 }] }))
  const cells = plan.rows.map(({ clean, attacks }) => [clean, ...attacks])
  const draws = cells.map((row) => row.map(({ cell: { draws } }) => draws))
  expect(draws[0]!.every((count) => count === undefined)).toBe(true)
  expect(draws[1]!.every((count) => count === 10)).toBe(true)
  expect(plan.rows.map(({ clean }) => clean.passes.forward)).toEqual([1200, 12_000])
  // Attacks find the clean predictions of their cell.
  const clean = plan.rows[1]!.clean.units[0]
  expect(cleanUnitOf(plan.rows[1]!.attacks[0]!.units[0]!)).toEqual(clean)
})

test('each combination has a cell; a deterministic attack runs with one seed', () => {
  const plan = makePlan(input())
  const names = plan.rows.map(({ attacks }) =>
    attacks.map(({ name, cell: { seed } }) => `${name} ${seed}`),
  )
  expect(names).toEqual([
    ['fixed 0', 'random 0', 'random 7'],
    ['fixed 0', 'random 0', 'random 7'],
  ])
  expect(plan.rows[0]!.attacks[0]!.passes).toEqual({ forward: 3600, backward: 2400 })
})

test('clean predictions come first, and threat models share them', () => {
  const { rows, ...rest } = input()
  const [row] = rows
  const stronger = { ...row!, threatModel: { ...threatModel, epsilon: 0.2 } }
  const { units } = makePlan({ ...rest, rows: [row!, stronger] })
  const kinds = units.map((unit) => unit.cell.kind)
  expect(kinds.slice(0, 3)).toEqual(['clean', 'clean', 'clean'])
  expect(kinds.slice(3).every((kind) => kind === 'attack')).toBe(true)
  expect(units).toHaveLength(3 + 2 * 3 * 3)
})

test('the shards of a cell cover each example once, in order, with at most shardSize', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20_000 }), (examples) => {
      const shards = unitsOf(cell({ examples })).map(({ shard }) => shard)
      let next = 0
      for (const { start, end } of shards) {
        if (start !== next || end <= start || end - start > shardSize) return false
        next = end
      }
      return next === examples
    }),
  )
})

test('the id of a full shard does not depend on the limit', () => {
  const [whole] = unitsOf(cell({ examples: 10_000 }))
  expect(unitsOf(cell({ examples: shardSize }))[0]!.id).toBe(whole!.id)
  expect(unitsOf(cell({ examples: 10 }))[0]!.id).not.toBe(whole!.id)
})

test('everything that may change an outcome changes the id', () => {
  const base = cell()
  const others: AttackCell[] = [
    cell({ seed: 1 }),
    cell({ device: 'cuda' }),
    cell({ dataset: { id: 'toy', sha256: 'e' } }),
    cell({ defense: { ...base.defense, model: 'x' } }),
    cell({ threatModel: { ...threatModel, epsilon: 0.11 } }),
    cell({ attack: { ...base.attack, version: 2 } }),
    cell({ attack: { ...base.attack, options: { steps: 4 } } }),
  ]
  const ids = [base, ...others].flatMap((one) => [cellId(one), unitsOf(one)[0]!.id])
  expect(new Set(ids).size).toBe(ids.length)
})

test('the order of keys does not change the id', () => {
  const base = cell()
  const reversed = Object.fromEntries(Object.entries(base).toReversed()) as unknown as AttackCell
  expect(cellId(reversed)).toBe(cellId(base))
})

test('an attack unit requires the clean unit of the same examples', () => {
  const { units } = makePlan(input())
  const byId = new Map(units.map((unit) => [unit.id, unit]))
  for (const unit of units) {
    const clean = cleanUnitOf(unit)
    if (unit.cell.kind === 'clean') expect(clean).toBeUndefined()
    else expect(byId.get(clean!.id)?.shard).toEqual(unit.shard)
  }
})
