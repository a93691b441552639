/** What robench knows of one ONNX operator: a record. */
import type { DType } from '../tensor/tensor.ts'
import type { Builder } from './builder.ts'
import type { AttributeSpec, Call, OpSignature } from './operator-call.ts'
import type { Attributes, AttributeValue, Value } from './value.ts'

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

export interface OpRecord extends OpSignature {
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
