/**
 * Limits and events of the machine that take root, a tool, or a kernel to cause: each is skipped and
 * counted where it cannot be. The result is that of an undisturbed run, example by example.
 */
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import {
  finished,
  mainScript,
  removeFolder,
  robench,
  startRobench,
  temporaryFolder,
} from './support/cli.ts'
import type { CliResult } from './support/cli.ts'
import {
  calmOutcomes,
  childrenOf,
  completedUnits,
  faultsFolder,
  isAlive,
  pause,
  runWords,
  until,
} from './support/faults.ts'
import { outcomesOf, readOnlyResult } from './support/suite.ts'

function can(command: string, ...words: readonly string[]): boolean {
  return spawnSync(command, words).status === 0
}

const isLinux = process.platform === 'linux'
const canMount = isLinux && can('unshare', '-m', 'true')
const canLimit = isLinux && can('prlimit', '--version')
const faketime = ['/usr/lib', '/usr/lib64']
  .flatMap((root) => [root, `${root}/x86_64-linux-gnu`, `${root}/aarch64-linux-gnu`])
  .map((folder) => join(folder, 'faketime', 'libfaketimeMT.so.1'))
  .find((file) => existsSync(file))

/** Runs a shell script with the program as `$0 $1` and the words of a run after them. */
function shell(
  folder: string,
  script: string,
  { tool = ['sh'], env = {} }: { tool?: readonly string[]; env?: Record<string, string> } = {},
): ChildProcess {
  const [command, ...words] = [...tool, '-c', script, process.execPath, mainScript, ...runWords]
  const child = spawn(command!, words, {
    cwd: folder,
    env: { ...process.env, ROBENCH_CACHE: join(folder, 'cache'), NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** Resumes the run of a directory and compares its outcomes. */
async function resumesCalmly(folder: string): Promise<void> {
  expect((await robench(folder, ...runWords)).code).toBe(0)
  expect(outcomesOf(readOnlyResult(folder))).toEqual(await calmOutcomes())
}

test.skipIf(!canMount)(
  'a file system that is read-only, from the start or in the middle, is named',
  async () => {
    const folder = faultsFolder()
    mkdirSync(join(folder, 'results'))
    const mounts = 'mount --bind results results && '
    const readOnly = 'mount -o remount,bind,ro results'
    const early = await finished(
      shell(folder, `${mounts}${readOnly} && exec "$0" "$@"`, { tool: ['unshare', '-m', 'sh'] }),
    )
    expect(early.stderr).toContain(
      'cannot be written: the file system is read-only; choose another directory',
    )
    expect(early.code).toBe(2)
    const wait = 'until ls results/*/units/*.json >/dev/null 2>&1; do sleep 0.05; done; '
    const later = await finished(
      shell(
        folder,
        `${mounts}{ "$0" "$@" & pid=$!; ${wait}while ! ${readOnly}; do sleep 0.01; done; wait $pid; }`,
        { tool: ['unshare', '-m', 'sh'] },
      ),
    )
    expect(later.stderr).toContain('cannot be written: the file system is read-only')
    expect(later.code).toBe(2)
    await resumesCalmly(folder)
  },
)

test.skipIf(!isLinux)(
  'few file descriptors: the run completes, or says why it cannot',
  async () => {
    for (const limit of [40, 100, 160, 220]) {
      const folder = faultsFolder()
      const { code, stderr } = await finished(shell(folder, `ulimit -n ${limit}; exec "$0" "$@"`))
      if (code !== 0) {
        expect(stderr).toContain('too many files are open; raise the limit (ulimit -n)')
        expect(code).toBe(2)
      }
      await resumesCalmly(folder)
    }
  },
)

test.skipIf(!canLimit)('a limit on open files that is lowered in the middle of a run', async () => {
  const folder = faultsFolder()
  const child = startRobench(folder, ...runWords)
  const ended = finished(child)
  await until(() => completedUnits(folder) > 0 || child.exitCode !== null)
  can('prlimit', '--pid', String(child.pid), '--nofile=10:10')
  const { code, stderr } = await ended
  expect(stderr).toContain('too many files are open; raise the limit (ulimit -n)')
  expect(code).toBe(2)
  await resumesCalmly(folder)
})

test.skipIf(process.platform === 'win32')(
  'standard output that is closed, or closes early, changes no outcome',
  async () => {
    for (const script of [
      '"$0" "$@" >&-',
      '"$0" "$@" >&- 2>&-',
      '{ "$0" "$@" --json; echo "code $?" >&2; } | head -n 1',
      '{ "$0" "$@"; echo "code $?" >&2; } 2>&1 >/dev/null | head -c 1 >/dev/null',
    ]) {
      const folder = faultsFolder()
      const { code, stderr } = await finished(shell(folder, script))
      expect(code).toBe(0)
      if (script.includes('--json')) expect(stderr).toContain('code 0')
      expect(outcomesOf(readOnlyResult(folder))).toEqual(await calmOutcomes())
    }
  },
)

/** A group of processes with a limit on memory, in the hierarchy of the kernel's version. */
function memoryGroup(): { limit(bytes: number): void; add(pid: number): void } | undefined {
  const [v1, v2] = ['/sys/fs/cgroup/memory', '/sys/fs/cgroup']
  const isV1 = existsSync(join(v1, 'memory.limit_in_bytes'))
  const group = join(isV1 ? v1 : v2, `robench-test-${process.pid}`)
  try {
    mkdirSync(group)
  } catch {
    return undefined
  }
  const file = join(group, isV1 ? 'memory.limit_in_bytes' : 'memory.max')
  onTestFinished(() => rmdirSync(group))
  if (!existsSync(file)) return undefined
  return {
    limit: (bytes) => writeFileSync(file, String(bytes)),
    add: (pid) => writeFileSync(join(group, 'cgroup.procs'), String(pid)),
  }
}

test.skipIf(!isLinux)('workers that the kernel kills for memory are replaced', async (context) => {
  const folder = faultsFolder()
  const group = memoryGroup()
  if (!group) return context.skip()
  group.limit(24 * 2 ** 20)
  const child = startRobench(folder, ...runWords)
  const ended = finished(child)
  const victims = new Set<number>()
  await until(() => completedUnits(folder) > 0 || child.exitCode !== null)
  while (child.exitCode === null && victims.size < 2) {
    await pause(50)
    for (const worker of childrenOf(child.pid!)
      .filter((pid) => !victims.has(pid))
      .slice(0, 1)) {
      group.add(worker)
      victims.add(worker)
    }
  }
  const { code, stderr } = await ended
  expect(stderr).toContain('the worker died; attempt 2')
  expect(code).toBe(0)
  expect(outcomesOf(readOnlyResult(folder))).toEqual(await calmOutcomes())
})

test.skipIf(!canLimit)(
  'workers that get no more memory fail or are replaced, never lie',
  async () => {
    const folder = faultsFolder()
    const child = startRobench(folder, ...runWords)
    const ended = finished(child)
    await until(() => childrenOf(child.pid!).length > 0 || child.exitCode !== null)
    const [victim] = childrenOf(child.pid!)
    await pause(500)
    const pages = Number(readFileSync(`/proc/${victim}/statm`, 'utf8').split(' ')[0])
    can('prlimit', '--pid', String(victim), `--as=${4096 * pages}`)
    await ended
    await resumesCalmly(folder)
  },
)

test.skipIf(!faketime)('a clock that jumps back, and forward, changes no outcome', async () => {
  const folder = faultsFolder()
  const clock = join(folder, 'clock')
  writeFileSync(clock, '+0')
  const child = shell(folder, 'exec "$0" "$@"', {
    env: {
      LD_PRELOAD: faketime!,
      FAKETIME_TIMESTAMP_FILE: clock,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
  })
  const ended = finished(child)
  await until(() => completedUnits(folder) > 0 || child.exitCode !== null)
  writeFileSync(clock, '-3d')
  await until(() => completedUnits(folder) > 5 || child.exitCode !== null)
  writeFileSync(clock, '+400d')
  const { code } = await ended
  expect(code).toBe(0)
  const result = readOnlyResult(folder)
  expect(outcomesOf(result)).toEqual(await calmOutcomes())
  for (const { attacks } of result.entries) {
    for (const attack of attacks) {
      if (attack.state !== 'completed') throw new Error(attack.error.message)
      expect(attack.elapsedMs).toBeGreaterThanOrEqual(0)
      expect(attack.elapsedMs).toBeLessThan(86_400_000)
    }
  }
})

test('a deleted working directory changes no outcome of results elsewhere', async () => {
  const folder = faultsFolder()
  const results = temporaryFolder()
  const script = `exec "$0" "$@" --results ${join(results, 'results')}`
  const child = shell(folder, script, { env: { ROBENCH_CACHE: join(results, 'cache') } })
  const ended = finished(child)
  await until(() => completedUnits(results) > 0 || child.exitCode !== null)
  await removeFolder(folder)
  const { code, stderr } = await ended
  expect(stderr).not.toContain('bug in robench')
  expect(code).toBe(0)
  expect(outcomesOf(readOnlyResult(results))).toEqual(await calmOutcomes())
})

test.skipIf(!isLinux)('no worker lives after Ctrl-C twice, and the run resumes', async () => {
  const folder = faultsFolder()
  const child = startRobench(folder, ...runWords)
  const ended = finished(child)
  await until(() => completedUnits(folder) > 0 || child.exitCode !== null)
  const workers = childrenOf(child.pid!)
  expect(workers).toHaveLength(2)
  // Workers that are stopped cannot end by themselves.
  process.kill(workers[0]!, 'SIGSTOP')
  child.kill('SIGINT')
  await pause(100)
  child.kill('SIGINT')
  const said: CliResult = await ended
  expect(said.code).toBe(130)
  await until(() => !workers.some(isAlive))
  await resumesCalmly(folder)
})
