/** The steps of the GitHub action, run in a repository with two branches. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { packageRoot } from '../../core/base/paths.ts'
import { finished, mainScript, temporaryFolder, writeJson } from './support/cli.ts'
import { writeTinyProblem } from './support/tiny-problem.ts'

const scripts = join(packageRoot(), '.github', 'action')

function git(folder: string, ...words: readonly string[]): string {
  const identity = ['-c', 'user.name=a', '-c', 'user.email=a@example.org']
  return execFileSync('git', [...identity, ...words], { cwd: folder, encoding: 'utf8' })
}

function suite(options: object): object {
  return {
    id: 'ci',
    title: 'CI',
    dataset: { inputs: 'inputs.npy', labels: 'labels.npy' },
    limit: 300,
    threatModels: [{ norm: 'Linf', epsilon: '8/255' }],
    defenses: [{ name: 'mine', plugin: 'onnx-model', options: { file: 'tiny.onnx', ...options } }],
    attacks: [{ plugin: 'fgsm' }, { plugin: 'pgd', options: { steps: 5 } }],
    checks: false,
  }
}

/** A repository with `main`, and with a branch whose defense has one other option. */
function repository(options: object): string {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  writeJson(folder, 'suite.json', suite({}))
  git(folder, 'init', '--quiet', '--initial-branch', 'main')
  git(folder, 'add', '.')
  git(folder, 'commit', '--quiet', '-m', 'base')
  git(folder, 'checkout', '--quiet', '-b', 'change')
  writeJson(folder, 'suite.json', suite(options))
  git(folder, 'commit', '--quiet', '-am', 'change')
  return folder
}

function compare(
  repo: string,
  work: string,
  out: string,
  more: Readonly<Record<string, string>> = {},
) {
  const { status, stdout, stderr } = spawnSync(join(scripts, 'compare.sh'), {
    cwd: repo,
    encoding: 'utf8',
    env: {
      ...process.env,
      SUITE: 'suite.json',
      BASE_REF: 'main',
      ROBENCH: `${process.execPath} ${mainScript}`,
      CACHE: join(work, 'chunks'),
      OUT: join(work, out),
      ROBENCH_CACHE: join(work, 'cache'),
      GITHUB_STEP_SUMMARY: join(work, 'summary.md'),
      NO_COLOR: '1',
      ...more,
    },
  })
  return { code: status, stdout, stderr }
}

/** The bytes of all chunks of one side. */
function chunks(work: string, out: string, side: string): Record<string, string> {
  const [suiteFolder] = readdirSync(join(work, out, side))
  const units = join(work, out, side, suiteFolder!, 'units')
  return Object.fromEntries(
    readdirSync(units).map((name) => [name, readFileSync(join(units, name), 'utf8')]),
  )
}

test('a change of one option is found, and the base costs nothing the second time', () => {
  const repo = repository({ mean: [0.9], std: [1] })
  const work = temporaryFolder()
  const first = compare(repo, work, 'first')
  expect(first.stderr).not.toMatch(/error/i)
  expect(first.code).toBe(1)
  expect(first.stdout).toContain('The head is worse.')
  const out = join(work, 'first')
  for (const file of ['comparison.md', 'comparison.html', 'junit.xml']) {
    expect(existsSync(join(out, file)), file).toBe(true)
  }
  expect(readFileSync(join(work, 'summary.md'), 'utf8')).toBe(
    readFileSync(join(out, 'comparison.md'), 'utf8'),
  )
  // No worktree is left behind.
  expect(git(repo, 'worktree', 'list').trim().split('\n')).toHaveLength(1)
  // A chunk that ran again would have another time, so equal bytes are cached ones.
  compare(repo, work, 'second')
  // The directory also holds the chunks of the head: the cache has both.
  expect(chunks(work, 'second', 'base')).toMatchObject(chunks(work, 'first', 'base'))
  expect(Object.keys(chunks(work, 'first', 'base'))).toHaveLength(3)
  // With a margin of 100 points nothing is a regression.
  expect(compare(repo, work, 'third', { MARGIN: '100' }).code).toBe(0)
})

test('a suite that the merge base does not have is run, and nothing is compared', () => {
  const repo = repository({ mean: [0.9], std: [1] })
  git(repo, 'mv', 'suite.json', 'other.json')
  git(repo, 'commit', '--quiet', '-m', 'another suite')
  const work = temporaryFolder()
  // An earlier run with the suite of the base leaves its result in the same directory.
  git(repo, 'checkout', '--quiet', 'main')
  expect(compare(repo, work, 'out').code).toBe(0)
  git(repo, 'checkout', '--quiet', 'change')
  const { code, stderr } = compare(repo, work, 'out', { SUITE: 'other.json' })
  expect(stderr).not.toMatch(/error/i)
  expect(code).toBe(0)
  const text = readFileSync(join(work, 'out', 'comparison.md'), 'utf8')
  expect(text).toContain('The merge base has no `other.json`, so there is nothing to compare with.')
  expect(text).toContain('| mine |')
})

