/** A run on a full disk. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { finished, mainScript, robench, temporaryFolder, writeJson } from './support/cli.ts'
import { testSuite } from './support/suite.ts'
import { writeTinyProblem } from './support/tiny-problem.ts'

test('a full disk stops the run with advice, and the run can be resumed', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  const defenses = [
    { name: 'tiny', plugin: 'onnx-model', model: 'tiny.onnx', options: { file: 'tiny.onnx' } },
  ]
  writeJson(folder, 'suite.json', testSuite([{ plugin: 'fgsm' }], { defenses }))
  // A limit on file sizes acts like a full disk: the file of a unit does not fit.
  const limited = spawn(
    'sh',
    ['-c', `ulimit -f 1; exec "$0" "$@"`, process.execPath, mainScript, 'run', 'suite.json'],
    {
      cwd: folder,
      env: { ...process.env, ROBENCH_CACHE: join(folder, 'cache') },
    },
  )
  const { code, stderr } = await finished(limited)
  expect(stderr).toContain(
    'the limit on file sizes is reached; raise it (ulimit -f) and run the same command again',
  )
  expect(code).toBe(2)
  expect((await robench(folder, 'run', 'suite.json')).code).toBe(0)
})
