/**
 * The guards against the classic mistakes: one mistaken call for each, with what it prints, and the
 * same guards silent on all shipped models.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { dataFolder, packageRoot } from '../../core/base/paths.ts'
import { loadDataset } from '../../core/data/load.ts'
import { zooFile } from '../core/bench/checks/zoo.ts'
import { robench, temporaryFolder } from './support/cli.ts'
import { writeArrays, writeNpy } from './support/npy.ts'
import type { ArrayChanges } from './support/npy.ts'
import { readOnlyResult } from './support/suite.ts'

const standard = join(packageRoot(), 'models', 'quickstart-standard.onnx')
// The commands have caches of their own, but the data is here.
process.env['ROBENCH_DATA'] = dataFolder()

const linf = ['--norm', 'Linf', '--epsilon', '8/255'] as const
const quick = ['--attack', 'pgd', '--steps', '5', '--workers', '1'] as const
const toy = ['--data', 'quickstart', '--limit', '64'] as const
const quickstart = await loadDataset({ id: 'quickstart' }, { split: 'test' })

/** The checks that a run raised, with their evidence. */
function raisedIn(folder: string): Record<string, string> {
  const [entry] = readOnlyResult(folder).entries
  const raised = entry!.checks?.filter(({ verdict }) => verdict === 'fail' || verdict === 'warn')
  return Object.fromEntries(raised?.map(({ id, evidence }) => [id, evidence]) ?? [])
}