test('a suite that the head does not have is named', () => {
  const { code, stderr } = compare(
    repository({ mean: [0.9], std: [1] }),
    temporaryFolder(),
    'out',
    {
      SUITE: 'siute.json',
    },
  )
  expect(code).toBe(2)
  expect(stderr).toBe(
    'SUITE: siute.json does not exist in the head; give the path of a suite, relative to the ' +
      'repository\n',
  )
})

test('a run that cannot start is not taken for a regression', () => {
  const repo = repository({ file: 'missing.onnx' })
  const { code, stderr } = compare(repo, temporaryFolder(), 'out')
  expect(stderr).toContain('missing.onnx')
  expect(code).toBeGreaterThan(1)
})

test('one comment is written, then updated; a fork without a token uses the summary', async () => {
  const folder = temporaryFolder()
  const comments: { id: number; body: string }[] = [{ id: 1, body: 'of a person' }]
  const calls: string[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () => {
      calls.push(`${request.method} ${request.url}`)
      if (request.headers.authorization !== 'Bearer good') {
        response.writeHead(403).end('{}')
        return
      }
      const { body } = (text === '' ? {} : JSON.parse(text)) as { body?: string }
      if (request.method === 'POST') comments.push({ id: 2, body: body! })
      if (request.method === 'PATCH') comments[1] = { id: 2, body: body! }
      response.writeHead(200).end(JSON.stringify(request.method === 'GET' ? comments : {}))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const run = async (body: string, token: string) => {
    writeFileSync(join(folder, 'body.md'), body)
    return finished(
      spawn(process.execPath, [join(scripts, 'comment.mjs')], {
        env: {
          ...process.env,
          BODY: join(folder, 'body.md'),
          MARKER: 'suite.json',
          GITHUB_TOKEN: token,
          GITHUB_API_URL: `http://127.0.0.1:${port}`,
          GITHUB_REPOSITORY: 'a/b',
          PULL_REQUEST: '7',
        },
      }),
    )
  }
  expect((await run('first', 'good')).stdout).toBe('wrote the comment\n')
  expect((await run('second', 'good')).stdout).toBe('updated the comment\n')
  expect(comments).toEqual([
    { id: 1, body: 'of a person' },
    { id: 2, body: '<!-- robench compare suite.json -->\nsecond' },
  ])
  expect(calls).toContain('PATCH /repos/a/b/issues/comments/2')
  const forbidden = await run('third', 'read-only')
  expect(forbidden).toMatchObject({ code: 0 })
  expect(forbidden.stdout).toContain('the token may not comment (403)')
  expect((await run('fourth', '')).stdout).toContain('in the step summary only')
})

test('a submission changes entries only, and brings no record of a check', () => {
  const folder = temporaryFolder()
  git(folder, 'init', '--quiet', '--initial-branch', 'main')
  writeFileSync(join(folder, 'README.md'), 'x')
  git(folder, 'add', '.')
  git(folder, 'commit', '--quiet', '-m', 'base')
  const entries = join(folder, 'leaderboard', 'entries', 'cifar10')
  mkdirSync(entries, { recursive: true })
  const changed = (change: () => void) => {
    git(folder, 'checkout', '--quiet', '-B', 'submission', 'main')
    change()
    git(folder, 'add', '--all', '.')
    git(folder, 'commit', '--quiet', '-m', 'entry')
    const done = spawnSync(join(scripts, 'check-submission.sh'), ['main'], {
      cwd: folder,
      encoding: 'utf8',
    })
    git(folder, 'checkout', '--quiet', 'main')
    mkdirSync(entries, { recursive: true })
    return { code: done.status, stderr: done.stderr }
  }
  const submit = (file: string) => changed(() => writeFileSync(file, '{}'))
  expect(submit(join(entries, 'a.json'))).toEqual({ code: 0, stderr: '' })
  expect(submit(join(entries, 'a.check.json'))).toMatchObject({ code: 1 })
  expect(submit(join(folder, 'package.json')).stderr).toContain(
    'package.json: a submission changes files in leaderboard/entries only',
  )
  // A rename deletes a file elsewhere; a link may lead to any file.
  const moved = changed(() => renameSync(join(folder, 'README.md'), join(entries, 'a.json')))
  expect(moved).toEqual({
    code: 1,
    stderr:
      'README.md: a submission changes files in leaderboard/entries only; open another pull request\n',
  })
  const linked = changed(() => symlinkSync('../../../README.md', join(entries, 'a.json')))
  expect(linked).toEqual({
    code: 1,
    stderr: 'leaderboard/entries/cifar10/a.json: a submission adds plain files only\n',
  })
})
