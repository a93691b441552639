/** In a worker: runs one unit of work, from its files to its outcome. */
import { GraphError } from '../../base/errors.ts'
import { readOnnxFile } from '../../engine/onnx/external-data.ts'
import { readOnnx } from '../../engine/onnx/file.ts'
import type { Model } from '../../model/model.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import { crossEntropy } from '../../model/losses.ts'
import type { Dataset } from '../../data/dataset.ts'
import { cellId } from '../plan/cell.ts'
import type { AttackCell, CheckCell } from '../plan/cell.ts'
import { reviveAttack } from '../plan/resolve-attacks.ts'
import { unitPointsFile, writePoints } from '../store/adversarials.ts'
import type { ShardOutcome, UnitOutcome } from '../store/unit-outcome.ts'
import { attackRows, attackShard, predictShard, probeShard } from './evaluate-shard.ts'
import type { ShardWork } from './evaluate-shard.ts'
import { findBatch, halving } from './find-batch.ts'
import type { UnitJob } from './job.ts'
import type { WorkerScope } from './worker-cache.ts'

/** @throws RobenchError from the model, the plugin, or the host */
export async function runUnit(job: UnitJob, scope: WorkerScope): Promise<UnitOutcome> {
  const { cell, shard } = job.unit
  const examples = await scope.dataset('test')
  const hashes = cell.kind === 'attack' ? (cell.surrogates ?? []) : []
  const capacity = Math.max(2, 1 + hashes.length)
  const model = await scope.model(job.model, cell.defense.model, capacity)
  const surrogates: Model[] = []
  for (const [index, reference] of (job.surrogates ?? []).entries()) {
    surrogates.push(await scope.model(reference, hashes[index]!, capacity))
  }
  scope.send({ robench: 'began' })
  const stopBeats = beatWhileEvaluated([model, ...surrogates], scope)
  const started = performance.now()
  const { signal } = scope
  const progress = (done: number, stage?: string): void =>
    scope.send({ robench: 'examples', done, ...(stage !== undefined && { stage }) })
  const draws = cell.kind === 'checks' ? undefined : cell.draws
  const work = {
    model,
    examples,
    shard,
    ...(draws !== undefined && { draws }),
    signal,
    progress,
  }
  try {
    const first = job.findsBatch ? await largerBatch(job, model, examples, scope) : job.batchSize
    const outcome = await halving(first, (batchSize) => {
      const batched = { ...work, batchSize }
      return cell.kind === 'attack'
        ? runAttackUnit(batched, surrogates, cell, job, scope)
        : runModelUnit(batched, cell.kind === 'checks' ? cell : undefined, job, scope)
    })
    return { ...outcome, elapsedMs: Math.round(performance.now() - started) }
  } finally {
    stopBeats()
  }
}

/** Batches that were found for forward and gradient passes of loaded models. */
const found = new WeakMap<Model, Map<'forward' | 'gradient', Promise<number>>>()

/** The batch with which passes of this job are fastest, at most the examples of the job. */
async function largerBatch(
  { unit: { cell, shard }, batchSize }: UnitJob,
  model: Model,
  examples: Dataset,
  { send, signal }: WorkerScope,
): Promise<number> {
  const kind = cell.kind === 'clean' ? 'forward' : 'gradient'
  const known = found.get(model) ?? new Map<typeof kind, Promise<number>>()
  found.set(model, known)
  const most = shard.end - shard.start
  if (most <= batchSize) return batchSize
  const search = async (): Promise<number> => {
    const pass = async (size: number): Promise<void> => {
      signal.throwIfAborted()
      const rows = Int32Array.from({ length: size }, (_, i) => i % examples.count)
      const inputs = examples.rows(rows)
      if (kind === 'forward') await model.logits(inputs)
      else await gradientOrLogits(model, inputs)
    }
    const size = await findBatch(batchSize, most, async (tried) => {
      await pass(tried)
      const started = performance.now()
      await pass(tried)
      return performance.now() - started
    })
    send({ robench: 'batch', size })
    return size
  }
  const result = known.get(kind) ?? search()
  known.set(kind, result)
  result.catch(() => known.delete(kind))
  return result
}

async function gradientOrLogits(model: Model, inputs: FloatTensor): Promise<void> {
  try {
    await model.gradient(inputs, new Int32Array(inputs.shape[0]!), crossEntropy)
  } catch (error) {
    if (!(error instanceof GraphError && error.code === 'ROBENCH_NO_GRADIENT')) throw error
    await model.logits(inputs)
  }
}

/** How often passes of a model count as progress, in ms. */
const beatMs = 1000

/** Sends that the work goes on, as long as one of the models is evaluated. */
function beatWhileEvaluated(models: readonly Model[], { send }: WorkerScope): () => void {
  const count = (): number =>
    models.reduce((sum, { passes }) => sum + passes.forward + passes.backward, 0)
  let last = count()
  const timer = setInterval(() => {
    const now = count()
    if (now !== last) send({ robench: 'alive' })
    last = now
  }, beatMs)
  return () => clearInterval(timer)
}

/** Clean predictions, and the probes of a cell of checks. */
async function runModelUnit(
  work: ShardWork,
  checks: CheckCell | undefined,
  { model: { sha256, label, manifest } }: UnitJob,
  scope: WorkerScope,
): Promise<ShardOutcome> {
  if (!checks) return predictShard(work)
  const { progress: _ofProbes, ...predicting } = work
  const clean = await predictShard(predicting)
  const registry = await scope.registry()
  const { classes } = await scope.dataset('test')
  // The model has been loaded from this file.
  const bytes = await readOnnxFile(scope.content.models[sha256]!)
  const probed = await probeShard(work, {
    registry,
    threatModel: checks.threatModel,
    ...(classes !== undefined && { classes }),
    graph: readOnnx(bytes, label),
    manifest,
  })
  return { ...clean, ...probed }
}

async function runAttackUnit(
  work: ShardWork,
  surrogates: readonly Model[],
  cell: AttackCell,
  { unit, clean = '', rows, timeLimitMs, saveAdversarial }: UnitJob,
  scope: WorkerScope,
): Promise<ShardOutcome> {
  const { attack, threatModel, curve, seed } = cell
  const attacking = {
    chosen: await reviveAttack(await scope.registry(), attack),
    surrogates,
    clean,
    threatModel,
    ...(curve && { curve }),
    setupCache: scope.setup(cellId(cell)),
    seed,
    timeLimitMs,
  }
  if (rows) return (await attackRows(work, Int32Array.from(rows), attacking)).outcome
  const { outcome, adversarial, transform } = await attackShard(work, attacking)
  if (saveAdversarial) {
    const { examples, shard } = work
    await writePoints(unitPointsFile(scope.content.resultsFolder, unit.id), {
      points: adversarial,
      indices: Int32Array.from(clean, (_, place) => shard.start + place),
      labels: examples.labels.slice(shard.start, shard.end),
      ...(transform && { transform }),
    })
  }
  return outcome
}
