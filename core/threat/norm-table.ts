/** Tables with an entry for some norms. */
import { ConfigError } from '../base/errors.ts'
import type { Norm } from './threat-model.ts'

/**
 * The entry of a norm.
 * @param user what the table belongs to, for the message: `apgd-ce`
 * @throws ConfigError ROBENCH_CONFIG if there is none
 */
export function forNorm<Entry>(
  table: Readonly<Partial<Record<Norm, Entry>>>,
  norm: Norm,
  user: string,
): Entry {
  const entry = table[norm]
  if (entry !== undefined) return entry
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${user}: expected the norm ${Object.keys(table).join(' or ')}, got ${norm}`,
  )
}
