/** Trains the defenses of a suite and writes their model files. */
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { writeFileAtomic } from '../../base/atomic-file.ts'
import { ConfigError, didYouMean } from '../../base/errors.ts'
import { cardPath } from '../../model/model-files.ts'
import type { ModelRow } from '../plan/model-row.ts'
import { resolveSuite } from '../plan/resolve.ts'
import type { DefenseFailure } from '../result/result.ts'
import { requireLoaded } from '../suite/load.ts'
import type { LoadedSuite } from '../suite/load.ts'
import { RunSession } from './run-session.ts'
import { runSettings } from './settings.ts'
import type { RunOptions } from './settings.ts'

/** How to train. */
export interface TrainOptions extends Pick<
  RunOptions,
  'workers' | 'threads' | 'device' | 'executor' | 'listener' | 'signal'
> {
  /** Directory of the model files; defaults to `models`. */
  readonly modelsFolder?: string
  /** Name of the only defense to train; defaults to all that train. */
  readonly defense?: string
}

/** A trained model on disk. */
export interface TrainedFile {
  readonly defense: string
  readonly path: string
  readonly sha256: string
}

/** The models of a suite that were trained, and those that failed. */
export interface TrainedSuite {
  readonly models: readonly TrainedFile[]
  readonly failures: readonly DefenseFailure[]
}

/**
 * Trains the defenses of a suite that train, and writes `<name>.onnx` with its card, where the name
 * is that of the suite's `model`. A file is written as soon as its training is complete. A completed
 * training is copied from the cache.
 * @throws ConfigError if no such defense trains; RunError ROBENCH_ABORTED if the signal stopped it
 */
export async function trainSuite(
  loaded: LoadedSuite,
  options: TrainOptions = {},
): Promise<TrainedSuite> {
  const { modelsFolder = 'models', defense: only } = options
  requireLoaded(loaded, 'trainSuite')
  const settings = await runSettings(options, 'trainSuite', ['modelsFolder', 'defense'])
  const fileNames = new Map(loaded.suite.defenses.map(({ name, model }) => [name, model]))
  settings.listener.loading?.('data')
  const resolved = await resolveSuite(trainingSuite(loaded, only), settings.listener.notice)
  const trained = { ...resolved, defenses: resolved.defenses.filter(({ trains }) => trains) }
  if (trained.defenses.length === 0) {
    throw new ConfigError('ROBENCH_CONFIG', `${loaded.label}: no defense of this suite is trained`)
  }
  const session = new RunSession(trained, settings)
  try {
    const several = trained.loaded.suite.threatModels.length > 1
    const write = async ({ defense, threatModel, model }: ModelRow): Promise<TrainedFile> => {
      const suffix = several ? `-${threatModel.norm}-${threatModel.epsilon.toPrecision(3)}` : ''
      const name = basename(
        fileNames.get(defense.name) ?? `${loaded.suite.id}-${defense.name}.onnx`,
        '.onnx',
      )
      const path = join(modelsFolder, `${name}${suffix}.onnx`)
      await writeFileAtomic(path, await readFile(model!.path))
      await writeFileAtomic(cardPath(path), await readFile(cardPath(model!.path)))
      return { defense: defense.name, path, sha256: model!.identity.sha256 }
    }
    const written = new Map<ModelRow, TrainedFile>()
    const { rows, failures } = await session.trainModels(
      await session.findModels(),
      async (row) => {
        written.set(row, await write(row))
      },
    )
    const models = rows.map((row) => written.get(row)!)
    return { models, failures }
  } finally {
    await session.close()
  }
}

/** The suite without its model files, so that they are trained. */
function trainingSuite(loaded: LoadedSuite, only: string | undefined): LoadedSuite {
  const { suite, label } = loaded
  const names = suite.defenses.map(({ name }) => name)
  if (only !== undefined && !names.includes(only)) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${label}: unknown defense "${only}"${didYouMean(only, names)} (the suite has: ` +
        `${names.join(', ')})`,
    )
  }
  const defenses = suite.defenses
    .filter(({ name }) => only === undefined || name === only)
    .map(({ model: _model, ...defense }) => ({ ...defense, train: true }))
  return { ...loaded, suite: { ...suite, defenses } }
}
