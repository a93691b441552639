/** Mistakes in a suite are reported by the plan, with the place in the suite. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { g } from '../../../../core/engine/graph/graph.ts'
import { compiledSchemas } from '../../../../core/base/schema.ts'
import { toOnnx } from '../../../../core/engine/graph/serialize.ts'
import { float32 } from '../../../../core/engine/tensor/tensor.ts'
import { planSuite } from '../../../../core/bench/execute/run.ts'
import { checkSuite } from '../../../../core/bench/suite/load.ts'
import { testSuite } from '../../../e2e/support/suite.ts'
import { writeTinyProblem } from '../../../e2e/support/tiny-problem.ts'

let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'robench-resolve-'))
  writeTinyProblem(folder)
  writeFileSync(join(folder, 'text.onnx'), 'this is no model')
  writeFileSync(join(folder, 'nan.onnx'), notANumberModel())
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** logits = √(−1 − x): never finite. */
function notANumberModel(): Uint8Array {
  const images = g.input('images', 'float32', ['n', 1, 8, 8])
  const flat = g.reshape(images, [-1, 64])
  const weights = g.constant(float32([64, 4], new Float32Array(256).fill(1)))
  return toOnnx({ logits: g.sqrt(g.sub(g.neg(g.matMul(flat, weights)), 1)) }, [images])
}

const defense = {
  name: 'tiny',
  plugin: 'onnx-model',
  model: 'tiny.onnx',
  options: { file: 'tiny.onnx' },
}
const settings = { resultsFolder: 'unused', workers: 1 }

/** The message for a valid suite changed by `more`, without names of temporary directories. */
async function mistake(more: Readonly<Record<string, unknown>>): Promise<string> {
  // Without third-party packages, which are read in another process.
  const own = { plugins: [], defenses: [defense], ...more }
  const suite = testSuite([{ plugin: 'fgsm' }], own)
  try {
    await planSuite(checkSuite(suite, 's.json', folder), settings)
    return 'no mistake'
  } catch (error) {
    return String(error).replaceAll(folder, '<folder>').replaceAll(process.cwd(), '<here>')
  }
}

test('a valid suite has no mistake', async () => {
  expect(await mistake({})).toBe('no mistake')
})

test.each<[string, Readonly<Record<string, unknown>>, string]>([
  [
    'that is no class of the model, which alone tells their number',
    { threatModels: [{ norm: 'Linf', epsilon: 0.1, target: 4 }] },
    's.json#/threatModels/0/target: expected a class of the model, from 0 to 3, got 4',
  ],
  [
    'by name, where nothing names the classes',
    { threatModels: [{ norm: 'Linf', epsilon: 0.1, target: 'cat' }] },
    's.json#/threatModels/0/target: expected a class number or next, least-likely, random, given; ' +
      'got "cat"; the data does not name its classes (--class-names)',
  ],
  [
    'and an option that contradicts it',
    {
      threatModels: [{ norm: 'Linf', epsilon: 0.1, target: 1 }],
      attacks: [{ plugin: 'pgd', options: { goal: 'multi-targeted' } }],
    },
    's.json#/attacks/0/options/goal: "multi-targeted" has no effect',
  ],
  [
    'and an option that contradicts it, in an attack that is wrapped',
    {
      threatModels: [{ norm: 'Linf', epsilon: 0.1, target: 1 }],
      attacks: [{ plugin: 'eot', options: { attack: { id: 'pgd', options: { target: 2 } } } }],
    },
    's.json#/attacks/0/options/attack/options/target: 2 has no effect',
  ],
])('a target %s', async (_, more, message) => {
  expect(await mistake(more)).toContain(message)
})

test('options of targets are kept where a threat model has none', async () => {
  const attacks = [{ plugin: 'pgd', options: { goal: 'targeted', target: 2 } }]
  const threatModels = [
    { norm: 'Linf', epsilon: 0.1, target: 1 },
    { norm: 'Linf', epsilon: 0.1 },
  ]
  expect(await mistake({ attacks, threatModels })).toBe('no mistake')
})

test('a step longer than the ball is wide, in an attack that is wrapped', async () => {
  const attack = { id: 'pgd', options: { stepSize: 2 } }
  expect(await mistake({ attacks: [{ plugin: 'eot', options: { attack } }] })).toContain(
    's.json#/attacks/0/options/attack/options/stepSize: 2 is above the diameter of the ball',
  )
})

