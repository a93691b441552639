/** Estimates of memory: batches and workers that fit the machine. */
import type { ExaminedModel } from '../plan/model-row.ts'

/** What decides the memory of a worker. */
export interface MemoryRequest {
  /** The models of the suite. */
  readonly models: readonly Pick<ExaminedModel, 'hash' | 'activationBytes' | 'identity'>[]
  /** Examples per batch that the suite asks for: an upper limit. */
  readonly batchSize: number
  /** Workers that the run may start: an upper limit. */
  readonly workers: number
  /** Free memory of the machine or container, in bytes. */
  readonly availableBytes: number
}

/** Batches and workers that fit. */
export interface MemoryPlan {
  readonly workers: number
  /** Examples per batch, by hash of the model. */
  readonly batchSizes: ReadonlyMap<string, number>
  /** The largest estimate for a worker. */
  readonly bytesPerWorker: number
}

/** Of a process of Node with onnxruntime and the plugins loaded. */
const processBytes = 200e6

/** A file is held as bytes, as tensors, and in the sessions of both passes. */
const copiesOfFile = 4

/**
 * Sessions keep the memory of their largest run. Measured on convolutional networks: half of the
 * activations for a forward pass, all of them with a gradient; an attack and its checks have more
 * than one gradient.
 */
const sessions = 3

/** Larger batches are not faster on a CPU. */
const largestWorker = 1.2e9

/** The share of the free memory that is planned with. */
const usedShare = 0.8

/** Fewer workers are started before a batch becomes smaller than this. */
const smallBatch = 4

/** Chooses batches, and fewer workers where memory is short. */
export function fitMemory(request: MemoryRequest): MemoryPlan {
  const { models, batchSize, availableBytes } = request
  const usable = usedShare * availableBytes
  const least = Math.max(
    processBytes,
    ...models.map((model) => workerBytes(model, Math.min(smallBatch, batchSize))),
  )
  const workers = Math.max(1, Math.min(request.workers, Math.floor(usable / least)))
  const limit = Math.min(largestWorker, usable / workers)
  const batchSizes = new Map(
    models.map((model) => [model.hash, largestBatch(model, batchSize, limit)]),
  )
  const needs = models.map((model) => workerBytes(model, batchSizes.get(model.hash)!))
  return { workers, batchSizes, bytesPerWorker: Math.max(processBytes, ...needs) }
}

/** The largest batch whose estimate is within a limit in bytes; at least 1. */
export function largestBatch(
  model: Pick<ExaminedModel, 'activationBytes' | 'identity'>,
  batchSize: number,
  limit: number,
): number {
  const perExample = workerBytes(model, 1) - workerBytes(model, 0)
  if (perExample === 0) return batchSize
  const fitting = Math.floor((limit - workerBytes(model, 0)) / perExample)
  return Math.max(1, Math.min(batchSize, fitting))
}

function workerBytes(
  { activationBytes, identity }: Pick<ExaminedModel, 'activationBytes' | 'identity'>,
  batch: number,
): number {
  return processBytes + copiesOfFile * identity.bytes + sessions * batch * activationBytes
}
