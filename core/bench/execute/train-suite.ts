/** Trains the defenses of a suite anew, and nothing else: how shipped models are made. */
import { ConfigError, didYouMean } from '../../base/errors.ts'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { LoadedSuite } from '../suite/load.ts'
import { writeFileAtomic } from '../../base/atomic-file.ts'
import { cardPath } from '../../model/model-files.ts'
import { resolveSuite } from '../plan/resolve.ts'
import type { DefenseFailure } from '../result/result.ts'
import { RunSession } from './run-session.ts'
import type { RunListener, RunSettings } from './settings.ts'

/** A model that was made, and where it was put. */
export interface TrainedFile {
  readonly defense: string
  readonly path: string
  readonly sha256: string
}

export interface TrainedSuite {
  readonly models: readonly TrainedFile[]
  readonly failures: readonly DefenseFailure[]
}

/**
 * Trains every defense of the suite that trains (or the one named), and writes `<file>.onnx` with its card into
 * `folder`, under the name that the suite's `model` has. A training that is finished is taken from the cache.
 * @throws ConfigError if no such defense trains; RunError ROBENCH_ABORTED if the signal stopped it
 */
export async function trainSuite(
  loaded: LoadedSuite,
  settings: RunSettings,
  target: { readonly folder: string; readonly defense?: string },
  listener: RunListener,
  signal: AbortSignal,
): Promise<TrainedSuite> {
  const fileNames = new Map(loaded.suite.defenses.map(({ name, model }) => [name, model]))
  const resolved = await resolveSuite(trainingSuite(loaded, target.defense), listener.notice)
  const trained = { ...resolved, defenses: resolved.defenses.filter(({ trains }) => trains) }
  if (trained.defenses.length === 0) {
    throw new ConfigError('ROBENCH_CONFIG', `${loaded.label}: no defense in it trains a model`)
  }
  const session = new RunSession(trained, settings, listener, signal)
  try {
    const { rows, failures } = await session.trainModels(await session.findModels())
    const models: TrainedFile[] = []
    for (const { defense, threatModel, model } of rows) {
      const several = trained.loaded.suite.threatModels.length > 1
      const suffix = several ? `-${threatModel.norm}-${threatModel.epsilon.toPrecision(3)}` : ''
      const name = basename(
        fileNames.get(defense.name) ?? `${loaded.suite.id}-${defense.name}.onnx`,
        '.onnx',
      )
      const path = join(target.folder, `${name}${suffix}.onnx`)
      await writeFileAtomic(path, await readFile(model!.location.path))
      await writeFileAtomic(cardPath(path), await readFile(cardPath(model!.location.path)))
      models.push({ defense: defense.name, path, sha256: model!.identity.sha256 })
    }
    return { models, failures }
  } finally {
    await session.close()
  }
}

/** The suite with its model files left out, so that they are made. */
function trainingSuite(loaded: LoadedSuite, only: string | undefined): LoadedSuite {
  const { suite, label } = loaded
  const names = suite.defenses.map(({ name }) => name)
  if (only !== undefined && !names.includes(only)) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${label}: no defense "${only}"${didYouMean(only, names)} (it has ${names.join(', ')})`,
    )
  }
  const defenses = suite.defenses
    .filter(({ name }) => only === undefined || name === only)
    .map(({ model: _model, ...defense }) => ({ ...defense, train: true }))
  return { ...loaded, suite: { ...suite, defenses } }
}
