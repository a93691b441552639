/** A project that has robench installed and holds copies of the shipped examples. */
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll } from 'vitest'
import { packageRoot } from '../../core/base/paths.ts'

/** The model that the example programs attack. */
export const model = join(packageRoot(), 'models', 'quickstart-standard.onnx')
let project = ''

/** Creates the project before the tests of a file, and removes it after them. */
export function useProject(): void {
  beforeAll(() => {
    project = mkdtempSync(join(tmpdir(), 'robench-examples-'))
    mkdirSync(join(project, 'node_modules'))
    symlinkSync(packageRoot(), join(project, 'node_modules', 'robench'))
    cpSync(join(packageRoot(), 'examples'), project, { recursive: true })
  })

  afterAll(() => rmSync(project, { recursive: true, force: true }))
}

/** The path of a file in the project. */
export function projectPath(name: string): string {
  return join(project, name)
}

/** Runs Node in a directory of the project. @returns standard output */
export async function node(directory: string, ...words: readonly string[]): Promise<string> {
  const env = { ...process.env, ROBENCH_CACHE: join(project, 'cache'), NO_COLOR: '1' }
  const cwd = join(project, directory)
  const { stdout } = await promisify(execFile)(process.execPath, words, { cwd, env })
  return stdout
}