describe('a mistaken call is refused', () => {
  test.for([
    ['ε = 8 for pixels in [0, 1]', ['--norm', 'Linf', '--epsilon', '8'], 'did you mean "8/255"?'],
    [
      'ε = 1: the whole range',
      ['--norm', 'Linf', '--epsilon', '1'],
      '--epsilon: 1 is the largest Linf distance between two images in [0, 1]: every image would ' +
        'be allowed; did you mean "1/255"?',
    ],
    [
      'the whole range in L2',
      ['--norm', 'L2', '--epsilon', '55.4256'],
      '--epsilon: 55.4256 is the largest L2 distance between two images in [0, 1]',
    ],
    [
      'an attack that does not know the norm',
      ['--norm', 'L0', '--epsilon', '1024'],
      '--attack: attack "pgd" supports the norm Linf, L2, but the suite has a threat model in L0',
    ],
    [
      'ε below the resolution of float32',
      ['--norm', 'Linf', '--epsilon', '1e-9'],
      '1e-9 is below the resolution of float32 for images in [0, 1], 1.19e-7: no image would change',
    ],
    [
      '--mean without --std',
      [...linf, '--mean', '0.5,0.5,0.5'],
      '--std: missing, but --mean is set; a normalization needs both',
    ],
    [
      '--std without --mean',
      [...linf, '--std', '1/255,1/255,1/255'],
      '--mean: missing, but --std is set; a normalization needs both',
    ],
    [
      'a mean for one of three channels',
      [...linf, '--mean', '0.5', '--std', '0.5'],
      '--mean has 1 value, expected 3 (one per channel)',
    ],
    [
      'a mean for two of three channels',
      [...linf, '--mean', '0.5,0.5', '--std', '0.5,0.5'],
      '--mean has 2 values, expected 3 (one per channel)',
    ],
    [
      'ε for pixels in [0, 1] with bounds of 0 and 255',
      [...linf, '--bounds', '0,255', '--mean', '0,0,0', '--std', '255,255,255'],
      '8/255 is 0.0314 gray levels of images in [0, 255], so no 8-bit image would change; epsilon ' +
        'is in the units of the images; did you mean 8?',
    ],
    [
      'a step longer than the diameter of the ball',
      [...linf, '--step-size', '2'],
      '--step-size: 2 is above the diameter of the ball, 0.0627 (ε is 8/255); did you mean "2/255"?',
    ],
    [
      'bounds in the wrong order',
      [...linf, '--bounds', '1,0'],
      'the lower one first, such as 0,255',
    ],
    ['a single bound', [...linf, '--bounds', '0'], 'the lower one first, such as 0,255'],
    [
      'half a box',
      ['--box', 'lower.npy'],
      "'lower.npy' is invalid. Expected two, separated by a comma, such as lower.npy,upper.npy",
    ],
    [
      'a target that is no class of the data',
      [...linf, '--target', '10'],
      '--target: expected a class of the data, from 0 to 9, got 10',
    ],
    [
      'a target and another goal',
      [...linf, '--target', '3', '--option', 'goal=untargeted'],
      '--option goal: "untargeted" has no effect, because every attack aims at the target of the ' +
        'threat model, 3',
    ],
    [
      'resizing images that have one size',
      [...linf, '--resize', '64'],
      'image: only for your own data; "quickstart" determines it',
    ],
  ] as const)('%s', async ([, words, message]) => {
    const { code, stderr } = await robench(
      temporaryFolder(),
      'eval',
      standard,
      ...toy,
      ...quick,
      ...words,
    )
    expect(stderr).toContain(message)
    expect(code).toBe(2)
  })

  const mean = [0.4914, 0.4822, 0.4465]
  const std = [0.2471, 0.2435, 0.2616]
  test.for<readonly [string, ArrayChanges, string]>([
    [
      'images that are normalized already',
      { pixel: (value, channel) => (value - mean[channel]!) / std[channel]! },
      'normalization by mean and standard deviation belongs to the model (--mean, --std)',
    ],
    ['images in [0, 255]', { pixel: (value) => 255 * value }, '--bounds 0,255'],
    [
      'labels of -1',
      { label: (label) => label - 1 },
      'is -1, but classes count from 0; leave out images without a label',
    ],
    [
      'labels from 1 to k',
      { label: (label) => label + 1 },
      'run from 1 to 10, but the classes of the model from 0 to 9; if the labels count from 1',
    ],
  ])('%s', async ([, changes, message]) => {
    const folder = temporaryFolder()
    writeArrays(folder, quickstart, 64, changes)
    const data = ['--inputs', 'inputs.npy', '--labels', 'labels.npy'] as const
    const { code, stderr } = await robench(folder, 'eval', standard, ...data, ...linf, ...quick)
    expect(stderr).toContain(message)
    expect(code).toBe(2)
  })

  test.for<readonly [string, ArrayChanges, readonly string[], string]>([
    [
      'images that are normalized, with bounds to match',
      {
        pixel: (value, channel) => (Math.round(255 * value) / 255 - mean[channel]!) / std[channel]!,
      },
      ['--bounds=-3,3'],
      'the images are normalized by mean 0.4914,0.4822,0.4465 and standard deviation',
    ],
    [
      'images in [0, 1] with bounds of -1 and 1',
      {},
      ['--bounds=-1,1'],
      'but the bounds are [-1, 1]; set --bounds 0,1, or scale the images to [-1, 1]',
    ],
    [
      'images in [0, 1] with bounds of 0 and 255',
      {},
      ['--bounds=0,255'],
      'but the bounds are [0, 255]; set --bounds 0,1, or scale the images to [0, 255]',
    ],
    [
      'a target that is no class of the model',
      {},
      ['--target', '10'],
      '--target: expected a class of the model, from 0 to 9, got 10',
    ],
    [
      'a target by name, where nothing names the classes',
      {},
      ['--target', 'cat'],
      'got "cat"; the data does not name its classes (--class-names)',
    ],
    [
      'targets that are the labels',
      {},
      ['--target', 'labels.npy'],
      'every target is the label of its image',
    ],
  ])('%s', async ([, changes, words, message]) => {
    const folder = temporaryFolder()
    writeArrays(folder, quickstart, 64, changes)
    const data = ['--inputs', 'inputs.npy', '--labels', 'labels.npy'] as const
    const call = ['eval', standard, ...data, ...linf, ...quick, ...words]
    const { code, stderr } = await robench(folder, ...call)
    expect(stderr).toContain(message)
    expect(code).toBe(2)
  })

  test('boxes of other images', async () => {
    const folder = temporaryFolder()
    writeArrays(folder, quickstart, 4)
    const { data, shape } = quickstart.rows([1, 2, 3, 0])
    writeNpy(folder, 'lower.npy', data, shape)
    writeNpy(folder, 'upper.npy', data, shape)
    const words = [
      '--inputs',
      'inputs.npy',
      '--labels',
      'labels.npy',
      '--box',
      'lower.npy,upper.npy',
    ]
    const { code, stderr } = await robench(folder, 'eval', standard, ...words, ...quick)
    expect(stderr).toContain('the boxes of 4 of 4 images do not contain the image')
    expect(code).toBe(2)
  })
})

