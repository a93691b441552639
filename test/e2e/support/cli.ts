/** Runs the built command line in a temporary directory. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

export const mainScript = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))
/** Plugins with one fault each. */
export const faultyPlugins = fileURLToPath(new URL('../fixtures/faulty', import.meta.url))
export const fixturePlugins = fileURLToPath(new URL('../fixtures/plugins', import.meta.url))

/** Exit code and output of a command. */
export interface CliResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A temporary directory that is deleted after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'robench-e2e-'))
  onTestFinished(() => removeFolder(folder))
  return folder
}

/**
 * Deletes a directory in which processes may still write: a file that appears in a directory just
 * emptied makes one attempt fail.
 */
export async function removeFolder(folder: string): Promise<void> {
  while (existsSync(folder)) {
    try {
      rmSync(folder, { recursive: true, force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

/** Starts `robench …` in a directory, with its cache inside. */
export function startRobench(folder: string, ...words: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [mainScript, ...words], {
    cwd: folder,
    env: { ...process.env, ROBENCH_CACHE: join(folder, 'cache'), NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // A failed test must not leave processes behind.
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  return child
}

/** Runs `robench …` to completion. */
export function robench(folder: string, ...words: readonly string[]): Promise<CliResult> {
  return finished(startRobench(folder, ...words))
}

/** Waits for a process and its pipes to close. */
export function finished(child: ChildProcess): Promise<CliResult> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })))
}

/** Writes a JSON file and returns its path. */
export function writeJson(folder: string, name: string, value: unknown): string {
  const path = join(folder, name)
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value, undefined, 2))
  return path
}
