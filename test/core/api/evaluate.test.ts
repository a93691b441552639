/** `evaluate`: the same outcomes as `robench eval`, per example, and errors. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { tinyRequest } from './tiny-request.ts'
import { evaluate, loadModel } from '../../../core/api/index.ts'
import type { EvaluateRequest } from '../../../core/api/index.ts'
import { tinyModel } from '../../e2e/support/tiny-problem.ts'

const messageOf = async (request: object): Promise<string> => {
  try {
    await evaluate(request as EvaluateRequest)
  } catch (error) {
    return String(error)
  }
  return 'no error'
}

test('a path, bytes, and a loaded model have the same outcomes', async () => {
  const model = 'models/quickstart-standard.onnx'
  const rest = {
    data: 'quickstart',
    limit: 30,
    threatModel: { norm: 'Linf', epsilon: 8 / 255 },
    attacks: ['fgsm'],
    checks: false,
  } as const
  const byPath = await evaluate({ model, ...rest })
  const bytes = new Uint8Array(readFileSync(model))
  const byBytes = await evaluate({ model: bytes, ...rest })
  const loaded = await loadModel(bytes, { bounds: [0, 1], layout: 'NCHW' })
  const byModel = await evaluate({ model: loaded, ...rest })
  expect(byPath.examples).toBe(30)
  expect(byPath.attacks[0]!.outcomes).toMatch(/b/)
  expect(byBytes.attacks).toEqual(byPath.attacks)
  expect(byModel.attacks).toEqual(byPath.attacks)
  // The caller's model still works.
  const images = { dtype: 'float32', shape: [1, 3, 32, 32], data: new Float32Array(3072) } as const
  await expect(loaded.logits(images)).resolves.toMatchObject({ shape: [1, 10] })
  await loaded.dispose()
})

test('8-bit inputs are divided by 255', async () => {
  const request = tinyRequest()
  const { inputs, labels } = request.data
  const shape = [40, 1, 8, 8]
  const bytes = Uint8Array.from(inputs.data, (value) => Math.round(value * 255))
  const floats = Float32Array.from(bytes, (value) => value / 255)
  const ofBytes = await evaluate({ ...request, data: { inputs: { data: bytes, shape }, labels } })
  const ofFloats = await evaluate({ ...request, data: { inputs: { data: floats, shape }, labels } })
  expect(ofBytes.attacks).toEqual(ofFloats.attacks)
})

test('bounds, mean and std describe the input of the model', async () => {
  const request = tinyRequest()
  const { inputs, labels } = request.data
  const data = inputs.data.map((value) => 4 * value - 2)
  const scaled = await evaluate({
    ...request,
    data: { inputs: { data, shape: [40, 1, 8, 8] }, labels },
    bounds: [-2, 2],
    mean: [-2],
    std: [4],
    threatModel: { norm: 'Linf', epsilon: 64 / 255 },
  })
  const plain = await evaluate(request)
  expect(scaled.threatModel.bounds).toEqual([-2, 2])
  expect(scaled.clean).toEqual(plain.clean)
  expect(scaled.attacks[0]!.robust).toEqual(plain.attacks[0]!.robust)
})

test('a curve, a surrogate and a repeated attack are supported', async () => {
  const { attacks: _, ...request } = tinyRequest()
  const { attacks, worstCase } = await evaluate({
    ...request,
    threatModel: { norm: 'Linf', epsilon: '16/255', curve: ['4/255'] },
    surrogates: { other: tinyModel() },
    attacks: ['pgd', { id: 'pgd', options: { steps: 2 } }, 'transfer'],
  })
  expect(attacks.map(({ name }) => name)).toEqual(['pgd', 'pgd-2', 'transfer'])
  const sizes = new Set(attacks[0]!.breakingEpsilons)
  expect([...sizes].toSorted((a, b) => a - b)).toEqual([0, 4 / 255, 16 / 255, Infinity])
  expect(worstCase.curve?.epsilons).toEqual([4 / 255, 16 / 255])
  expect(worstCase.curve?.robustAccuracies[1]).toBe(worstCase.accuracy)
})

test('progress counts to the number of examples', async () => {
  const seen: string[] = []
  await evaluate({
    ...tinyRequest(),
    progress: (attack, done, total) => seen.push(`${attack} ${done}/${total}`),
  })
  expect(seen.at(-1)).toBe('pgd 40/40')
})

test('an aborted evaluation throws ROBENCH_ABORTED', async () => {
  const controller = new AbortController()
  const request = { ...tinyRequest(), signal: controller.signal }
  const progress = (): void => controller.abort()
  await expect(evaluate({ ...request, progress })).rejects.toMatchObject({
    code: 'ROBENCH_ABORTED',
  })
  await expect(evaluate(request)).rejects.toMatchObject({ code: 'ROBENCH_ABORTED' })
})

test('each mistake in a request has a specific message', async () => {
  const request = tinyRequest()
  const arrays = request.data
  const shape = [40, 1, 8, 8]
  const messages: Record<string, string> = {}
  const mistakes: Record<string, object> = {
    key: { threatmodel: {} },
    attack: { attacks: ['pgdd'] },
    option: { attacks: [{ id: 'pgd', options: { step: 3 } }] },
    attacks: { attacks: 'pgd' },
    epsilon: { threatModel: { norm: 'Linf', epsilon: '8:255' } },
    norm: { threatModel: { norm: 'Linff', epsilon: 1 } },
    data: { data: 3 },
    flat: { data: { ...arrays, inputs: arrays.inputs.data } },
    shape: { data: { ...arrays, inputs: { data: arrays.inputs.data, shape: [40, 64] } } },
    labels: { data: { ...arrays, labels: [0, 1] } },
    label: { data: { ...arrays, labels: new Float32Array(40).fill(0.5) } },
    classes: { data: { ...arrays, labels: new Uint8Array(40).fill(7) } },
    range: { data: { ...arrays, inputs: { data: arrays.inputs.data.map((x) => x - 1), shape } } },
    layout: {
      data: { ...arrays, inputs: { data: new Float32Array(64 * 40), shape: [40, 8, 8, 1] } },
    },
    limit: { limit: 0 },
    seed: { seed: -1 },
    std: { std: [0] },
    half: { std: [0.5] },
    plugins: { plugins: ['./no-such-plugin'] },
    surrogates: { attacks: ['transfer'] },
    dataset: { data: 'cifar11' },
  }
  for (const [name, mistake] of Object.entries(mistakes)) {
    messages[name] = (await messageOf({ ...request, ...mistake }))
      .replaceAll(process.cwd(), '.')
      .replace(/(available attacks|accepts): [^)]*/, '$1: …')
  }
  expect(messages).toMatchInlineSnapshot(`
    {
      "attack": "ConfigError: evaluate#/attacks/0/plugin: unknown attack plugin "pgdd"; did you mean "pgd"? (available attacks: …)",
      "attacks": "ConfigError: evaluate: attacks: expected a list such as ["autoattack"], got "pgd"",
      "classes": "ConfigError: model: label 7 of example 0 of data is not a class of the model, which has 4 (0 to 3)",
      "data": "ConfigError: data: expected { inputs, labels } or the id of a data set such as "cifar10", got 3",
      "dataset": "ConfigError: unknown data set "cifar11"; did you mean "cifar10"? Known: cifar10, cifar100, svhn, mnist, fashion-mnist, quickstart; or the path of your own data",
      "epsilon": "ConfigError: evaluate#/threatModels/0/epsilon: expected a positive number or a fraction such as "8/255", got "8:255"",
      "flat": "ConfigError: data.inputs: expected { data, shape } with data a Float32Array or a Uint8Array, got Float32Array",
      "half": "ConfigError: mean: missing, but std is set; a normalization needs both (0 and 1 change nothing)",
      "key": "ConfigError: evaluate: unknown key "threatmodel"; did you mean "threatModel"? (accepted: model, data, threatModel, attacks, limit, checks, seed, batchSize, device, threads, surrogates, plugins, signal, progress, bounds, layout, mean, std, classNames, output)",
      "label": "ConfigError: data.labels: label 0: expected a class number from 0, got 0.5",
      "labels": "ConfigError: data.labels: expected 40 labels, one for each input, got 2",
      "layout": "GraphError: model: the model expects images of [1, 8, 8] (channels, height, width), but the data has [8, 8, 1]; if the data has the channels last, save x.transpose(0, 3, 1, 2); if the model has, set --layout NHWC",
      "limit": "ConfigError: limit: expected a positive integer, got 0",
      "norm": "ConfigError: evaluate#/threatModels/0/norm: must be one of Linf, L2, L1, L0; got "Linff"; did you mean "Linf"?",
      "option": "ConfigError: evaluate#/attacks/0/options/step: unknown option; did you mean "steps"? (pgd accepts: …)",
      "plugins": "ConfigError: evaluate#/plugins/0: plugin package "./no-such-plugin" was not found; check the path
      from .: ./no-such-plugin does not exist",
      "range": "ConfigError: data.inputs: example 0 has the value -0.47249436378479004, expected values in [0, 1]; scale the inputs, or set bounds to their range (normalization belongs in mean and std)",
      "seed": "ConfigError: evaluate#/seeds/0: must be >= 0, got -1",
      "shape": "ConfigError: data.inputs: expected a shape [n, channels, height, width] of 2560 elements, got [40,64]",
      "std": "ConfigError: std: expected positive numbers, got [0]",
      "surrogates": "ConfigError: evaluate: attack "transfer" needs other models; pass surrogates: { name: model }",
    }
  `)
  const missing = await messageOf({ ...request, model: 'missing.onnx' })
  expect(missing).toMatch(/^ConfigError: model: .*missing\.onnx does not exist; check the path$/)
})
