/** One application of an operator, and access to its inputs and attributes. */
import { GraphError } from '../../base/errors.ts'
import { formatShape, type Dim } from './dim.ts'
import type { Attributes, AttributeValue, Inferred, Value } from './value.ts'

/** Kind and default of an attribute. Without a default it is required, or absent where `optional`. */
export interface AttributeSpec {
  /** `dtype`: an element type, a number in the file and a name here. */
  readonly type: 'int' | 'ints' | 'float' | 'floats' | 'string' | 'tensor' | 'dtype'
  readonly default?: AttributeValue
  readonly optional?: true
}

/** One application, as rules see it: attributes have their defaults filled in. */
export interface Call {
  readonly op: string
  readonly name: string
  readonly inputs: readonly (Value | null)[]
  readonly attributes: Attributes
}

/** What the builder needs to apply an operator. */
export interface OpSignature {
  /** The name in ONNX. */
  readonly op: string
  readonly attributes: Readonly<Record<string, AttributeSpec>>
  /** Shapes and element types of the outputs. @throws GraphError if the inputs do not fit */
  infer(call: Call): readonly Inferred[]
}

/** A number among the attributes. */
export function numberOf(call: Pick<Call, 'op' | 'attributes'>, key: string): number {
  const value = call.attributes[key]
  if (typeof value !== 'number') throw internal(call.op, key)
  return value
}

/** A list of numbers among the attributes, or undefined where it is left out. */
export function numbersOf(
  call: Pick<Call, 'attributes'>,
  key: string,
): readonly number[] | undefined {
  const value = call.attributes[key]
  return Array.isArray(value) ? (value as readonly number[]) : undefined
}

/** A text among the attributes. */
export function textOf(call: Pick<Call, 'op' | 'attributes'>, key: string): string {
  const value = call.attributes[key]
  if (typeof value !== 'string') throw internal(call.op, key)
  return value
}

/** A required input. */
export function inputOf(call: Call, index: number): Value {
  const value = call.inputs[index]
  if (!value) throw shapeError(call, `input ${index} is missing`)
  return value
}

/** A rank and size that a rule needs as numbers. */
export function sizesOf(call: Call, shape: readonly Dim[], from = 0): number[] {
  return shape.slice(from).map((dim) => {
    if (typeof dim === 'number') return dim
    throw shapeError(
      call,
      `needs sizes known before the run, got ${formatShape(shape)}; give the model a fixed image size`,
    )
  })
}

/** The whole numbers that an input is known to hold. */
export function contentsOf(call: Call, index: number, what: string): readonly Dim[] {
  const value = inputOf(call, index)
  if (!value.contents) {
    throw shapeError(
      call,
      `${what} must be known before the run, but depends on the inputs' values`,
    )
  }
  return value.contents
}

/** The same, all numbers. */
export function numbersIn(call: Call, index: number, what: string): readonly number[] {
  return sizesOf(call, contentsOf(call, index, what))
}

/** An axis counted from the front; negative ones count from the end. */
export function axisOf(call: Call, axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis
  if (positive < 0 || positive >= rank || !Number.isInteger(positive)) {
    throw shapeError(call, `axis ${axis} is out of range for rank ${rank}`)
  }
  return positive
}

/** An error that names operator and node. */
export function shapeError(
  call: Pick<Call, 'op'> & { readonly name?: string },
  message: string,
): GraphError {
  return new GraphError('ROBENCH_GRAPH', `${describe(call)}: ${message}`, {
    details: { op: call.op, node: call.name ?? '' },
  })
}

/** `Conv "conv1"`. */
export function describe(call: Pick<Call, 'op'> & { readonly name?: string }): string {
  return call.name ? `${call.op} "${call.name}"` : call.op
}

function internal(op: string, key: string): GraphError {
  return new GraphError(
    'ROBENCH_INTERNAL',
    `${op}: attribute "${key}" has not the type that its record says`,
  )
}
