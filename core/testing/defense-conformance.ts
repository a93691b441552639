/** The conformance battery for defenses, built-in or third-party. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { makeModel } from '../bench/execute/make-model.ts'
import type { Dataset } from '../data/dataset.ts'
import { gatherRows } from '../engine/tensor/tensor.ts'
import { loadModel } from '../model/load.ts'
import { crossEntropy } from '../model/losses.ts'
import type { Model } from '../model/model.ts'
import type { ModelFile } from '../model/model-files.ts'
import { predictions } from '../model/predictions.ts'
import type { DefensePlugin, PluginOptions, TrainingProgress } from '../plugin/contract.ts'
import { loadRegistry } from '../plugin/load.ts'
import { resolveOptions } from '../plugin/options.ts'
import type { PluginRegistry } from '../plugin/registry.ts'
import type { ThreatModel } from '../threat/threat-model.ts'
import { ensure, metaChecks } from './plugin-checks.ts'
import type { PluginCheck } from './plugin-checks.ts'
import { separableClasses, separableData } from './separable-data.ts'

/** The defense to check, and the settings of its runs. */
export interface DefenseConformance {
  readonly plugin: DefensePlugin<never>
  /** Options as in a suite; default: the defense's defaults. Few epochs keep the battery fast. */
  readonly options?: PluginOptions
  /** Directory that paths in options are relative to; default: the working directory. */
  readonly folder?: string
  /** `[channels, height, width]` of the images; default `[1, 8, 8]`. */
  readonly inputShape?: readonly [number, number, number]
  readonly threatModel?: ThreatModel
  /** Provides the networks; default: the built-in plugins. */
  readonly registry?: PluginRegistry
}

const trainCount = 480
const testCount = 80

/** How far above chance a trained model must be on examples that it has not seen. */
const leastGain = 0.15

/** Largest relative difference of a logit in another batch. */
const batchTolerance = 1e-5

/** What one call of `prepare` did. */
interface Prepared extends Omit<ModelFile, 'path'> {
  readonly loadedTrain: boolean
  readonly progress: readonly TrainingProgress[]
}

/** The subject of the checks; the model is made by the first check that needs it. */
interface Trial {
  readonly subject: DefenseConformance
  readonly name: string
  readonly test: Dataset
  prepared?: Promise<Prepared>
}

/** All checks of a defense, on a small data set that a linear model can learn. */
export function defenseConformance(subject: DefenseConformance): PluginCheck[] {
  const { plugin, options, inputShape = [1, 8, 8] } = subject
  const trial: Trial = {
    subject,
    name: `defense ${plugin.meta.id}`,
    test: separableData(inputShape, 'test', testCount),
  }
  const checks: readonly (readonly [string, (trial: Trial) => Promise<void>])[] = [
    ['its model fits the data, and its card is plain JSON', checkModel],
    ['rows of a batch do not depend on each other', checkBatches],
    ['its gradients are finite', checkGradient],
    ['the same seed gives the same model', checkSameSeed],
    [
      plugin.meta.trains ? 'it uses the training split' : 'it does not use the training split',
      checkTrains,
    ],
    ...(plugin.meta.trains
      ? ([
          ['its model is better than chance on unseen examples', checkAccuracy],
          ['its progress is finite, and it stops when aborted', checkAbort],
        ] as const)
      : []),
  ]
  return [
    ...metaChecks(plugin, options),
    ...checks.map(([name, check]) => ({ name, run: () => check(trial) })),
  ]
}

/** Makes a model in a directory of its own. @param aborts stop the defense at its first progress */
async function prepare({ subject, test }: Trial, aborts = false): Promise<Prepared> {
  const { plugin, folder = '.', threatModel } = subject
  const checkpointFolder = await mkdtemp(join(tmpdir(), 'robench-conformance-'))
  const controller = new AbortController()
  const progress: TrainingProgress[] = []
  let loadedTrain = false
  try {
    const made = await makeModel({
      defense: plugin,
      options: resolveOptions(plugin.meta, subject.options, 'options'),
      seed: 1,
      threatModel: threatModel ?? { norm: 'Linf', epsilon: 8 / 255, bounds: [0, 1] },
      dataset: test,
      registry: subject.registry ?? (await loadRegistry()),
      loadTrain: async () => {
        loadedTrain = true
        return separableData(test.shape, 'train', trainCount)
      },
      resolvePath: (path) => resolve(folder, path),
      checkpointFolder,
      threads: 1,
      device: 'cpu',
      signal: controller.signal,
      progress: (state) => {
        progress.push(state)
        if (aborts) controller.abort()
      },
    })
    return { ...made, loadedTrain, progress }
  } finally {
    await rm(checkpointFolder, { recursive: true, force: true })
  }
}

