/** Where the paths in the suite of a result begin. */
import { join } from 'node:path'
import { packageRoot } from '../../base/paths.ts'
import { shippedSuites } from '../suite/load.ts'

/**
 * The directory that paths in a suite are relative to: the given one, that of the shipped suites if
 * the suite has the id of one, or else the working directory.
 */
export function suiteFolder(id: string, given: string | undefined): string {
  if (given !== undefined) return given
  return shippedSuites().includes(id) ? join(packageRoot(), 'suites') : process.cwd()
}
