/** A plan for one defense on a toy data set, with attacks that differ only in cost. */
import { makePlan } from '../../../../core/bench/plan/plan.ts'
import type { Plan, PlanAttack } from '../../../../core/bench/plan/plan.ts'
import type { PassEstimate } from '../../../../core/plugin/contract.ts'

/** @param attacks passes per robust example, by name */
export function toyPlan(examples: number, attacks: Readonly<Record<string, PassEstimate>>): Plan {
  return makePlan({
    software: { robench: '1.0.0', onnxruntime: '1.0.0' },
    device: 'cpu',
    dataset: { id: 'toy', sha256: 'd' },
    examples,
    rows: [
      {
        name: 'a',
        defense: { plugin: 'p', version: 1, options: {}, model: 'm' },
        threatModel: { norm: 'Linf', epsilon: 0.1, bounds: [0, 1] },
      },
    ],
    attacks: Object.entries(attacks).map(([name, passes]): PlanAttack => ({
      name,
      plugin: name,
      version: 1,
      options: {},
      stochastic: false,
      minimumNorm: false,
      passes: () => passes,
    })),
    seeds: [0],
  })
}
