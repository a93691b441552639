/** The plan: defenses × threat models × attacks × seeds as cells and units. Pure: the same input gives the same plan. */
import type { PassEstimate } from '../plugin/contract.ts'
import type { Norm, ThreatModel } from '../threat/threat-model.ts'
import { cellId, cleanCellOf, unitsOf } from './cell.ts'
import type { AttackCell, CleanCell, DefenseInCell, PluginIdentity, Unit } from './cell.ts'

/** An attack of the suite, checked. */
export interface PlanAttack extends PluginIdentity {
  readonly name: string
  readonly stochastic: boolean
  /** Per example that is never fooled. */
  passes(norm: Norm): PassEstimate
}

/** One row of the table to be: a defense, with its model at hand, under a threat model. */
export interface PlanRow {
  readonly name: string
  readonly defense: DefenseInCell
  readonly threatModel: ThreatModel
}

export interface PlanInput {
  readonly device: string
  readonly dataset: { readonly id: string; readonly sha256: string }
  readonly examples: number
  readonly rows: readonly PlanRow[]
  readonly attacks: readonly PlanAttack[]
  readonly seeds: readonly number[]
}

/** A cell with its name in the suite and its units. */
export interface PlannedCell<C = AttackCell> {
  readonly id: string
  readonly cell: C
  readonly units: readonly Unit[]
  /** At most, over all examples. */
  readonly passes: PassEstimate
}

export interface PlannedAttack extends PlannedCell {
  /** The attack's name in the suite. */
  readonly name: string
}

export interface PlannedRow {
  readonly name: string
  readonly threatModel: ThreatModel
  readonly clean: PlannedCell<CleanCell>
  readonly attacks: readonly PlannedAttack[]
}

export interface Plan {
  readonly rows: readonly PlannedRow[]
  /** All units once, clean predictions first: an attack builds on them. */
  readonly units: readonly Unit[]
}

/** Lays out the work. A deterministic attack is run with the first seed only. */
export function makePlan(input: PlanInput): Plan {
  const rows = input.rows.map((row) => planRow(input, row))
  const units = new Map<string, Unit>()
  for (const { clean } of rows) for (const unit of clean.units) units.set(unit.id, unit)
  for (const { attacks } of rows) {
    for (const attack of attacks) for (const unit of attack.units) units.set(unit.id, unit)
  }
  return { rows, units: [...units.values()] }
}

function planRow(input: PlanInput, row: PlanRow): PlannedRow {
  const { device, dataset, examples } = input
  const attacks = input.attacks.flatMap((attack) => {
    const { plugin, version, options } = attack
    return (attack.stochastic ? input.seeds : input.seeds.slice(0, 1)).map((seed) => {
      const cell: AttackCell = {
        kind: 'attack',
        device,
        defense: row.defense,
        dataset,
        examples,
        threatModel: row.threatModel,
        attack: { plugin, version, options },
        seed,
      }
      return { name: attack.name, ...planCell(cell, attack.passes(row.threatModel.norm)) }
    })
  })
  const clean: CleanCell = { kind: 'clean', device, defense: row.defense, dataset, examples }
  return {
    name: row.name,
    threatModel: row.threatModel,
    clean: planCell(clean, { forward: 1, backward: 0 }),
    attacks,
  }
}

function planCell<C extends CleanCell | AttackCell>(
  cell: C,
  perExample: PassEstimate,
): PlannedCell<C> {
  return {
    id: cellId(cell),
    cell,
    units: unitsOf(cell),
    passes: {
      forward: perExample.forward * cell.examples,
      backward: perExample.backward * cell.examples,
    },
  }
}

/** The unit of clean predictions over the same examples as an attack's unit. */
export function cleanUnitOf(unit: Unit): Unit | undefined {
  if (unit.cell.kind === 'clean') return undefined
  return unitsOf(cleanCellOf(unit.cell)).find(({ shard }) => shard.start === unit.shard.start)
}
