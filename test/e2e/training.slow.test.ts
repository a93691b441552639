/** A suite that trains its models: once, resumed after a kill, and written one by one. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { finished, robench, startRobench, temporaryFolder, writeJson } from './support/cli.ts'
import { readOnlyResult } from './support/suite.ts'

const suite = {
  id: 'train',
  title: 'Train',
  dataset: { id: 'quickstart' },
  limit: 50,
  threatModels: [{ norm: 'Linf', epsilon: '8/255' }],
  defenses: [
    {
      name: 'small',
      plugin: 'standard',
      options: { network: { id: 'small-cnn', options: { width: 4, hidden: 8 } }, epochs: 3 },
    },
  ],
  attacks: [{ plugin: 'fgsm' }],
}

test('training that is killed resumes at its last checkpoint, and is not repeated', async () => {
  const folder = temporaryFolder()
  writeJson(folder, 'suite.json', suite)
  const child = startRobench(folder, 'run', 'suite.json')
  child.stderr!.on('data', (chunk: Buffer) => {
    if (chunk.toString().includes('epoch 2 of 3')) child.kill('SIGKILL')
  })
  expect((await finished(child)).code).toBeNull()
  const second = await robench(folder, 'run', 'suite.json')
  expect(second.stderr).toContain('to train small')
  expect(second.stderr).not.toContain('epoch 1 of 3')
  expect(second.stderr).toContain('epoch 3 of 3')
  expect(second.code).toBe(0)
  expect(readOnlyResult(folder).entries[0]!.defense.training).toBeDefined()
  const third = await robench(folder, 'run', 'suite.json', '--fresh')
  expect(third.stderr).not.toContain('to train')
  expect(third.code).toBe(0)
})

test('train writes each model as soon as its training is complete', async () => {
  const folder = temporaryFolder()
  const [small] = suite.defenses
  const long = { ...small!, name: 'long', options: { ...small!.options, epochs: 1000 } }
  writeJson(folder, 'suite.json', { ...suite, defenses: [small, long] })
  const child = startRobench(folder, 'train', 'suite.json', '--out', 'out', '--workers', '1')
  const file = join(folder, 'out', 'train-small.onnx')
  child.stderr!.on('data', (chunk: Buffer) => {
    if (chunk.toString().includes('training long: epoch 1 ')) child.kill('SIGKILL')
  })
  expect((await finished(child)).code).toBeNull()
  expect([existsSync(file), existsSync(`${file}.json`)]).toEqual([true, true])
  expect(existsSync(join(folder, 'out', 'train-long.onnx'))).toBe(false)
})