async function withModel(
  trial: Trial,
  use: (model: Model, inputs: ReturnType<Dataset['rows']>) => Promise<void>,
): Promise<void> {
  const { bytes, card } = await (trial.prepared ??= prepare(trial))
  const model = await loadModel(bytes, card.manifest, {
    name: trial.name,
    inputShape: trial.test.shape,
    classes: separableClasses,
  })
  try {
    await use(model, trial.test.rows(trial.test.labels.map((_, row) => row)))
  } finally {
    await model.dispose()
  }
}

async function checkModel(trial: Trial): Promise<void> {
  await withModel(trial, async (model, inputs) => {
    const { shape, data } = await model.logits(inputs)
    const expected = `${testCount},${separableClasses}`
    ensure(shape.join() === expected, trial.name, `logits are [${shape.join()}], not [${expected}]`)
    ensure(data.every(Number.isFinite), trial.name, 'a logit is not finite')
    const first = data.subarray(0, separableClasses)
    const isConstant = data.every((value, i) => value === first[i % separableClasses])
    ensure(!isConstant, trial.name, 'all images have the same logits')
  })
}

async function checkBatches(trial: Trial): Promise<void> {
  await withModel(trial, async (model, inputs) => {
    if (model.stochastic) return
    const whole = await model.logits(inputs)
    for (const rows of [[testCount - 1], [5, 0, 71, 5, 23, 40, 11]]) {
      const part = (await model.logits(gatherRows(inputs, rows))).data
      const expected = gatherRows(whole, rows).data
      const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6)
      const apart = part.reduce(
        (most, value, i) => Math.max(most, Math.abs(value - expected[i]!)),
        0,
      )
      ensure(
        apart <= batchTolerance * scale,
        trial.name,
        `in a batch of ${rows.length}, a logit differs by ${apart.toPrecision(2)}`,
      )
    }
  })
}

async function checkGradient(trial: Trial): Promise<void> {
  await withModel(trial, async (model, inputs) => {
    const { gradient } = await model.gradient(inputs, trial.test.labels, crossEntropy)
    ensure(gradient.data.every(Number.isFinite), trial.name, 'a gradient is not finite')
  })
}

async function checkSameSeed(trial: Trial): Promise<void> {
  const first = await (trial.prepared ??= prepare(trial))
  const second = await prepare(trial)
  ensure(
    first.card.sha256 === second.card.sha256,
    trial.name,
    'two models with the same seed differ; draw random numbers from the seed only',
  )
}

async function checkTrains(trial: Trial): Promise<void> {
  const { loadedTrain } = await (trial.prepared ??= prepare(trial))
  const { trains } = trial.subject.plugin.meta
  const did = loadedTrain ? 'called' : 'did not call'
  ensure(loadedTrain === trains, trial.name, `meta.trains is ${trains}, but it ${did} loadTrain()`)
}

async function checkAccuracy(trial: Trial): Promise<void> {
  await withModel(trial, async (model, inputs) => {
    const predicted = predictions(await model.logits(inputs))
    const correct = predicted.filter((label, row) => label === trial.test.labels[row]).length
    const least = Math.ceil((1 / separableClasses + leastGain) * testCount)
    ensure(
      correct >= least,
      trial.name,
      `only ${correct} of ${testCount} unseen examples are classified correctly, expected ${least}`,
    )
  })
}

async function checkAbort(trial: Trial): Promise<void> {
  const { progress } = await (trial.prepared ??= prepare(trial))
  for (const state of progress) {
    const isFinite = Object.values(state).every(Number.isFinite)
    ensure(isFinite, trial.name, `progress() received ${JSON.stringify(state)}`)
  }
  // A defense that reports once is as good as done.
  if (progress.length < 2) return
  const ended = await prepare(trial, true).then(
    () => 'went on',
    () => 'stopped',
  )
  ensure(ended === 'stopped', trial.name, 'it went on after its signal was aborted')
}
