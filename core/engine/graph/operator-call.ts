/** One application of an operator, and access to its inputs and attributes. */
import { GraphError } from '../../base/errors.ts'
import { formatShape, type Dim } from './dim.ts'
import type { Attributes, AttributeValue, Value } from './value.ts'

/** Type and default of an attribute. Without a default it is required, unless `optional`. */
export interface AttributeSpec {
  /**
   * `dtype`: an element type, stored as a number in files. `strings`: known, but not imported, such
   * as the names of classes. `words`: strings, as one string with spaces.
   */
  readonly type:
    | 'int'
    | 'ints'
    | 'float'
    | 'floats'
    | 'string'
    | 'strings'
    | 'words'
    | 'tensor'
    | 'dtype'
  readonly default?: AttributeValue
  readonly optional?: true
}

/** One application of an operator, with default attributes filled in. */
export interface Call {
  readonly op: string
  readonly name: string
  readonly inputs: readonly (Value | null)[]
  readonly attributes: Attributes
}

/** A numeric attribute. */
export function numberOf(call: Pick<Call, 'op' | 'attributes'>, key: string): number {
  const value = call.attributes[key]
  if (typeof value !== 'number') throw internal(call.op, key)
  return value
}

/** A list attribute; undefined if omitted. */
export function numbersOf(
  call: Pick<Call, 'attributes'>,
  key: string,
): readonly number[] | undefined {
  const value = call.attributes[key]
  return Array.isArray(value) ? (value as readonly number[]) : undefined
}

/** A string attribute. */
export function textOf(call: Pick<Call, 'op' | 'attributes'>, key: string): string {
  const value = call.attributes[key]
  if (typeof value !== 'string') throw internal(call.op, key)
  return value
}

/** An input that must be present. */
export function inputOf(call: Call, index: number): Value {
  const value = call.inputs[index]
  if (!value) throw shapeError(call, `input ${index} is missing`)
  return value
}

/** Sizes that must be known before the run, from axis `from` on. */
export function sizesOf(call: Call, shape: readonly Dim[], from = 0): number[] {
  return shape.slice(from).map((dim) => {
    if (typeof dim === 'number') return dim
    throw shapeError(
      call,
      `needs sizes known before the run, got ${formatShape(shape)}; ` +
        'export the model with a fixed image size',
    )
  })
}

/** The integer contents of an input, which must be known before the run. */
export function contentsOf(call: Call, index: number, what: string): readonly Dim[] {
  const value = inputOf(call, index)
  if (!value.contents) {
    throw shapeError(call, `${what} must be known before the run, but depends on input values`)
  }
  return value.contents
}

/** The contents of an input, without symbols. */
export function numbersIn(call: Call, index: number, what: string): readonly number[] {
  return sizesOf(call, contentsOf(call, index, what))
}

/** A nonnegative axis; negative ones count from the end. */
export function axisOf(call: Call, axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis
  if (positive < 0 || positive >= rank || !Number.isInteger(positive)) {
    throw shapeError(call, `axis ${axis} is out of range for rank ${rank}`)
  }
  return positive
}

/** An error with the names of operator and node. */
export function shapeError(
  call: Pick<Call, 'op'> & { readonly name?: string },
  message: string,
): GraphError {
  return new GraphError('ROBENCH_GRAPH', `${describe(call)}: ${message}`, {
    details: { op: call.op, node: call.name ?? '' },
  })
}

/** Operator and node as text: `Conv "conv1"`. */
export function describe(call: Pick<Call, 'op'> & { readonly name?: string }): string {
  return call.name ? `${call.op} "${call.name}"` : call.op
}

function internal(op: string, key: string): GraphError {
  return new GraphError(
    'ROBENCH_INTERNAL',
    `${op}: attribute "${key}" does not have the declared type`,
  )
}
