/** Makes plugins import the robench that runs them, wherever their own files are. */
import { register } from 'node:module'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { packageRoot } from '../base/paths.ts'

/**
 * For the rest of the process, `robench` and its subpaths are this package for every module. A
 * package that is linked from elsewhere, as in a workspace, would find another copy or none, and a
 * loss of another copy is not the loss that this one knows.
 */
export function shareHostPackage(): void {
  const parent = pathToFileURL(join(packageRoot(), 'package.json')).href
  register(new URL('./host-package-hook.js', import.meta.url), { data: { parent } })
}
