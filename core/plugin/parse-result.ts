/** Checks the form of what an attack returned. */
import { PluginError } from '../base/errors.ts'
import { sizeOf } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import type { AttackMeta, AttackResult, StagedResult, TransformedResult } from './contract.ts'
import { checkStages } from './attack-stages.ts'

/** The points of a result, and what may come with them. */
export interface ParsedResult {
  /** `[n, c, h, w]` */
  readonly points: FloatTensor
  readonly staged?: StagedResult
  readonly transformed?: TransformedResult
}

/**
 * Splits a result into its parts.
 * @param result whatever the plugin returned
 * @param shape of the inputs that it was given
 * @throws PluginError ROBENCH_PLUGIN_ANSWER unless it is a float32 tensor of that shape or an
 * object with one
 */
export function parseResult(
  meta: AttackMeta,
  result: AttackResult,
  shape: readonly number[],
): ParsedResult {
  if (typeof result !== 'object' || result === null || !('adversarial' in result)) {
    return { points: checkTensor(meta, result, shape) }
  }
  const points = checkTensor(meta, result.adversarial, shape)
  const staged = 'stages' in result ? result : undefined
  const transformed = 'transform' in result ? result : undefined
  const problem = staged && checkStages(staged, shape[0]!)
  if (problem !== undefined) throw resultError(meta, problem)
  return { points, ...(staged && { staged }), ...(transformed && { transformed }) }
}

/**
 * The error for a result that breaks the contract or the threat model.
 * @param reason text that follows the attack's name
 */
export function resultError(
  meta: AttackMeta,
  reason: string,
  details: Readonly<Record<string, unknown>> = {},
): PluginError {
  return new PluginError('ROBENCH_PLUGIN_ANSWER', `${named(meta)}: ${reason}`, {
    details: { pluginId: meta.id, ...details },
  })
}

/** The name of an attack in messages: `attack pgd (version 1)`. */
export function named({ id, version }: AttackMeta): string {
  return `attack ${id} (version ${version})`
}

function checkTensor(meta: AttackMeta, value: unknown, shape: readonly number[]): FloatTensor {
  const expected = `a float32 tensor of shape [${shape.join(', ')}]`
  if (typeof value !== 'object' || value === null) {
    throw resultError(meta, `expected ${expected}, got ${String(value)}`)
  }
  const { dtype, shape: got, data } = value as Partial<FloatTensor>
  if (dtype !== 'float32' || !(data instanceof Float32Array)) {
    throw resultError(meta, `expected ${expected}, got dtype ${String(dtype)}`)
  }
  if (!Array.isArray(got) || got.join() !== shape.join() || data.length !== sizeOf(shape)) {
    throw resultError(
      meta,
      `expected ${expected}, got shape [${String(got)}] with ${data.length} elements`,
    )
  }
  // Its fields have just been checked.
  return value as FloatTensor
}
