/**
 * Cells and units of work, as plain JSON: the identity of a result, and its division into shards.
 */
import { hashJson } from '../../base/hash.ts'
import type { PluginOptions } from '../../plugin/contract.ts'
import type { PackageIdentity } from '../../plugin/package-identity.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'

/** Examples per unit. Constant, so that ids do not depend on workers or machine. */
export const shardSize = 500

/** A plugin with resolved options. */
export interface PluginIdentity {
  readonly plugin: string
  readonly version: number
  readonly options: PluginOptions
  /** The third-party package that provides the plugin; absent for a built-in plugin. */
  readonly package?: PackageIdentity
}

/** The versions that outcomes depend on beside those of plugins. */
export interface SoftwareIdentity {
  readonly robench: string
  readonly onnxruntime: string
}

/** The model under test: its defense, and the hash of the file and of how it is read. */
export interface DefenseInCell extends PluginIdentity {
  readonly model: string
}

/** Everything that clean predictions depend on. */
export interface CleanCell {
  readonly kind: 'clean'
  /** Versions: units of different versions are never joined. */
  readonly software: SoftwareIdentity
  readonly device: string
  readonly defense: DefenseInCell
  readonly dataset: { readonly id: string; readonly sha256: string }
  /** The first `examples` of the data set. */
  readonly examples: number
  /** For a stochastic model: predictions per point. */
  readonly draws?: number
}

/** Of `AttackCell.curveVersion`. */
export const curveVersion = 2

/** Everything that the outcomes of an attack depend on. */
export interface AttackCell extends Omit<CleanCell, 'kind'> {
  readonly kind: 'attack'
  readonly threatModel: ThreatModel
  /** Further epsilons, ascending. */
  readonly curve?: readonly number[]
  /** With a curve: incremented whenever the host attacks the balls of a curve differently. */
  readonly curveVersion?: typeof curveVersion
  readonly attack: PluginIdentity
  /** Hashes of the surrogate models that the attack uses. */
  readonly surrogates?: readonly string[]
  readonly seed: number
}

/** Reliability probes of a model on the first `examples`. */
export interface CheckCell extends Omit<CleanCell, 'kind' | 'draws'> {
  readonly kind: 'checks'
  /** Incremented whenever the result of a probe may change. */
  readonly version: number
  readonly threatModel: ThreatModel
}

/** Everything that one result depends on. */
export type Cell = CleanCell | AttackCell | CheckCell

/** Examples `start` to `end` (exclusive) of a cell. */
export interface Shard {
  readonly start: number
  readonly end: number
}

/** One unit of work: a shard of a cell, run by one worker and saved as a whole. */
export interface Unit {
  /**
   * sha256 of the canonical JSON of the cell without `examples`, and the shard. It does not depend
   * on the limit, as long as the limit covers the shard.
   */
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
  return shardsOf(cell.examples).map((shard) => ({ id: unitId(cell, shard), cell, shard }))
}

/** The id of a unit: see `Unit`. */
export function unitId({ examples: _examples, ...identity }: Cell, shard: Shard): string {
  return hashJson({ ...identity, shard })
}

/** The shards of the first `examples`, in order. */
export function shardsOf(examples: number): Shard[] {
  return Array.from({ length: Math.ceil(examples / shardSize) }, (_, index) => ({
    start: index * shardSize,
    end: Math.min((index + 1) * shardSize, examples),
  }))
}

/** The cell of the clean predictions that an attack's cell requires. */
export function cleanCellOf(cell: AttackCell): CleanCell {
  const { software, device, defense, dataset, examples, draws } = cell
  const shared = { software, device, defense, dataset, examples }
  return { kind: 'clean', ...shared, ...(draws !== undefined && { draws }) }
}