test('an unknown key', async () => {
  expect(await mistake({ atacks: [] })).toMatchInlineSnapshot(
    `"ConfigError: s.json#/atacks: unknown key; did you mean "attacks"? (accepted: id, title, description, plugins, dataset, limit, sample, threatModels, defenses, attacks, checks, draws, seeds, batchSize, timeLimitMs, stallLimitMs, memoryLimitMb)"`,
  )
})

test('an unknown plugin', async () => {
  expect(await mistake({ attacks: [{ plugin: 'fgms' }] })).toMatchInlineSnapshot(
    `"ConfigError: s.json#/attacks/0/plugin: unknown attack plugin "fgms"; did you mean "fgsm"? (available attacks: additive-noise, amplitude-mix, apgd-ce, apgd-dlr, apgd-t, autoattack, bim, boundary, bpda, carlini-wagner, corruption, ddn, deepfool, di-fgsm, eot, fab, fab-t, fgsm, fmn, gradient-aware, high-pass, high-pass-sweep, hop-skip-jump, mim, nes, ni-fgsm, pgd, sigma-zero, spa, sparse-pgd, spatial, spectral-exchange, spsa, square, ti-fgsm, transfer, universal; third-party plugins come from the packages in the suite's "plugins")"`,
  )
})

test('an unknown network', async () => {
  const standard = { name: 's', plugin: 'standard', options: { network: { id: 'resnt' } } }
  expect(await mistake({ defenses: [standard] })).toMatchInlineSnapshot(
    `"ConfigError: s.json#/defenses/0/options/network/id: unknown network plugin "resnt"; did you mean "resnet"? (available networks: preact-resnet, resnet, small-cnn, vgg, vit-tiny, wide-resnet; third-party plugins come from the packages in the suite's "plugins")"`,
  )
})

test('an option of the wrong type', async () => {
  const attacks = [{ plugin: 'pgd', options: { steps: 'many', stepSize: 'small' } }]
  expect(await mistake({ attacks })).toMatchInlineSnapshot(`
    "ConfigError: s.json#/attacks/0/options/stepSize: must be a positive number or a fraction such as "2/255", got "small"
    s.json#/attacks/0/options/steps: must be an integer, got "many""
  `)
})

test('a missing required option', async () => {
  const defenses = [{ name: 'mine', plugin: 'onnx-model', options: {} }]
  expect(await mistake({ defenses })).toMatchInlineSnapshot(
    `"ConfigError: s.json#/defenses/0/options: missing option "file""`,
  )
})

test('an epsilon that is not a number', async () => {
  const threatModels = [{ norm: 'Linf', epsilon: 'eight' }]
  expect(await mistake({ threatModels })).toMatchInlineSnapshot(
    `"ConfigError: s.json#/threatModels/0/epsilon: expected a positive number or a fraction such as "8/255", got "eight""`,
  )
})

test('an unknown norm', async () => {
  const threatModels = [{ norm: 'linf', epsilon: 0.1 }]
  expect(await mistake({ threatModels })).toMatchInlineSnapshot(
    `"ConfigError: s.json#/threatModels/0/norm: must be one of Linf, L2, L1, L0; got "linf"; did you mean "Linf"?"`,
  )
})

test('an unknown data set', async () => {
  expect(await mistake({ dataset: { id: 'cifar11' } })).toMatchInlineSnapshot(
    `"ConfigError: s.json#/dataset: unknown data set "cifar11"; did you mean "cifar10"? Known: cifar10, cifar100, svhn, mnist, fashion-mnist, quickstart; or the path of your own data"`,
  )
})

test('a data set without id and files', async () => {
  expect(await mistake({ dataset: { inputs: 'inputs.npy' } })).toMatchInlineSnapshot(
    `"ConfigError: s.json#/dataset: must be {"id": …}, {"inputs": "x.npy", "labels": "y.npy"}, or {"path": …}, got {"inputs":"inputs.npy"}"`,
  )
})

test('a missing data file', async () => {
  const dataset = { inputs: 'nowhere.npy', labels: 'labels.npy' }
  expect(await mistake({ dataset })).toMatchInlineSnapshot(
    `"ConfigError: s.json#/dataset: <folder>/nowhere.npy: not found"`,
  )
})

