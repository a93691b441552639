/** Cells and units of work as plain JSON: what identifies a number, and how a cell is cut into shards. */
import { hashJson } from '../../base/hash.ts'
import type { PluginOptions } from '../../plugin/contract.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'

/** Examples per unit. A constant, so that ids depend on neither workers nor machine. */
export const shardSize = 500

/** A plugin with its options resolved. */
export interface PluginIdentity {
  readonly plugin: string
  readonly version: number
  readonly options: PluginOptions
}

/** The model under test: how it was made, and the hash of the file and of how it is read. */
export interface DefenseInCell extends PluginIdentity {
  readonly model: string
}

/** Everything that clean predictions depend on. */
export interface CleanCell {
  readonly kind: 'clean'
  readonly device: string
  readonly defense: DefenseInCell
  readonly dataset: { readonly id: string; readonly sha256: string }
  /** The first `examples` of the data set. */
  readonly examples: number
}

/** Everything to reproduce one number. */
export interface AttackCell extends Omit<CleanCell, 'kind'> {
  readonly kind: 'attack'
  readonly threatModel: ThreatModel
  /** Further sizes of the ball, ascending. */
  readonly curve?: readonly number[]
  readonly attack: PluginIdentity
  /** The models that the attack uses beside the one under test: their hashes. */
  readonly surrogates?: readonly string[]
  readonly seed: number
}

/** The probes that ask whether attacks on a model can be believed, on the first `examples`. */
export interface CheckCell extends Omit<CleanCell, 'kind'> {
  readonly kind: 'checks'
  /** Raised by one whenever a probe's answer may change. */
  readonly version: number
  readonly threatModel: ThreatModel
}

export type Cell = CleanCell | AttackCell | CheckCell

/** A shard of a cell: examples `start` to `end` (exclusive). */
export interface Shard {
  readonly start: number
  readonly end: number
}

/** One unit of work, which one worker does in one go. */
export interface Unit {
  /** sha256 of the canonical JSON of `{cell without examples, shard}`: the same for every limit that covers it. */
  readonly id: string
  readonly cell: Cell
  readonly shard: Shard
}

/** The id of a cell: sha256 of its canonical JSON. */
export function cellId(cell: Cell): string {
  return hashJson(cell)
}

/** The units of a cell, in the order of the examples. */
export function unitsOf(cell: Cell): Unit[] {
  const units: Unit[] = []
  const { examples, ...identity } = cell
  for (let start = 0; start < examples; start += shardSize) {
    const shard = { start, end: Math.min(start + shardSize, examples) }
    units.push({ id: hashJson({ ...identity, shard }), cell, shard })
  }
  return units
}

/** The cell of the clean predictions that an attack's cell builds on. */
export function cleanCellOf(cell: AttackCell): CleanCell {
  const { device, defense, dataset, examples } = cell
  return { kind: 'clean', device, defense, dataset, examples }
}