describe('a mistaken call is named by a check', () => {
  /** Runs `eval` with checks. @returns the checks that it raised, which standard output names */
  async function evaluate(
    model: string,
    ...words: readonly string[]
  ): Promise<Record<string, string>> {
    const folder = temporaryFolder()
    const { code, stdout, stderr } = await robench(
      folder,
      'eval',
      model,
      ...linf,
      '--workers',
      '1',
      ...words,
    )
    expect(code, stderr).toBe(0)
    const raised = raisedIn(folder)
    const printed = stdout.replaceAll(/\s+/g, ' ')
    for (const [id, evidence] of Object.entries(raised)) {
      expect(printed).toContain(`${id}: ${evidence}`)
    }
    return raised
  }

  test('a normalization that the model has inside: tried, and the accuracy without it', async () => {
    const normalization = ['--mean', '0.5,0.5,0.5', '--std', '0.1,0.1,0.1']
    const raised = await evaluate(standard, ...toy, ...normalization, '--attack', 'fgsm')
    expect(raised['inputs-as-expected']).toMatch(/without --mean and --std it would be 9\d\.\d %/)
    // The card states the accuracy on this data set.
    expect(raised['clean-accuracy']).toMatch(/the accuracy is .* the model's card says 9\d\.\d %/)
  })

  test('another order of the classes: chance, with the suspects, and the order', async () => {
    const folder = temporaryFolder()
    writeArrays(folder, quickstart, 200, { label: (label) => (3 * label + 1) % 10 })
    const files = ['inputs', 'labels'].flatMap((name) => [`--${name}`, join(folder, `${name}.npy`)])
    const raised = await evaluate(standard, ...files, '--attack', 'fgsm')
    expect(raised['inputs-as-expected']).toContain(
      "with labels in the order of the model's classes",
    )
    expect(raised['clean-accuracy']).toContain(
      'Suspects: normalization, range, layout, order of the classes, output',
    )
  })

  test('three of ten classes with new numbers, on few images', async () => {
    const folder = temporaryFolder()
    const rows = [...quickstart.labels.keys()].filter((row) => quickstart.labels[row]! > 6)
    const chosen = rows.slice(0, 20)
    const { data, shape } = quickstart.rows(chosen)
    writeNpy(folder, 'inputs.npy', data, shape)
    const labels = Int32Array.from(chosen, (row) => quickstart.labels[row]! - 7)
    writeNpy(folder, 'labels.npy', labels, [labels.length])
    const files = ['inputs', 'labels'].flatMap((name) => [`--${name}`, join(folder, `${name}.npy`)])
    const raised = await evaluate(standard, ...files, '--attack', 'pgd')
    expect(raised['inputs-as-expected']).toContain('(0 is 7, 1 is 8, 2 is 9) it would be')
    expect(raised['clean-accuracy']).toContain('order of the classes')
  })

  test('images that some normalization made', async () => {
    const folder = temporaryFolder()
    const { data } = quickstart.rows(Int32Array.from({ length: 64 }, (_, row) => row))
    const average = data.reduce((sum, value) => sum + value, 0) / data.length
    const deviation = Math.sqrt(
      data.reduce((sum, value) => sum + (value - average) ** 2, 0) / data.length,
    )
    writeArrays(folder, quickstart, 64, { pixel: (value) => (value - average) / deviation })
    const files = ['inputs', 'labels'].flatMap((name) => [`--${name}`, join(folder, `${name}.npy`)])
    const raised = await evaluate(standard, ...files, '--bounds=-5,5', '--attack', 'pgd')
    expect(raised['settings-plausible']).toContain('the images look normalized')
  })

  test('steps that do not reach the boundary', async () => {
    const raised = await evaluate(standard, ...toy, '--steps', '5', '--step-size', '0.001')
    expect(raised['settings-plausible']).toBe(
      'pgd takes 5 steps of 0.001, too short to reach the boundary (ε is 8/255)',
    )
  })

  test.for([
    ['softmax output', 'the last operator of the file is Softmax'],
    [
      'log-softmax output',
      'the last operator of the file is LogSoftmax, so the outputs are logarithms of probabilities',
    ],
    ['logarithm of a softmax', 'the last operator of the file is LogSoftmax'],
  ] as const)('%s', async ([name, evidence]) => {
    const file = join(temporaryFolder(), 'head.onnx')
    writeFileSync(file, await zooFile(name))
    const raised = await evaluate(file, ...toy, '--attack', 'fgsm')
    expect(raised['outputs-are-logits']).toContain(evidence)
  })

  test('weak white-box attacks only: they are the cause, not masked gradients', async () => {
    const words = [...toy, '--attack', 'high-pass', '--attack', 'square']
    const raised = await evaluate(standard, ...words)
    expect(Object.keys(raised)).toEqual(['white-box-run'])
    expect(raised['white-box-run']).toMatch(/high-pass/)
  })

  test('a zero gradient says nothing about label leaking', async () => {
    const folder = temporaryFolder()
    const file = join(folder, 'scaled.onnx')
    writeFileSync(file, await zooFile('logits times 1000'))
    const raised = await evaluate(file, ...toy, '--attack', 'pgd')
    expect(Object.keys(raised)).toContain('gradient-cross-entropy')
    expect(Object.keys(raised)).not.toContain('no-label-leaking')
  })

  test('--no-checks keeps the comparisons that cost nothing, and is not rankable', async () => {
    const words = [...toy, '--no-checks', '--attack', 'high-pass', '--attack', 'square']
    const raised = await evaluate(standard, ...words)
    expect(Object.keys(raised)).toEqual(['white-box-run'])
    const folder = temporaryFolder()
    const { stdout } = await robench(
      folder,
      'eval',
      standard,
      ...linf,
      ...toy,
      ...quick,
      '--no-checks',
    )
    expect(stdout).toContain('Not rankable: the reliability probes were skipped')
  })
})

test.skipIf(!existsSync(join(dataFolder(), 'cifar10')))(
  'images in the order BGR, which 64 examples leave open',
  async () => {
    const cifar10 = await loadDataset({ id: 'cifar10' }, { split: 'test' })
    const folder = temporaryFolder()
    const count = 520
    const { shape, data } = cifar10.rows(Int32Array.from({ length: count }, (_, row) => row))
    const [, channels = 3, height = 1, width = 1] = shape
    const plane = height * width
    const swapped = data.map((_, at) => {
      const channel = Math.floor(at / plane) % channels
      return data[at + (channels - 1 - 2 * channel) * plane]!
    })
    writeNpy(folder, 'inputs.npy', swapped, shape)
    writeNpy(folder, 'labels.npy', Int32Array.from(cifar10.labels.slice(0, count)), [count])
    const words = ['--inputs', 'inputs.npy', '--labels', 'labels.npy', '--limit', '100']
    const model = join(packageRoot(), 'models', 'cifar10-standard.onnx')
    await robench(folder, 'eval', model, ...words, ...linf, ...quick)
    expect(raisedIn(folder)['inputs-as-expected']).toMatch(
      /further examples is 7\d\.\d %; with the channels in the order BGR it would be 8\d\.\d %$/,
    )
  },
)

/**
 * Warnings that are true: 40 further steps of the reference attack break more; attacks on the margin
 * break more than those on cross-entropy (on 300 images, apgd-t leaves 22, 24, and 27 %, pgd 28, 29,
 * and 31 %).
 */
const trueWarnings: Readonly<Record<string, string>> = {
  'defenses/fashion-mnist-trades-long.onnx': 'optimization-complete',
  'defenses/cifar10-dat.onnx': 'losses-agree',
  'defenses/cifar10-pgd-at.onnx': 'losses-agree',
  'defenses/cifar10-pgd-at-long.onnx': 'losses-agree',
}

/**
 * What the checks rightly say of a model. TRN estimates a gradient inside and declares what its
 * backward pass leaves out.
 */
function known(model: string): readonly string[] {
  const warning = Object.keys(trueWarnings).find((file) => model.endsWith(join('/', file)))
  if (warning) return [trueWarnings[warning]!]
  return basename(model).includes('-trn-')
    ? ['no-inner-optimization', 'gradient-matches-differences', 'iterations-help']
    : []
}

describe('the guards are silent', () => {
  const folder = join(packageRoot(), 'models')
  const models = [folder, join(folder, 'defenses')].flatMap((place) =>
    readdirSync(place)
      .filter((name) => name.endsWith('.onnx'))
      .map((name) => join(place, name)),
  )
  const dataOf = (model: string): string =>
    ['quickstart', 'cifar10', 'fashion-mnist'].find((id) => basename(model).startsWith(id))!
  const isHere = (id: string): boolean => id === 'quickstart' || existsSync(join(dataFolder(), id))

  /** `eval` with the probes and all comparisons, on 100 examples. */
  async function silent(model: string, words: readonly string[]): Promise<void> {
    const own = temporaryFolder()
    const { code, stderr } = await robench(
      own,
      'eval',
      model,
      ...words,
      '--attack',
      'pgd',
      '--steps',
      '20',
      '--workers',
      '1',
      '--limit',
      '100',
    )
    expect(code, stderr).toBe(0)
    expect(stderr).not.toMatch(/^(error|failed|note: .*(normalized|bounds|targets))/m)
    const raised = Object.keys(raisedIn(own))
    expect(raised.filter((id) => !known(model).includes(id))).toEqual([])
  }

  for (const model of models) {
    const data = dataOf(model)
    const epsilon = data === 'fashion-mnist' ? '0.1' : '8/255'
    test.skipIf(!isHere(data))(`on ${basename(model)}`, () =>
      silent(model, ['--data', data, '--norm', 'Linf', '--epsilon', epsilon]),
    )
  }

  test.for<readonly [string, string, string, (value: number) => number]>([
    ['[0, 1]', '0,1', '8/255', (value) => value],
    ['[-1, 1]', '-1,1', '16/255', (value) => 2 * value - 1],
    ['[0, 255]', '0,255', '8', (value) => 255 * value],
  ])('on float images in %s', async ([, bounds, epsilon, pixel]) => {
    const folder = temporaryFolder()
    writeArrays(folder, quickstart, 100, { pixel })
    const [low = 0, high = 1] = bounds.split(',').map(Number)
    const each = (value: number): string => [value, value, value].join(',')
    const normalization = [`--mean=${each(low)}`, `--std=${each(high - low)}`]
    const files = ['inputs', 'labels'].flatMap((name) => [`--${name}`, join(folder, `${name}.npy`)])
    const threat = [`--bounds=${bounds}`, '--norm', 'Linf', '--epsilon', epsilon]
    await silent(standard, [...files, ...threat, ...normalization])
  })

  // Third-party models that are not part of the project: see test/core/model/third-party.slow.test.ts.
  const shared = process.env['ROBENCH_SHARED'] ?? join(packageRoot(), '..', 'shared')
  const normalization = ['--mean', '.4914,.4822,.4465', '--std', '.2471,.2435,.2616']
  for (const name of ['resnet_2b.onnx', 'resnet_4b.onnx']) {
    const file = join(shared, 'models', name)
    const subject = ['--data', 'cifar10', '--norm', 'Linf', '--epsilon', '2/255']
    test.skipIf(!existsSync(file) || !isHere('cifar10'))(`on ${name}`, () =>
      silent(file, [...subject, ...normalization]),
    )
    test.skipIf(!existsSync(file) || !isHere('cifar10'))(
      `but not on ${name} without its normalization`,
      async () => {
        const own = temporaryFolder()
        const words = [...subject, ...quick, '--limit', '100']
        const { stdout } = await robench(own, 'eval', file, ...words)
        const { 'inputs-as-expected': evidence } = raisedIn(own)
        expect(evidence).toMatch(/with --mean 0\.4914,0\.4822,0\.4465 .* it would be \d+\.\d %/)
        expect(stdout).toContain('inputs-as-expected')
      },
    )
  }

  test('every shipped model has its data among those of the test', () => {
    expect(models.map(dataOf)).not.toContain(undefined)
    expect(readFileSync(standard).length).toBeGreaterThan(0)
  })
})