test('a missing plugin package', async () => {
  const message = await mistake({ plugins: ['robench-plugin-none'] })
  expect(message.split('\n')[0]).toMatchInlineSnapshot(
    `"ConfigError: s.json#/plugins/0: plugin package "robench-plugin-none" was not found; install it: npm install robench-plugin-none"`,
  )
})

test('a missing model file', async () => {
  const defenses = [{ ...defense, model: 'none.onnx' }]
  expect(await mistake({ defenses })).toMatchInlineSnapshot(
    `"ConfigError: s.json#/defenses/0/model: <folder>/none.onnx does not exist; check the path, or set "train": true to train the model"`,
  )
})

test('a model file that is not a model', async () => {
  const defenses = [{ ...defense, model: 'text.onnx' }]
  expect(await mistake({ defenses })).toMatchInlineSnapshot(
    `"RobenchError: s.json#/defenses/0: <folder>/text.onnx: expected an ONNX model, but it cannot be parsed (premature EOF); export it again (torch.onnx.export, tf2onnx) and check that the file is complete"`,
  )
})

test('a model of another input shape', async () => {
  expect(await mistake({ dataset: { id: 'quickstart' } })).toMatchInlineSnapshot(
    `"RobenchError: s.json#/defenses/0: <folder>/tiny.onnx: the model expects images of [1, 8, 8] (channels, height, width), but the data has [3, 32, 32]"`,
  )
})

test('a model whose logits are not finite', async () => {
  const defenses = [{ ...defense, model: 'nan.onnx' }]
  expect(await mistake({ defenses })).toMatchInlineSnapshot(
    `"RobenchError: s.json#/defenses/0: <folder>/nan.onnx: logit 0 of row 0 in the batch is NaN; a model with non-finite logits cannot be evaluated: check its normalization (mean, std) and its weights"`,
  )
})

test('two attacks with the same name', async () => {
  const attacks = [{ plugin: 'pgd' }, { plugin: 'pgd' }]
  expect(await mistake({ attacks })).toMatchInlineSnapshot(
    `"ConfigError: s.json#/attacks/1: the name "pgd" is already used by /attacks/0; set a unique "name""`,
  )
})

test('a model card with another hash', async () => {
  writeFileSync(join(folder, 'other.onnx'), 'bytes')
  writeFileSync(join(folder, 'other.onnx.json'), JSON.stringify({ sha256: '0'.repeat(64) }))
  const defenses = [{ ...defense, model: 'other.onnx' }]
  expect(await mistake({ defenses })).toMatchInlineSnapshot(
    `"ConfigError: s.json#/defenses/0/model: <folder>/other.onnx has sha256 277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9, its card <folder>/other.onnx.json says 0000000000000000000000000000000000000000000000000000000000000000; the file is damaged or was replaced: download it again, or write a new card"`,
  )
})

describe('a threat model that an attack does not support', () => {
  const attribute = {
    norm: 'Linf',
    transform: { kind: 'attribute', ranges: { rotation: [-5, 5] } },
  }

  test('an attack in the ball without a ball', async () => {
    expect(
      await mistake({ threatModels: [attribute], attacks: [{ plugin: 'pgd' }] }),
    ).toMatchInlineSnapshot(
      `"ConfigError: s.json#/attacks/0/plugin: attack "pgd" does not use the transform "attribute", and epsilon is 0 in this threat model, so the attack cannot change anything; set an epsilon"`,
    )
  })

  test('an attribute attack without the transform', async () => {
    expect(await mistake({ attacks: [{ plugin: 'spatial' }] })).toMatchInlineSnapshot(
      `"ConfigError: s.json#/attacks/0/plugin: attack "spatial" needs a threat model with the transform "attribute", but the suite has one without a transform; remove one of them"`,
    )
  })

  test('an attack under corruptions', async () => {
    const corruption = { norm: 'Linf', epsilon: 0.1, transform: { kind: 'corruption' } }
    expect(
      await mistake({ threatModels: [corruption], attacks: [{ plugin: 'pgd' }] }),
    ).toMatchInlineSnapshot(
      `"ConfigError: s.json#/attacks/0/plugin: attack "pgd" does not corrupt images, but the suite has a threat model with the transform "corruption"; remove one of them"`,
    )
  })

  test('a range without its neutral value', async () => {
    const off = { norm: 'Linf', transform: { kind: 'attribute', ranges: { scale: [1.1, 1.2] } } }
    expect(
      await mistake({ threatModels: [off], attacks: [{ plugin: 'spatial' }] }),
    ).toMatchInlineSnapshot(
      `"ConfigError: s.json#/threatModels/0/transform/ranges/scale: expected a range that contains 1, which does not change the image (factor about the center); got [1.1, 1.2]"`,
    )
  })

  test('color attributes for a grayscale image', async () => {
    const hue = { norm: 'Linf', transform: { kind: 'attribute', ranges: { hue: [-5, 5] } } }
    expect(
      await mistake({ threatModels: [hue], attacks: [{ plugin: 'spatial' }] }),
    ).toMatchInlineSnapshot(
      `"ConfigError: s.json#/threatModels/0/transform/ranges: the attribute "hue" needs images of red, green and blue, got [1, 1, 8, 8]; leave hue and saturation out of the threat model's ranges"`,
    )
  })
})

