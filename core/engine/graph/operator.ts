/** What robench knows of one ONNX operator: a record. */
import { GraphError } from '../../base/errors.ts'
import type { DType } from '../tensor/tensor.ts'
import type { Builder } from './builder.ts'
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

/** An application to be differentiated. */
export interface DifferentiatedCall extends Call {
  readonly outputs: readonly Value[]
  /** Per input: is its gradient wanted? A rule may leave out the others. */
  readonly wanted: readonly boolean[]
}

/** An input of a test sample: a float32 tensor of that shape with random values in [low, high], or given values. */
export interface SampleInput {
  readonly shape: readonly number[]
  readonly low?: number
  readonly high?: number
  readonly dtype?: DType
  readonly values?: readonly number[]
  /** Fed as a constant rather than as an input of the graph. */
  readonly constant?: true
}

/** A constant int64 vector among a sample's inputs: a shape, or axes. */
export const given = (...values: readonly number[]): SampleInput => ({
  shape: [values.length],
  dtype: 'int64',
  values,
  constant: true,
})

/** Inputs and attributes on which the tests try an operator: shape, forward and derivative. */
export interface Sample {
  readonly inputs: readonly (SampleInput | readonly number[] | null)[]
  readonly attributes?: Attributes
}

/** What a file's node of an older opset becomes: inputs and attributes in today's form. */
export interface Upgraded {
  readonly inputs: readonly (Value | null)[]
  readonly attributes: Attributes
}

/** Operator sets of files that operators are read from, first and last, unless their record says otherwise. */
export const readableOpsets = [7, 24] as const

/** A vector-Jacobian product: from the gradients of the outputs, null where none flows, the gradient of each input or null. */
export type DerivativeRule = (
  g: Builder,
  call: DifferentiatedCall,
  outputGradients: readonly (Value | null)[],
) => readonly (Value | null)[]

export interface OpRecord {
  /** The name in ONNX. */
  readonly op: string
  readonly attributes: Readonly<Record<string, AttributeSpec>>
  /** Shapes and dtypes of the outputs. @throws GraphError where inputs do not fit. */
  infer(call: Call): readonly Inferred[]
  /**
   * The vector-Jacobian product. Rules never undo broadcasting: that is done once, by the caller.
   * `'zero'`: the derivative is zero wherever it exists. Absent: there is no rule.
   */
  readonly vjp?: 'zero' | DerivativeRule
  /**
   * For an operator whose derivative is zero almost everywhere: what stands for it where a straight-through estimate is asked for,
   * in place of `vjp`. Here the gradient of a whole number or a truth value is the float32 gradient of the number that it is.
   */
  readonly surrogate?: DerivativeRule
  /** Replaces the operator by others when a graph is written for onnxruntime; undefined to keep it. */
  lower?(g: Builder, call: Call): readonly Value[] | undefined
  /** Outputs after the first may be left out of a file, and are computed only if named. */
  readonly optionalOutputs?: true
  /** Operator sets of files from which it is read, first and last; `readableOpsets` if left out. */
  readonly opsets?: readonly [first: number, last: number]
  /** Brings a node of a file with that opset into today's form (opset 18). */
  upgrade?(g: Builder, call: Call, opset: number): Upgraded | readonly Value[]
  readonly samples: readonly Sample[]
}

/** Declares an operator; the identity, for its types. */
export function defineOp(record: OpRecord): OpRecord {
  return record
}

export const int = (value?: number): AttributeSpec => spec('int', value)
export const ints = (value?: readonly number[]): AttributeSpec => spec('ints', value)
export const float = (value?: number): AttributeSpec => spec('float', value)
export const text = (value?: string): AttributeSpec => spec('string', value)

function spec(type: AttributeSpec['type'], value: AttributeValue | undefined): AttributeSpec {
  return value === undefined ? { type, optional: true } : { type, default: value }
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
