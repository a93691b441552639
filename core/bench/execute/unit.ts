/** In a worker: runs one unit of work: clean predictions, probes, or an attack on a shard. */
import { readFile } from 'node:fs/promises'
import { dump } from 'npyjs'
import { writeFileAtomic } from '../../base/atomic-file.ts'
import { RunError } from '../../base/errors.ts'
import { randomStream } from '../../base/random.ts'
import type { Dataset } from '../../data/dataset.ts'
import { readOnnx } from '../../engine/onnx/file.ts'
import type { Model } from '../../model/model.ts'
import { withDraws } from '../../model/noise.ts'
import { predictions } from '../../model/predictions.ts'
import { runAttack } from '../../plugin/host.ts'
import { runProbes } from '../checks/run-probes.ts'
import { searchAttackOf } from '../checks/search-attack.ts'
import { cellId } from '../plan/cell.ts'
import type { AttackCell, CheckCell, Shard } from '../plan/cell.ts'
import { reviveAttack } from '../plan/resolve-attacks.ts'
import { adversarialFile } from '../store/store.ts'
import type { UnitOutcome } from '../store/store.ts'
import type { UnitJob } from './job.ts'
import type { WorkerScope } from './worker-cache.ts'

/** @throws RobenchError from the model, the plugin, or the host */
export async function runUnit(job: UnitJob, scope: WorkerScope): Promise<UnitOutcome> {
  const { cell } = job.unit
  const dataset = await scope.dataset('test')
  const hashes = cell.kind === 'attack' ? (cell.surrogates ?? []) : []
  const capacity = Math.max(2, 1 + hashes.length)
  const model = await scope.model(job.model, cell.defense.model, capacity)
  const surrogates: Model[] = []
  for (const [index, reference] of (job.surrogates ?? []).entries()) {
    surrogates.push(await scope.model(reference, hashes[index]!, capacity))
  }
  scope.send({ robench: 'began' })
  const started = performance.now()
  const outcome = await runCell({ model, surrogates }, dataset, job, scope)
  return { ...outcome, elapsedMs: Math.round(performance.now() - started) }
}

type Outcome = Omit<UnitOutcome, 'elapsedMs'>

/** The models of a unit. */
interface UnitModels {
  readonly model: Model
  readonly surrogates: readonly Model[]
}

async function runCell(
  models: UnitModels,
  dataset: Dataset,
  job: UnitJob,
  scope: WorkerScope,
): Promise<Outcome> {
  const { cell, shard } = job.unit
  if (cell.kind === 'attack') return attackShard(models, dataset, cell, job, scope)
  const clean = await predictShard(models.model, dataset, shard, job.batchSize, scope)
  if (cell.kind === 'clean') return clean
  return { ...clean, ...(await probeShard(models.model, dataset, cell, job, scope)) }
}

/** Runs the probes on a shard. Their random numbers depend on nothing that a suite can choose. */
async function probeShard(
  model: Model,
  dataset: Dataset,
  { threatModel }: CheckCell,
  { unit, batchSize, model: reference }: UnitJob,
  scope: WorkerScope,
): Promise<Pick<Outcome, 'checks' | 'forwardPasses' | 'backwardPasses'>> {
  const { start, end } = unit.shard
  const registry = await scope.registry()
  const square = await registry.get('attack', 'square')
  const before = { ...model.passes }
  const checks = await runProbes({
    model: withDraws(model, 'checks'),
    inputs: dataset.rows(range(start, end)),
    labels: dataset.labels.slice(start, end),
    threatModel,
    rng: { stream: (row, restart, name = '') => randomStream('checks', row, restart, name) },
    batchSize,
    signal: scope.signal,
    searchAttack: searchAttackOf(square),
    classes: dataset.classNames.length,
    graph: readOnnx(
      // The model has been loaded from this file.
      new Uint8Array(await readFile(scope.content.models[reference.sha256]!)),
      reference.label,
    ),
    progress: (done, total) =>
      scope.send({ robench: 'examples', done: ((end - start) * done) / total }),
  })
  return {
    checks,
    forwardPasses: model.passes.forward - before.forward,
    backwardPasses: model.passes.backward - before.backward,
  }
}

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
  job: UnitJob,
  scope: WorkerScope,
): Promise<Outcome> {
  const { shard, id } = job.unit
  const { clean = '' } = job
  const registry = await scope.registry()
  const chosen = await reviveAttack(registry, cell.attack)
  const indices = range(shard.start, shard.end)
  const labels = dataset.labels.slice(shard.start, shard.end)
  const wrong = labels.length - [...clean].filter((outcome) => outcome === '1').length
  const result = await runAttack({
    ...chosen,
    ...models,
    inputs: dataset.rows(indices),
    labels,
    // The host only reads whether a prediction is right.
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
    setupCache: scope.setup(cellId(cell)),
    seed: cell.seed,
    batchSize: job.batchSize,
    signal: scope.signal,
    timeLimitMs: job.timeLimitMs,
    progress: (done) => scope.send({ robench: 'examples', done: wrong + done }),
  })
  if (job.saveAdversarial) {
    const { data, shape } = result.adversarial
    const path = adversarialFile(scope.content.resultsFolder, id)
    await writeFileAtomic(path, new Uint8Array(dump(data, [...shape])))
  }
  const { outcomes, forwardPasses, backwardPasses, stages, breakingEpsilons } = result
  const { correct, silentSuccesses } = result
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
