/** Estimates of memory: batches and workers that fit the machine. */
import type { ExaminedModel } from '../plan/model-row.ts'

/** What decides the memory of a worker. */
export interface MemoryRequest {
  /** The models of the suite. */
  readonly models: readonly (ModelMemory & Pick<ExaminedModel, 'hash'>)[]
  /** Examples per batch that the suite asks for: an upper limit. */
  readonly batchSize: number
  /** Workers that the run may start: an upper limit. */
  readonly workers: number
  /** Free memory of the machine or container, in bytes. */
  readonly availableBytes: number
}

/** What decides the memory of a model. */
export type ModelMemory = Pick<
  ExaminedModel,
  'activationBytes' | 'inputBytes' | 'rowsPerPart' | 'weightBytes'
>

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

/**
 * Sessions keep the memory of their largest run. Measured on convolutional networks: half of the
 * activations for a forward pass, all of them with a gradient; an attack and its checks have more
 * than one gradient.
 */
const sessions = 3

/** The activations of a worker, in bytes: larger batches are not faster on a CPU. */
const largestActivations = 0.9e9

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
  const batchSizes = new Map(
    models.map((model) => {
      const free = usable / workers - workerBytes(model, 0)
      const limit = Math.min(largestActivations, free)
      return [model.hash, largestBatch(model.activationBytes, batchSize, limit)]
    }),
  )
  const needs = models.map((model) => workerBytes(model, batchSizes.get(model.hash)!))
  return { workers, batchSizes, bytesPerWorker: Math.max(processBytes, ...needs) }
}

/**
 * The largest batch whose activations are within a limit in bytes; at least 1.
 * @param activationBytes of one example; 0 if unknown
 */
export function largestBatch(activationBytes: number, batchSize: number, limit: number): number {
  if (activationBytes === 0) return batchSize
  return Math.max(1, Math.min(batchSize, Math.floor(limit / (sessions * activationBytes))))
}

/**
 * The memory of a process that attacks a model, in bytes: at its peak, which is when it compiles its
 * sessions or when they run. Passes run in parts.
 */
export function workerBytes(
  { activationBytes, inputBytes, rowsPerPart, weightBytes }: ModelMemory,
  batch: number,
): number {
  const activations = sessions * Math.min(batch, rowsPerPart) * activationBytes
  const running = keptShare * weightBytes + activations
  return processBytes + Math.max(weightBytes, running) + copies * batch * inputBytes
}

/** The share of the memory for weights that a process still needs once its sessions are compiled. */
const keptShare = 0.7

/** Copies of its inputs that an attack has: points, corners of the ball, and batches. */
const copies = 10
