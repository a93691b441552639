/** Chooses the arrays or columns of images and labels by name. */
import { ConfigError, didYouMean } from '../../base/errors.ts'

/** What is chosen from. */
export interface NamedParts {
  readonly path: string
  /** What the file is made of: `array`, `column`. */
  readonly kind: string
  readonly names: readonly string[]
}

/**
 * The name of a part, or else the first usual name that the file has.
 * @param role key in the suite's `columns`
 * @throws ConfigError ROBENCH_DATA with the names that there are
 */
export function choosePart(
  { path, kind, names }: NamedParts,
  role: 'inputs' | 'labels',
  wanted: string | undefined,
  usual: readonly string[],
): string {
  const found =
    wanted === undefined
      ? usual.find((name) => names.includes(name))
      : names.find((name) => name === wanted)
  if (found !== undefined) return found
  const list = names.join(', ') || 'none'
  throw new ConfigError(
    'ROBENCH_DATA',
    wanted === undefined
      ? `${path}: none of its ${kind}s (${list}) has a usual name of ${role} ` +
          `(${usual.join(', ')}); set columns.${role} (--columns)`
      : `${path}: no ${kind} "${wanted}"${didYouMean(wanted, names)} (it has: ${list})`,
  )
}
