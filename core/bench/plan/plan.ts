/** The plan: defenses × threat models × attacks × seeds, as cells and units. A pure function. */
import type { ErrorRecord } from '../../base/errors.ts'
import type { PassEstimate } from '../../plugin/contract.ts'
import type { Norm, ThreatModel } from '../../threat/threat-model.ts'
import { cellId, cleanCellOf, curveVersion, unitId, unitsOf } from './cell.ts'
import type {
  AttackCell,
  Cell,
  CheckCell,
  CleanCell,
  DefenseInCell,
  PluginIdentity,
  SoftwareIdentity,
  Unit,
} from './cell.ts'

/** A validated attack of the suite. */
export interface PlanAttack extends PluginIdentity {
  readonly name: string
  readonly stochastic: boolean
  /** True if one run yields the curve up to its ε. */
  readonly minimumNorm: boolean
  /** Why it cannot run: its cost is not known. */
  readonly fault?: ErrorRecord
  /** Passes per example that stays robust; 0 of an attack with a fault. */
  passes(norm: Norm, defense: string): PassEstimate
  /** For an attack through other models: the names of the surrogates for a defense. */
  surrogates?(defense: string): readonly string[]
}

/** A row of the result table: a defense with its model under a threat model. */
export interface PlanRow {
  readonly name: string
  readonly defense: DefenseInCell
  readonly threatModel: ThreatModel
  /** Further epsilons, ascending. */
  readonly curve?: readonly number[]
  /** For a stochastic model: predictions per point. */
  readonly draws?: number
  /** True if the defense is only a surrogate. */
  readonly surrogate?: boolean
}

/** The input of a plan. */
export interface PlanInput {
  readonly software: SoftwareIdentity
  readonly device: string
  readonly dataset: { readonly id: string; readonly sha256: string }
  readonly examples: number
  readonly rows: readonly PlanRow[]
  readonly attacks: readonly PlanAttack[]
  readonly seeds: readonly number[]
  /** Probes of each defense; absent if they are skipped. */
  readonly probes?: PlanProbes
}

/** The probes of a model. */
export interface PlanProbes {
  readonly version: number
  /** Maximum number of examples. */
  readonly sample: number
  /** Upper bound per example. */
  readonly passes: PassEstimate
}

/** A cell with its name in the suite and its units. */
export interface PlannedCell<C = AttackCell> {
  readonly id: string
  readonly cell: C
  readonly units: readonly Unit[]
  /** Upper bound for all examples. */
  readonly passes: PassEstimate
  /** Forward passes per example by which the host judges results; not in `passes`. */
  readonly verification: number
}

/** An attack's cell. */
export interface PlannedAttack extends PlannedCell {
  /** The attack's name in the suite. */
  readonly name: string
  /** Why the cell fails without being run. */
  readonly fault?: ErrorRecord
}

/** The cells of one row of the result table. */
export interface PlannedRow {
  readonly name: string
  readonly threatModel: ThreatModel
  readonly curve?: readonly number[]
  readonly clean: PlannedCell<CleanCell>
  /** Absent if the probes are skipped, or have no ball to move in. */
  readonly checks?: PlannedCell<CheckCell>
  readonly attacks: readonly PlannedAttack[]
}

/** All rows and units. */
export interface Plan {
  readonly rows: readonly PlannedRow[]
  /** Unique units. Clean predictions come first, since attacks require them. */
  readonly units: readonly Unit[]
}

/** Makes the plan. A deterministic attack runs only with the first seed. */
export function makePlan(input: PlanInput): Plan {
  const named = new Map<string, PlanRow[]>()
  for (const row of input.rows) {
    const same = named.get(row.name)
    if (same) same.push(row)
    else named.set(row.name, [row])
  }
  const rows = input.rows
    .filter(({ surrogate }) => !surrogate)
    .map((row) => planRow(input, row, named))
  const units = new Map<string, Unit>()
  for (const { clean } of rows) for (const unit of clean.units) units.set(unit.id, unit)
  for (const { checks, attacks } of rows) {
    for (const unit of checks?.units ?? []) units.set(unit.id, unit)
    for (const attack of attacks) for (const unit of attack.units) units.set(unit.id, unit)
  }
  return { rows, units: [...units.values()] }
}

