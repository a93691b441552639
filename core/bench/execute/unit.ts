/** In a worker: does one unit of work, clean predictions, probes or an attack on a shard. */
import { readFile } from 'node:fs/promises'
import { dump } from 'npyjs'
import { runProbes } from '../checks/run-probes.ts'
import { RunError } from '../../base/errors.ts'
import type { Dataset } from '../../data/dataset.ts'
import type { Model } from '../../model/model.ts'
import { withDraws } from '../../model/noise.ts'
import { predictions } from '../../model/predictions.ts'
import { readOnnx } from '../../engine/onnx/file.ts'
import { runAttack } from '../../plugin/host.ts'
import { randomStream } from '../../base/random.ts'
import { cellId } from '../plan/cell.ts'
import type { AttackCell, Cell, CheckCell, Shard } from '../plan/cell.ts'
import { writeFileAtomic } from '../../base/atomic-file.ts'
import { reviveAttack } from '../plan/resolve-attacks.ts'
import type { UnitOutcome } from '../store/store.ts'
import type { UnitJob } from './job.ts'
import type { WorkerScope } from './worker-cache.ts'

/** @throws RobenchError whatever the model, the plugin or the host finds wrong */
export async function runUnit(task: UnitJob, scope: WorkerScope): Promise<UnitOutcome> {
  const { cell } = task.unit
  const dataset = await scope.cache.dataset(task.setting, 'test')
  if (dataset.hash !== cell.dataset.sha256) {
    throw new RunError(
      'ROBENCH_STORE',
      `data set "${dataset.id}" has changed while the run was going on; run again`,
    )
  }
  const hashes = cell.kind === 'attack' ? (cell.surrogates ?? []) : []
  const kept = Math.max(2, 1 + hashes.length)
  const model = await scope.cache.model(task.setting, task.model, cell.defense.model, kept)
  const surrogates: Model[] = []
  for (const [index, location] of (task.surrogates ?? []).entries()) {
    surrogates.push(await scope.cache.model(task.setting, location, hashes[index]!, kept))
  }
  scope.send({ robench: 'began' })
  const started = performance.now()
  const outcome = await workOn(cell, { model, surrogates }, dataset, task, scope)
  return { ...outcome, elapsedMs: Math.round(performance.now() - started) }
}

/** The models that a unit works with. */
interface UnitModels {
  readonly model: Model
  readonly surrogates: readonly Model[]
}

async function workOn(
  cell: Cell,
  models: UnitModels,
  dataset: Dataset,
  task: UnitJob,
  scope: WorkerScope,
): Promise<Outcome> {
  if (cell.kind === 'attack') return attackShard(models, dataset, cell, task, scope)
  const { shard } = task.unit
  const clean = await predictShard(models.model, dataset, shard, task.batchSize, scope)
  if (cell.kind === 'clean') return clean
  return { ...clean, ...(await probeShard(models.model, dataset, cell, task, scope)) }
}

/** The probes on a shard. Their random numbers depend on nothing that a suite could choose. */
async function probeShard(
  model: Model,
  dataset: Dataset,
  { threatModel }: CheckCell,
  { unit, batchSize, model: location }: UnitJob,
  scope: WorkerScope,
): Promise<Pick<Outcome, 'checks' | 'forwardPasses' | 'backwardPasses'>> {
  const { start, end } = unit.shard
  const before = { ...model.passes }
  const checks = await runProbes({
    model: withDraws(model, 'checks'),
    inputs: dataset.rows(range(start, end)),
    labels: dataset.labels.slice(start, end),
    threatModel,
    rng: { stream: (row, restart, name = '') => randomStream('checks', row, restart, name) },
    batchSize,
    signal: scope.signal,
    classes: dataset.classNames.length,
    graph: readOnnx(new Uint8Array(await readFile(location.path)), location.label),
    progress: (done, total) =>
      scope.send({ robench: 'examples', done: ((end - start) * done) / total }),
  })
  return {
    checks,
    forwardPasses: model.passes.forward - before.forward,
    backwardPasses: model.passes.backward - before.backward,
  }
}

type Outcome = Omit<UnitOutcome, 'elapsedMs'>

async function predictShard(
  model: Model,
  dataset: Dataset,
  shard: Shard,
  batchSize: number,
  scope: WorkerScope,
): Promise<Outcome> {
  const drawing = withDraws(model, 'clean')
  let outcomes = ''
  for (let start = shard.start; start < shard.end; start += batchSize) {
    if (scope.signal.aborted) throw new RunError('ROBENCH_ABORTED', 'the run was interrupted')
    const indices = range(start, Math.min(start + batchSize, shard.end))
    const predicted = predictions(await drawing.logits(dataset.rows(indices)))
    predicted.forEach((label, row) => {
      outcomes += label === dataset.labels[indices[row]!] ? '1' : '0'
    })
    scope.send({ robench: 'examples', done: outcomes.length })
  }
  return { outcomes, forwardPasses: outcomes.length, backwardPasses: 0 }
}

async function attackShard(
  models: UnitModels,
  dataset: Dataset,
  cell: AttackCell,
  task: UnitJob,
  scope: WorkerScope,
): Promise<Outcome> {
  const { shard } = task.unit
  const { clean = '' } = task
  const registry = await scope.cache.registry(task.setting)
  const chosen = await reviveAttack(registry, cell.attack)
  const indices = range(shard.start, shard.end)
  const labels = dataset.labels.slice(shard.start, shard.end)
  const wrong = labels.length - [...clean].filter((outcome) => outcome === '1').length
  const answer = await runAttack({
    ...chosen,
    ...models,
    inputs: dataset.rows(indices),
    labels,
    // Only whether a prediction is right matters to the host.
    cleanPredictions: labels.map((label, row) => (clean[row] === '1' ? label : -1)),
    exampleIndices: indices,
    reference: {
      count: dataset.count,
      select: (rows) => ({
        inputs: dataset.rows(rows),
        labels: Int32Array.from(rows, (row) => dataset.labels[row]!),
      }),
    },
    threatModel: cell.threatModel,
    ...(cell.curve && { curve: cell.curve }),
    setupCache: scope.cache.learned(cellId(cell)),
    seed: cell.seed,
    batchSize: task.batchSize,
    signal: scope.signal,
    timeLimitMs: task.timeLimitMs,
    progress: (done) => scope.send({ robench: 'examples', done: wrong + done }),
  })
  if (task.adversarialFile !== undefined) {
    const { data, shape } = answer.adversarial
    await writeFileAtomic(task.adversarialFile, new Uint8Array(dump(data, [...shape])))
  }
  const { outcomes, forwardPasses, backwardPasses, stages, breakingEpsilons } = answer
  const { correct, silentSuccesses } = answer
  return {
    outcomes,
    forwardPasses,
    backwardPasses,
    ...(stages && { stages }),
    ...(breakingEpsilons && {
      breakingEpsilons: Array.from(breakingEpsilons, (least) =>
        least === Infinity ? null : least,
      ),
    }),
    ...(correct !== undefined && { correct }),
    ...(silentSuccesses !== undefined && { silentSuccesses }),
  }
}

function range(start: number, end: number): Int32Array {
  return Int32Array.from({ length: end - start }, (_, i) => start + i)
}
