/**
 * docs/ten-minutes.md, run as it is written: its files are saved, its commands run in a shell one
 * after the other, and each line of output that it shows must be printed.
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { packageRoot } from '../../core/base/paths.ts'
import { installedOffline, packRobench, workshop } from './support/packages.ts'

/** A block of a page: a file to save, commands to run, or lines that the commands before print. */
interface Step {
  readonly kind: 'file' | 'commands' | 'output'
  readonly text: string
  /** Of a file. */
  readonly name?: string
}

/** The steps of a page. Blocks in other languages, or in none, are alternatives. */
function stepsOf(page: string): Step[] {
  const blocks = /(?:Save this as `([^`]+)`[^\n]*\n\n)?^```(sh|json|text)\n([\s\S]*?)^```$/gm
  const kinds = { sh: 'commands', json: 'file', text: 'output' } as const
  return Array.from(page.matchAll(blocks), ([, name, language, text]) => ({
    kind: kinds[language as keyof typeof kinds],
    text: text!,
    ...(name !== undefined && { name }),
  }))
}

/** Serves a directory as static files. @returns its address */
async function publish(folder: string): Promise<string> {
  const server = createServer(({ url }, response) => {
    const file = join(folder, decodeURIComponent(new URL(url!, 'http://host').pathname))
    if (!existsSync(file)) response.writeHead(404).end()
    else response.end(readFileSync(file))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

test('docs/ten-minutes.md leads from an empty directory to a published board', async () => {
  const outer = workshop()
  await packRobench(outer)
  const steps = stepsOf(readFileSync(join(packageRoot(), 'docs', 'ten-minutes.md'), 'utf8'))
  expect(steps.filter(({ kind, name }) => kind === 'file' && name === undefined)).toEqual([])
  const start = join(outer, 'start')
  mkdirSync(start)
  const env = { ...process.env, ...installedOffline, ROBENCH_CACHE: join(outer, 'cache') }

  let [folder, transcript] = [outer, '']
  /** Runs commands, then remembers the directory that they changed to. */
  const shell = (commands: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const script = `set -e\n${commands}\npwd > "${start}/folder"\n`
      execFile('bash', ['-c', script], { cwd: folder, env }, (error, stdout, stderr) => {
        if (error) reject(new Error(`${commands}\n${stdout}\n${stderr}`, { cause: error }))
        else resolve(stripVTControlCharacters(stdout))
      })
    })
  for (const { kind, text, name } of steps) {
    if (kind === 'file') writeFileSync(join(folder, name!), text)
    else if (kind === 'commands') {
      transcript = await shell(text)
      folder = readFileSync(join(start, 'folder'), 'utf8').trim()
    } else {
      for (const line of text.trim().split('\n')) expect(transcript.split('\n')).toContain(line)
    }
  }

  // What is published is a board with both versions, whose pages lead to each other.
  const address = await publish(join(folder, 'site'))
  const read = async (path: string): Promise<string> => {
    const response = await fetch(new URL(path, address))
    expect(response.status, path).toBe(200)
    return response.text()
  }
  const board = await read('index.html')
  for (const title of ['Version 1', 'Version 2', 'L∞ ≤ 32/255']) expect(board).toContain(title)
  const paths = Array.from(board.matchAll(/href="(entries\/[^"#]+\.html)"/g), ([, path]) => path!)
  const pages = await Promise.all([...new Set(paths)].map(read))
  expect(pages).toHaveLength(2)
  for (const page of pages)
    for (const text of ['my/signs', 'autoattack']) expect(page).toContain(text)
  expect(pages.filter((page) => page.includes('self-reported'))).toHaveLength(1)
  expect(readFileSync(join(folder, 'comparison.html'), 'utf8')).toContain('The head is better')
})
