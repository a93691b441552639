/** Queries at points that differ from an earlier point in one small window. */
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import type { Model } from './model.ts'

/** A square of pixels inside an image. */
export interface PixelWindow {
  readonly top: number
  readonly left: number
  readonly side: number
}

/**
 * A search that changes one point step by step, identified by the object itself: its cached
 * activations are freed with it.
 */
export interface WindowSearch {
  /** The pixels where the queried point may differ from the accepted one; undefined: anywhere. */
  readonly window: PixelWindow | undefined
}

/** Evaluates points of searches. Close it with `release`; the host closes those of an attack. */
export interface WindowQueries {
  /**
   * Logits `[n, k]`, equal to `Model.logits` up to rounding. One forward pass per point.
   * @param points `[n, c, h, w]`, complete
   * @param searches one per point, each at most once
   */
  logits(points: FloatTensor, searches: readonly WindowSearch[]): Promise<FloatTensor>
  /** Makes the point queried last for this search the one that later windows refer to. */
  accept(search: WindowSearch): void
  /** Frees the native sessions. */
  release(): Promise<void>
}

/** Opens window queries on a model; undefined where whole passes are about as fast. */
export type OpenWindowQueries = (
  sides: ReadonlyMap<number, number>,
) => Promise<WindowQueries | undefined>

/** The key of the capability, which the public API does not export. */
export const incrementalPasses: unique symbol = Symbol('incremental passes')

/** A model that can reuse activations outside of the window. A view without the key cannot. */
export interface IncrementalModel extends Model {
  readonly [incrementalPasses]?: OpenWindowQueries
}

/**
 * Opens window queries on a model. Activations that a window does not affect are reused where that
 * saves time: on the CPU, for deterministic models whose first layers are local. Otherwise, and for
 * views of a model that replace its logits, every query is a whole pass.
 * @param sides how often windows of each side will be queried, in any unit; windows of other sides
 *   use whole passes
 */
export async function windowQueries(
  model: Model,
  sides: ReadonlyMap<number, number>,
): Promise<WindowQueries> {
  const { [incrementalPasses]: open }: IncrementalModel = model
  const incremental = open && sides.size > 0 ? await open.call(model, sides) : undefined
  return incremental ?? wholePasses(model)
}

function wholePasses(model: Model): WindowQueries {
  return {
    logits: (points) => model.logits(points),
    accept: () => {},
    release: async () => {},
  }
}