describe('an attack that needs other models or attacks', () => {
  test('no surrogate', async () => {
    expect(await mistake({ attacks: [{ plugin: 'transfer' }] })).toMatchInlineSnapshot(
      `"ConfigError: s.json#/attacks/0/options/surrogates: there is no surrogate for "tiny"; add another defense to the suite, with "role": "surrogate" if it should not be evaluated"`,
    )
  })

  test('an unknown surrogate', async () => {
    const attacks = [{ plugin: 'transfer', options: { surrogates: ['tinny'] } }]
    expect(await mistake({ attacks })).toMatchInlineSnapshot(
      `"ConfigError: s.json#/attacks/0/options/surrogates/0: unknown defense "tinny"; did you mean "tiny"? (the suite has: tiny)"`,
    )
  })

  test('an invalid option of a wrapped attack', async () => {
    const attacks = [{ plugin: 'eot', options: { attack: { id: 'pgd', options: { stepz: 3 } } } }]
    expect(await mistake({ attacks })).toMatchInlineSnapshot(
      `"ConfigError: s.json#/attacks/0/options/attack/options/stepz: unknown option; did you mean "steps"? (pgd accepts: stepSize, restarts, loss, goal, target, steps, randomStart, centerStart, stepSchedule, targets)"`,
    )
  })

  test('an attack that cannot be wrapped', async () => {
    const attacks = [{ plugin: 'eot', options: { attack: { id: 'spatial', options: {} } } }]
    expect(await mistake({ attacks })).toMatchInlineSnapshot(
      `"ConfigError: s.json#/attacks/0/options/attack/id: eot cannot wrap spatial, which transforms images; choose another attack"`,
    )
  })
})

test('a target that is no class of the data', async () => {
  const threatModels = [{ norm: 'Linf', epsilon: 0.1, target: 10 }]
  const dataset = { id: 'quickstart' }
  const defenses = [{ name: 's', plugin: 'standard' }]
  const attacks = [{ plugin: 'pgd' }]
  expect(await mistake({ dataset, defenses, attacks, threatModels })).toBe(
    'ConfigError: s.json#/threatModels/0/target: expected a class of the data, from 0 to 9, got 10',
  )
  const aimed = [{ plugin: 'pgd', options: { goal: 'targeted', target: 99 } }]
  expect(await mistake({ dataset, defenses, attacks: aimed })).toBe(
    'ConfigError: s.json#/attacks/0/options/target: expected a class of the data, from 0 to 9, ' +
      'got 99',
  )
  const given = [{ norm: 'Linf', epsilon: 0.1, target: 'given' }]
  expect(await mistake({ dataset, defenses, attacks, threatModels: given })).toBe(
    'ConfigError: s.json#/threatModels/0/target: "given" needs a file of targets; set ' +
      'dataset.targets',
  )
})

test('a directory, and a file that is no model', async () => {
  const model = (path: string): Record<string, unknown> => ({
    defenses: [{ ...defense, model: path }],
  })
  expect(await mistake(model('.'))).toBe(
    'ConfigError: s.json#/defenses/0/model: <folder>: expected a file, got a directory',
  )
  expect(await mistake(model('/etc/passwd'))).toContain(
    's.json#/defenses/0: /etc/passwd: expected an ONNX model, but it cannot be parsed',
  )
})

