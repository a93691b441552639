/** Runs probes on a model and the first examples of a data set. */
import type { Check } from '../../../../core/bench/checks/check.ts'
import type { ProbeContext, SearchAttack } from '../../../../core/bench/checks/probe-context.ts'
import { runProbes } from '../../../../core/bench/checks/run-probes.ts'
import { searchAttackOf } from '../../../../core/bench/checks/search-attack.ts'
import type { Dataset } from '../../../../core/data/dataset.ts'
import { loadModel } from '../../../../core/model/load.ts'
import { plainManifest } from '../../../../core/model/manifest.ts'
import type { Model } from '../../../../core/model/model.ts'
import { readOnnx } from '../../../../core/engine/onnx/file.ts'
import { loadRegistry } from '../../../../core/plugin/load.ts'
import { randomStream } from '../../../../core/base/random.ts'

/** The built-in Square attack. */
export async function builtinSearch(): Promise<SearchAttack> {
  return searchAttackOf(await (await loadRegistry()).get('attack', 'square'))
}

/** The context of probes for the first `count` examples. */
export async function probeContext(
  model: Model,
  dataset: Dataset,
  count: number,
  changes: Partial<ProbeContext> & Pick<ProbeContext, 'threatModel'>,
): Promise<ProbeContext> {
  const rows = Int32Array.from({ length: count }, (_, row) => row)
  return {
    model,
    inputs: dataset.rows(rows),
    labels: dataset.labels.slice(0, count),
    rng: { stream: (row, restart, name = '') => randomStream(0, row, restart, name) },
    batchSize: 64,
    signal: new AbortController().signal,
    searchAttack: await builtinSearch(),
    classes: dataset.classNames.length,
    ...changes,
  }
}

/** Loads a model file, runs the probes, and disposes of the model. */
export async function probeFile(
  bytes: Uint8Array,
  dataset: Dataset,
  count: number,
  changes: Pick<ProbeContext, 'threatModel'>,
): Promise<Check[]> {
  const graph = readOnnx(bytes, 'probed')
  const model = await loadModel(bytes, plainManifest, { name: 'probed' })
  try {
    return await runProbes(await probeContext(model, dataset, count, { graph, ...changes }))
  } finally {
    await model.dispose()
  }
}

/** The ids of the checks that warn or fail. */
export function raised(checks: readonly Check[]): string[] {
  return checks
    .filter(({ verdict }) => verdict === 'warn' || verdict === 'fail')
    .map(({ id }) => id)
}