/** @param named the rows of each name */
function planRow(input: PlanInput, row: PlanRow, named: NamedRows): PlannedRow {
  const { software, device, dataset, examples } = input
  const draws = row.draws === undefined ? {} : { draws: row.draws }
  const attacks = input.attacks.flatMap((attack) => {
    const { name, plugin, version, options, package: provider, fault } = attack
    const names = attack.surrogates?.(row.name)
    const { epsilon } = row.threatModel
    const sizes = new Set([epsilon, ...(row.curve ?? [])])
    const balls = attack.minimumNorm ? (Math.max(...sizes) > epsilon ? 2 : 1) : sizes.size
    return (attack.stochastic ? input.seeds : input.seeds.slice(0, 1)).map((seed) => {
      const cell: AttackCell = {
        kind: 'attack',
        software,
        device,
        defense: row.defense,
        dataset,
        examples,
        ...draws,
        threatModel: row.threatModel,
        ...(row.curve && { curve: row.curve, curveVersion }),
        attack: { plugin, version, options, ...(provider && { package: provider }) },
        ...(names && { surrogates: names.map((name) => surrogateModel(named, row, name)) }),
        seed,
      }
      const passes = attack.passes(row.threatModel.norm, row.name)
      const planned = planCell(cell, passes, balls, balls * (row.draws ?? 1))
      return { name, ...planned, ...(fault && { fault }) }
    })
  })
  const clean: CleanCell = {
    kind: 'clean',
    software,
    device,
    defense: row.defense,
    dataset,
    examples,
    ...draws,
  }
  return {
    name: row.name,
    threatModel: row.threatModel,
    ...(row.curve && { curve: row.curve }),
    clean: planCell(clean, { forward: row.draws ?? 1, backward: 0 }, 1),
    ...planProbes(input, row),
    attacks,
  }
}

function planProbes(
  { software, device, dataset, examples, probes }: PlanInput,
  { defense, threatModel }: PlanRow,
): { readonly checks?: PlannedCell<CheckCell> } {
  if (!probes || threatModel.epsilon === 0) return {}
  const { version, sample, passes } = probes
  const cell: CheckCell = {
    kind: 'checks',
    version,
    software,
    device,
    defense,
    dataset,
    examples: Math.min(sample, examples),
    threatModel,
  }
  return { checks: planCell(cell, passes, 1) }
}

type NamedRows = ReadonlyMap<string, readonly PlanRow[]>

/** Hash of a surrogate's model, under the same threat model if possible. */
function surrogateModel(named: NamedRows, { threatModel }: PlanRow, name: string): string {
  const rows = named.get(name) ?? []
  const found = rows.find((row) => row.threatModel === threatModel) ?? rows[0]
  return found?.defense.model ?? `missing: ${name}`
}

/**
 * @param balls number of balls in which the attack runs
 * @param verification see `PlannedCell`
 */
function planCell<C extends Cell>(
  cell: C,
  { forward, backward, setup }: PassEstimate,
  balls: number,
  verification = 0,
): PlannedCell<C> {
  const units = unitsOf(cell)
  return {
    id: cellId(cell),
    cell,
    units,
    passes: {
      forward: balls * (forward * cell.examples + (setup?.forward ?? 0) * units.length),
      backward: balls * (backward * cell.examples + (setup?.backward ?? 0) * units.length),
    },
    verification,
  }
}

/** The unit of clean predictions on the same examples; undefined for other units than attacks. */
export function cleanUnitOf(unit: Unit): Unit | undefined {
  const { cell: attacked, shard } = unit
  if (attacked.kind !== 'attack') return undefined
  const cell = cleanCellOf(attacked)
  return { id: unitId(cell, shard), cell, shard }
}
