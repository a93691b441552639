/** In a worker: does one unit of work, clean predictions or an attack on a shard. */
import { dump } from 'npyjs'
import { RunError } from '../errors.ts'
import type { Dataset } from '../data/dataset.ts'
import type { Model } from '../model/model.ts'
import { predictions } from '../model/predictions.ts'
import { runAttack } from '../plugin/host.ts'
import type { AttackCell, Shard } from '../suite/cell.ts'
import { writeFileAtomic } from './atomic-file.ts'
import type { UnitOutcome } from './store.ts'
import type { UnitTask } from './task.ts'
import type { WorkerScope } from './worker-cache.ts'

/** @throws RobenchError whatever the model, the plugin or the host finds wrong */
export async function runUnit(task: UnitTask, scope: WorkerScope): Promise<UnitOutcome> {
  const { cell, shard } = task.unit
  const dataset = await scope.cache.dataset(task.setting, 'test')
  if (dataset.hash !== cell.dataset.sha256) {
    throw new RunError(
      'ROBENCH_STORE',
      `data set "${dataset.id}" has changed while the run was going on; run again`,
    )
  }
  const model = await scope.cache.model(task.setting, task.model, cell.defense.model)
  scope.send({ robench: 'began' })
  const started = performance.now()
  const outcome =
    cell.kind === 'clean'
      ? await predictShard(model, dataset, shard, task.batchSize, scope)
      : await attackShard(model, dataset, cell, task, scope)
  return { ...outcome, elapsedMs: Math.round(performance.now() - started) }
}

type Outcome = Omit<UnitOutcome, 'elapsedMs'>

async function predictShard(
  model: Model,
  dataset: Dataset,
  shard: Shard,
  batchSize: number,
  scope: WorkerScope,
): Promise<Outcome> {
  let outcomes = ''
  for (let start = shard.start; start < shard.end; start += batchSize) {
    if (scope.signal.aborted) throw new RunError('ROBENCH_ABORTED', 'the run was interrupted')
    const indices = range(start, Math.min(start + batchSize, shard.end))
    const predicted = predictions(await model.logits(dataset.rows(indices)))
    predicted.forEach((label, row) => {
      outcomes += label === dataset.labels[indices[row]!] ? '1' : '0'
    })
    scope.send({ robench: 'examples', done: outcomes.length })
  }
  return { outcomes, forwardPasses: outcomes.length, backwardPasses: 0 }
}

async function attackShard(
  model: Model,
  dataset: Dataset,
  cell: AttackCell,
  task: UnitTask,
  scope: WorkerScope,
): Promise<Outcome> {
  const { shard } = task.unit
  const { clean = '' } = task
  const registry = await scope.cache.registry(task.setting)
  const plugin = await registry.get('attack', cell.attack.plugin)
  const indices = range(shard.start, shard.end)
  const labels = dataset.labels.slice(shard.start, shard.end)
  const wrong = labels.length - [...clean].filter((outcome) => outcome === '1').length
  const answer = await runAttack({
    plugin,
    options: cell.attack.options,
    model,
    inputs: dataset.rows(indices),
    labels,
    // Only whether a prediction is right matters to the host.
    cleanPredictions: labels.map((label, row) => (clean[row] === '1' ? label : -1)),
    exampleIndices: indices,
    threatModel: cell.threatModel,
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
  const { outcomes, forwardPasses, backwardPasses, stages } = answer
  return { outcomes, forwardPasses, backwardPasses, ...(stages && { stages }) }
}

function range(start: number, end: number): Int32Array {
  return Int32Array.from({ length: end - start }, (_, i) => start + i)
}
