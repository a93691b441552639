/** Faults of the machine during a run: the result is that of an undisturbed run, or the error says why. */
import { spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { randomStream } from '../../core/base/random.ts'
import { finished, mainScript, robench, startRobench } from './support/cli.ts'
import { calmOutcomes, childrenOf, faultsFolder, pause, runWords } from './support/faults.ts'
import { onlyResults, outcomesOf, readOnlyResult } from './support/suite.ts'

/** The moments of kills; the machine makes them different each time. */
const random = randomStream('machine faults')

test.skipIf(process.platform !== 'linux')(
  '50 kills of the run or of a worker at random moments change no outcome',
  async () => {
    const folder = faultsFolder()
    let kills = 0
    while (kills < 50) {
      const child = startRobench(folder, ...runWords)
      const ended = finished(child)
      while (kills < 50 && child.exitCode === null && child.signalCode === null) {
        await pause(random.uniform() * 1500)
        const workers = childrenOf(child.pid!)
        const isRun = workers.length === 0 || random.uniform() < 0.5
        const victim = isRun ? child.pid! : workers[random.integer(workers.length)]!
        try {
          process.kill(victim, 'SIGKILL')
          kills++
        } catch {
          // It has ended by itself.
        }
        if (isRun) break
      }
      await ended
    }
    expect((await robench(folder, ...runWords)).code).toBe(0)
    expect(outcomesOf(readOnlyResult(folder))).toEqual(await calmOutcomes())
  },
)

test.skipIf(process.platform !== 'linux')(
  'a worker that is stopped and continued changes no outcome',
  async () => {
    const folder = faultsFolder()
    const child = startRobench(folder, ...runWords)
    const ended = finished(child)
    while (childrenOf(child.pid!).length === 0 && child.exitCode === null) await pause(20)
    for (const worker of childrenOf(child.pid!)) process.kill(worker, 'SIGSTOP')
    await pause(3000)
    for (const worker of childrenOf(child.pid!)) process.kill(worker, 'SIGCONT')
    expect((await ended).code).toBe(0)
    expect(outcomesOf(readOnlyResult(folder))).toEqual(await calmOutcomes())
  },
)

test('a unit with one flipped bit is noticed, named, and run again', async () => {
  const folder = faultsFolder()
  expect((await robench(folder, ...runWords)).code).toBe(0)
  const before = outcomesOf(readOnlyResult(folder))
  const units = join(onlyResults(folder), 'units')
  for (const name of readdirSync(units)
    .filter((file) => file.endsWith('.json'))
    .slice(0, 3)) {
    const bytes = readFileSync(join(units, name))
    const at = random.integer(bytes.length)
    bytes[at] = bytes[at]! ^ (1 << random.integer(8))
    writeFileSync(join(units, name), bytes)
  }
  const again = await robench(folder, ...runWords)
  expect(again.code).toBe(0)
  expect(again.stderr).toContain('(and 2 more); what is missing runs again')
  expect(outcomesOf(readOnlyResult(folder))).toEqual(before)
})

/** Runs the suite with standard output on a file descriptor. */
async function runInto(
  folder: string,
  stdout: number | 'ignore',
): Promise<[number | null, string]> {
  const child = spawn(process.execPath, [mainScript, ...runWords, '--json'], {
    cwd: folder,
    env: { ...process.env, ROBENCH_CACHE: join(folder, 'cache'), NO_COLOR: '1' },
    stdio: ['ignore', stdout, 'pipe'],
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  let text = ''
  child.stderr!.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return [code, text]
}

test.skipIf(!existsSync('/dev/full'))(
  'standard output that is full ends in one sentence',
  async () => {
    const folder = faultsFolder()
    const full = openSync('/dev/full', 'w')
    onTestFinished(() => closeSync(full))
    const [code, stderr] = await runInto(folder, full)
    expect(stderr).toContain('error: standard output: cannot be written: the disk is full')
    expect(code).toBe(2)
    // The result was saved before.
    expect(readOnlyResult(folder).entries).toHaveLength(2)
  },
)

test.skipIf(!existsSync('/proc/self'))(
  'a directory that cannot be made is refused at once',
  async () => {
    const folder = faultsFolder()
    const run = await robench(folder, ...runWords, '--results', '/proc/nothing/here')
    expect(run.stderr).toContain(
      "cannot be written: ENOENT: no such file or directory, mkdir '/proc/",
    )
    expect(run.code).toBe(2)
  },
)

test('a file in place of the results directory is named', async () => {
  const folder = faultsFolder()
  mkdirSync(join(folder, 'out'))
  writeFileSync(join(folder, 'out', 'file'), '')
  const run = await robench(folder, ...runWords, '--results', 'out/file')
  expect(run.stderr).toContain('a file exists where a directory is expected')
  expect(run.code).toBe(2)
})
