/** Search over image attributes with logits only: all points of a grid, or random points. */
import type { JSONSchema } from 'json-schema-to-ts'
import { rowOf, scheduleTask, stackPoints } from '../../../core/api/attack.ts'
import type { AttackTask } from '../../../core/api/attack.ts'
import { sizeOf } from '../../../core/api/graph.ts'
import { ConfigError, optionLimits } from '../../../core/api/plugin.ts'
import type { AttributeRanges } from '../../../core/api/plugin.ts'
import { attributes, AttributeSession, rangedAttributes } from '../../../core/api/transforms.ts'
import type { AttributeName } from '../../../core/api/transforms.ts'
import { attributeRangesOf, trackBestAttributes, withinRange } from './attribute-findings.ts'
import type { AttributeResult } from './attribute-findings.ts'

/** The number of values per attribute; attributes that are not listed stay neutral. */
export type AttributeGrid = Readonly<Partial<Record<AttributeName, number>>>

/** The attribute values to try. */
export type AttributeSearchOptions =
  | { readonly method: 'grid'; readonly grid: AttributeGrid }
  | {
      readonly method: 'random'
      /** Uniform draws per example, 1 or more. */
      readonly samples: number
    }

/** The candidates of each example. */
interface Candidates {
  readonly names: readonly AttributeName[]
  readonly count: number
  /** The k-th of `count` candidates: one value for each name. */
  values(row: number, k: number): Float32Array
}

interface Attempt {
  readonly row: number
  readonly image: Float32Array
  /** The next candidate. */
  next: number
}

/**
 * Tries the candidates on each example until one is misclassified. The result is T(x) itself: the
 * ball around it is not used.
 * @throws ConfigError ROBENCH_CONFIG if the threat model has no attribute transform, or if the grid
 * has none of its attributes
 */
export async function attributeSearch(
  task: AttackTask,
  options: AttributeSearchOptions,
): Promise<AttributeResult> {
  const { model, inputs, threatModel } = task
  const ranges = attributeRangesOf(task)
  const candidates =
    options.method === 'grid'
      ? gridCandidates(ranges, options.grid)
      : randomCandidates(ranges, options.samples, task)
  const { names } = candidates
  const [channels = 1, height = 1, width = 1] = inputs.shape.slice(1)
  const shape = [channels, height, width] as const
  const size = sizeOf(shape)
  const best = trackBestAttributes(task, names)
  const session = new AttributeSession({ shape, names, bounds: threatModel.bounds })

  const advance = async (active: readonly Attempt[]): Promise<boolean[]> => {
    const values = active.map(({ row, next }) => candidates.values(row, next))
    const points: Float32Array[] = []
    for (const [place, { image }] of active.entries()) {
      points.push(await session.apply(image, values[place]!))
    }
    const logits = await model.logits(stackPoints(points, shape))
    return active.map((attempt, place) => {
      attempt.next += 1
      const { row, next } = attempt
      const fooled = best.record(row, points[place]!, values[place]!, rowOf(logits, place))
      return fooled || next === candidates.count
    })
  }

  try {
    await scheduleTask(task, {
      open: (row) => ({ row, image: inputs.data.subarray(row * size, (row + 1) * size), next: 0 }),
      advance,
    })
  } finally {
    await session.release()
  }
  return best.result
}

/**
 * Passes of an example that is never fooled. For a grid it is an upper bound: attributes without a
 * range cost nothing.
 */
export function attributeSearchCost(options: AttributeSearchOptions): {
  readonly forward: number
  readonly backward: number
} {
  const forward =
    options.method === 'random'
      ? options.samples
      : Object.values(options.grid).reduce((product, count) => product * count, 1)
  return { forward, backward: 0 }
}

function gridCandidates(ranges: AttributeRanges, grid: AttributeGrid): Candidates {
  const names = rangedAttributes(ranges).filter((name) => grid[name] !== undefined)
  if (names.length === 0) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `option grid: expected at least one attribute with a range in the threat model ` +
        `(${rangedAttributes(ranges).join(', ')}), ` +
        `got ${Object.keys(grid).join(', ') || 'none'}; attributes without a range stay neutral`,
    )
  }
  const axes = names.map((name) => evenly(name, ranges[name]!, grid[name]!))
  return {
    names,
    count: axes.reduce((product, axis) => product * axis.length, 1),
    values(_row, k) {
      let rest = k
      const values = new Float32Array(names.length)
      for (let i = names.length - 1; i >= 0; i--) {
        const axis = axes[i]!
        values[i] = axis[rest % axis.length]!
        rest = Math.floor(rest / axis.length)
      }
      return values
    },
  }
}

/**
 * Evenly spaced values from one end of the range to the other; the neutral value if `count` is 1.
 */
function evenly(
  name: AttributeName,
  range: readonly [low: number, high: number],
  count: number,
): number[] {
  if (count === 1) return [attributes[name].neutral]
  const [low, high] = range
  return Array.from({ length: count }, (_, i) =>
    withinRange(low + ((high - low) * i) / (count - 1), range),
  )
}

function randomCandidates(ranges: AttributeRanges, samples: number, task: AttackTask): Candidates {
  const names = rangedAttributes(ranges)
  return {
    names,
    count: samples,
    values: (row, k) => drawAttributes(ranges, names, task.rng.stream(row, k, 'attributes')),
  }
}

/** Draws one value for each name, uniform in its range. */
export function drawAttributes(
  ranges: AttributeRanges,
  names: readonly AttributeName[],
  stream: { uniform(): number },
): Float32Array {
  return Float32Array.from(names, (name) => {
    const [low, high] = ranges[name]!
    return withinRange(low + (high - low) * stream.uniform(), [low, high])
  })
}

const valueCount = { type: 'integer', minimum: 1, maximum: optionLimits.samples } as const
const valueCounts: Readonly<Record<AttributeName, typeof valueCount>> = {
  rotation: valueCount,
  scale: valueCount,
  translationX: valueCount,
  translationY: valueCount,
  hue: valueCount,
  saturation: valueCount,
  contrast: valueCount,
  brightness: valueCount,
}

/** JSON Schema of a grid, without a default. */
export const attributeGridSchema = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  properties: valueCounts,
  description:
    'number of values per attribute (1 or more), evenly spaced over its range; attributes that ' +
    'are not listed stay neutral',
} as const satisfies JSONSchema
