/** Whether what an attack returned has the form of an answer at all. */
import { PluginError } from '../base/errors.ts'
import { sizeOf } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import type { AttackMeta, StagedResult, TransformedResult } from './contract.ts'
import { checkStages } from './attack-stages.ts'

/** An answer with what may come beside the points. */
export interface ParsedResult {
  /** `[n, c, h, w]` */
  readonly points: FloatTensor
  readonly staged?: StagedResult
  readonly transformed?: TransformedResult
}

/**
 * Takes an answer apart.
 * @param answer whatever the plugin returned
 * @param shape of the inputs that it was given
 * @throws PluginError ROBENCH_PLUGIN_ANSWER if it is neither a float32 tensor of that shape nor an object with one
 */
export function parseResult(
  meta: AttackMeta,
  answer: FloatTensor | StagedResult | TransformedResult,
  shape: readonly number[],
): ParsedResult {
  if (typeof answer !== 'object' || answer === null || !('adversarial' in answer)) {
    return { points: checkTensor(meta, answer, shape) }
  }
  const points = checkTensor(meta, answer.adversarial, shape)
  const staged = 'stages' in answer ? answer : undefined
  const transformed = 'transform' in answer ? answer : undefined
  const problem = staged && checkStages(staged, shape[0]!)
  if (problem !== undefined) throw resultError(meta, problem)
  return { points, ...(staged && { staged }), ...(transformed && { transformed }) }
}

/** The error for an answer that breaks the contract or the threat model. @param reason in words that follow the attack's name */
export function resultError(
  meta: AttackMeta,
  reason: string,
  details: Readonly<Record<string, unknown>> = {},
): PluginError {
  return new PluginError('ROBENCH_PLUGIN_ANSWER', `${named(meta)}: ${reason}`, {
    details: { pluginId: meta.id, ...details },
  })
}

/** How messages call an attack. */
export function named({ id, version }: AttackMeta): string {
  return `attack ${id} (version ${version})`
}

function checkTensor(meta: AttackMeta, answer: unknown, shape: readonly number[]): FloatTensor {
  const expected = `a float32 tensor of shape [${shape.join(', ')}]`
  if (typeof answer !== 'object' || answer === null) {
    throw resultError(meta, `expected ${expected}, got ${String(answer)}`)
  }
  const tensor = answer as FloatTensor
  const { dtype, shape: got, data } = answer as Partial<FloatTensor>
  if (dtype !== 'float32' || !(data instanceof Float32Array)) {
    throw resultError(meta, `expected ${expected}, got dtype ${String(dtype)}`)
  }
  if (!Array.isArray(got) || got.join() !== shape.join() || data.length !== sizeOf(shape)) {
    throw resultError(
      meta,
      `expected ${expected}, got shape [${String(got)}] with ${data.length} elements`,
    )
  }
  return tensor
}