test('more cells than a suite may have, seeds counted', async () => {
  const seeds = Array.from({ length: 600 }, (_, i) => i)
  const steps = Array.from({ length: 100 }, (_, i) => i + 1)
  expect(await mistake({ seeds, attacks: [{ plugin: 'pgd', matrix: { steps } }] })).toBe(
    'ConfigError: s.json: expected at most 50000 cells, got 60000, because 100 of its attacks run ' +
      'with each of 600 seeds; divide the suite',
  )
})

test('a thousand attacks of one plugin compile its schema once', async () => {
  const steps = Array.from({ length: 1000 }, (_, i) => i + 1)
  expect(await mistake({ attacks: [{ plugin: 'pgd', matrix: { steps: [1] } }] })).toBe('no mistake')
  const before = compiledSchemas()
  expect(await mistake({ attacks: [{ plugin: 'pgd', matrix: { steps } }] })).toBe('no mistake')
  expect(compiledSchemas() - before).toBe(0)
})

describe('sizes that no run survives are refused before any work', () => {
  const attack = (plugin: string, options: object): Promise<string> =>
    mistake({ attacks: [{ plugin, options }] })
  /** `pgd` in that many wrappers. */
  const wrapped = (count: number, samples = 1): object => ({
    samples,
    attack:
      count === 1
        ? { id: 'pgd', options: { steps: 10 } }
        : { id: 'eot', options: wrapped(count - 1, samples) },
  })

  test('a number that is above the maximum of its option', async () => {
    expect(await attack('pgd', { steps: 1e15, stepSize: 1e300 })).toBe(
      'ConfigError: s.json#/attacks/0/options/stepSize: must be <= 1000000000, got 1e+300\n' +
        's.json#/attacks/0/options/steps: must be <= 1000000, got 1000000000000000',
    )
    const place = 's.json#/attacks/0/options/stepSize'
    expect(await attack('pgd', { stepSize: '9e300/2' })).toBe(
      `ConfigError: ${place}: expected at most 1000000000, got "9e300/2"`,
    )
    expect(await attack('pgd', { stepSize: '8/0' })).toBe(
      `ConfigError: ${place}: expected a positive number or a fraction such as "8/255", got "8/0"`,
    )
  })

  test('options that multiply to too many passes', async () => {
    expect(await attack('pgd', { steps: 1e6, restarts: 50 })).toBe(
      'ConfigError: s.json#/attacks/0: expected at most 100000000 passes for one example, but ' +
        'these options of "pgd" need 100000050; lower its steps, restarts, or samples',
    )
    expect(await attack('eot', wrapped(3, 200))).toContain('options of "eot" need 168000000;')
    expect(await attack('eot', wrapped(3, 100))).toBe('no mistake')
  })

  test('wrappers around wrappers', async () => {
    expect(await attack('eot', wrapped(4))).toBe('no mistake')
    expect(await attack('eot', wrapped(5))).toBe(
      `ConfigError: s.json#/attacks/0${'/options/attack'.repeat(5)}: ` +
        'expected at most 4 wrappers around an attack',
    )
  })

  test('a list that is compared in pairs', async () => {
    const bands = Array.from({ length: 1e5 }, (_, radius) => ({ band: 'low', radius }))
    expect(await attack('high-pass-sweep', { bands })).toBe(
      'ConfigError: s.json#/attacks/0/options/bands: expected at most 1000 items, got 100000',
    )
  })

  test('limits of the suite itself', async () => {
    const sizes = { batchSize: 1e9, timeLimitMs: 1e300, memoryLimitMb: 1e12, draws: 1e7 }
    expect(await mistake({ ...sizes, limit: 1e12 })).toBe(
      [
        'ConfigError: s.json#/limit: must be <= 1000000000, got 1000000000000',
        's.json#/draws: must be <= 10000, got 10000000',
        's.json#/batchSize: must be <= 65536, got 1000000000',
        's.json#/timeLimitMs: must be <= 31536000000, got 1e+300',
        's.json#/memoryLimitMb: must be <= 100000000, got 1000000000000',
      ].join('\n'),
    )
  })
})
