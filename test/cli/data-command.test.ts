import { PassThrough } from 'node:stream'
import { beforeEach, expect, test, vi } from 'vitest'
import { dataCommand } from '../../cli/data-command.ts'
import { temporaryFolder } from '../core/data/fixtures.ts'

beforeEach(() => {
  vi.stubEnv('ROBENCH_DATA', temporaryFolder())
  return () => vi.unstubAllEnvs()
})

async function run(...words: string[]): Promise<{ stdout: string; stderr: string }> {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  await dataCommand({ stdout, stderr }).parseAsync(words, { from: 'user' })
  return { stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') }
}

test('list shows every data set and how to install one', async () => {
  const { stdout } = await run('list')
  for (const id of ['cifar10', 'svhn', 'fashion-mnist']) {
    expect(stdout).toMatch(new RegExp(`^${id} .* no `, 'm'))
  }
  expect(stdout).toMatch(/^quickstart .* built in /m)
  expect(stdout).toContain(`Directory: ${process.env['ROBENCH_DATA']}`)
  expect(stdout).toContain('Install a data set: robench data pull cifar10\n')
})

test('list --json prints an array', async () => {
  const infos: unknown = JSON.parse((await run('list', '--json')).stdout)
  expect(infos).toMatchObject([
    { id: 'cifar10', state: 'absent' },
    {},
    {},
    {},
    {},
    { id: 'quickstart', toy: true },
  ])
})

test('pull --json prints the result', async () => {
  expect(JSON.parse((await run('pull', 'quickstart', '--json')).stdout)).toEqual({
    id: 'quickstart',
    sources: [],
    failures: [],
    files: [],
  })
})

test('pull of an unknown id throws with a suggestion', async () => {
  await expect(run('pull', 'cifr10')).rejects.toThrowErrorMatchingInlineSnapshot(
    `[ConfigError: unknown data set "cifr10"; did you mean "cifar10"? Known: cifar10, cifar100, svhn, mnist, fashion-mnist, quickstart; or the path of your own data]`,
  )
})

test.each(['quickstart', 'cifar10'])('pull %s --from a missing directory throws', async (id) => {
  await expect(run('pull', id, '--from', 'nowhere')).rejects.toThrow(
    '--from: nowhere does not exist; expected a directory with the published files or archives',
  )
})

test('pull --from an empty directory throws and prints nothing', async () => {
  await expect(run('pull', 'svhn', '--from', temporaryFolder())).rejects.toThrow(
    'contains no train_32x32.mat, test_32x32.mat',
  )
})
