/** `getAttack`: a built-in or a plugin's attack, run on arrays. */
import { expect, test } from 'vitest'
import { evaluate, getAttack } from '../../../core/api/index.ts'
import { randomStream } from '../../../core/base/random.ts'
import { fixturePlugins } from '../../e2e/support/cli.ts'
import { tinyModel } from '../../e2e/support/tiny-problem.ts'

const inputs = {
  data: Float32Array.from({ length: 20 * 64 }, () => 0),
  shape: [20, 1, 8, 8],
}
const stream = randomStream('get-attack')
inputs.data.forEach((_, i) => (inputs.data[i] = stream.uniform()))
const labels = Int32Array.from({ length: 20 }, (_, i) => i % 4)

test('an attack runs with its defaults and gives what evaluate gives', async () => {
  const pgd = await getAttack('pgd')
  expect(pgd.meta).toMatchObject({ id: 'pgd', knowledge: 'white-box' })
  const threatModel = { norm: 'L2', epsilon: '1/2' } as const
  const alone = await pgd.run(tinyModel(), inputs, labels, { ...threatModel, seed: 5 })
  const { attacks } = await evaluate({
    model: tinyModel(),
    data: { inputs, labels },
    threatModel,
    attacks: ['pgd'],
    seed: 5,
    checks: false,
  })
  expect(alone).toEqual(attacks[0])
  expect(alone.outcomes).toMatch(/^[wrb]{20}$/)
  expect(alone.options).toMatchObject({ steps: 20, restarts: 1 })
})

test("a third party's attack is found by its package", async () => {
  const noise = await getAttack('test/noise', { plugins: [fixturePlugins] })
  expect(noise.meta.title).toBe('A fixture')
  const { forwardPasses } = await noise.run(tinyModel(), inputs, labels, {
    norm: 'Linf',
    epsilon: 0.1,
  })
  expect(forwardPasses).toBe(0)
})

test('mistakes are named', async () => {
  await expect(getAttack('pgdd')).rejects.toThrow(
    'getAttack: unknown attack plugin "pgdd"; did you mean "pgd"?',
  )
  const pgd = await getAttack('pgd')
  const run = { norm: 'Linf', epsilon: 0.1 } as const
  const steps = { ...run, options: { step: 3 } }
  await expect(pgd.run(tinyModel(), inputs, labels, steps)).rejects.toThrow(
    'pgd#/attacks/0/options/step: unknown option; did you mean "steps"?',
  )
  const plugins = { ...run, plugins: [] }
  await expect(pgd.run(tinyModel(), inputs, labels, plugins)).rejects.toThrow(
    'pgd: unknown key "plugins"',
  )
  const square = await getAttack('apgd-dlr')
  await expect(
    square.run(tinyModel(), inputs, labels, { norm: 'Linf', epsilon: 'x' }),
  ).rejects.toThrow('epsilon: expected a positive number or a fraction such as "8/255", got "x"')
})

test('an attack that leaves the ball is refused by the host', async () => {
  const escapes = await getAttack('test/escapes', { plugins: [fixturePlugins] })
  await expect(
    escapes.run(tinyModel(), inputs, labels, { norm: 'Linf', epsilon: 1 / 255 }),
  ).rejects.toThrow(/attack test\/escapes \(version 1\): its result for example \d+/)
})
