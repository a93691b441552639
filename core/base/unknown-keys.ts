/** Objects that a program passes in, held against the keys that are accepted. */
import { ConfigError, didYouMean } from './errors.ts'
import { shown } from './schema.ts'

/** @throws ConfigError for the first key that is not accepted, with the nearest one that is */
export function refuseUnknownKeys(
  request: object,
  accepted: readonly string[],
  where: string,
): void {
  if (typeof request !== 'object' || request === null) {
    throw new ConfigError('ROBENCH_CONFIG', `${where}: expected an object, got ${shown(request)}`)
  }
  const unknown = Object.keys(request).find((key) => !accepted.includes(key))
  if (unknown === undefined) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${where}: unknown key "${unknown}"${didYouMean(unknown, accepted)} ` +
      `(accepted: ${accepted.join(', ')})`,
  )
}
