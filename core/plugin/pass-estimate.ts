/** Checks what an attack's `cost` returns. */
import { PluginError } from '../base/errors.ts'
import type { AttackMeta, PassEstimate } from './contract.ts'

/** @throws PluginError ROBENCH_PLUGIN_CONTRACT unless all passes are finite and at least 0 */
export function requireEstimate({ id, version }: AttackMeta, estimate: unknown): PassEstimate {
  const passes = passesOf(estimate)
  const setup: unknown = passes && Reflect.get(Object(estimate), 'setup')
  const setupPasses = setup === undefined ? undefined : passesOf(setup)
  if (passes && (setup === undefined || setupPasses)) {
    return { ...passes, ...(setupPasses && { setup: setupPasses }) }
  }
  throw new PluginError(
    'ROBENCH_PLUGIN_CONTRACT',
    `attack ${id} (version ${version}): cost() must return { forward, backward } with numbers of ` +
      `at least 0, got ${describe(estimate)}`,
    { details: { pluginId: id } },
  )
}

function passesOf(value: unknown): Omit<PassEstimate, 'setup'> | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { forward, backward } = value as Record<string, unknown>
  if (!isCount(forward) || !isCount(backward)) return undefined
  return { forward, backward }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

/** The value in one line, also where it is not JSON. */
function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  return `{ ${Object.entries(value)
    .map(([key, part]) => `${key}: ${typeof part === 'object' ? describe(part) : String(part)}`)
    .join(', ')} }`.slice(0, 200)
}
