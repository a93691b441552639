/** The record of an ONNX operator: shape inference, derivative, lowering. */
import { GraphError } from '../../base/errors.ts'
import type { DType } from '../tensor/tensor.ts'
import type { Builder, OpSignature } from './builder.ts'
import type { AttributeSpec, Call } from './operator-call.ts'
import type { Attributes, AttributeValue, Value } from './value.ts'

/** An application to differentiate. */
export interface DifferentiatedCall extends Call {
  readonly outputs: readonly Value[]
  /** Whether the gradient of each input is needed. A rule may omit the others. */
  readonly wanted: readonly boolean[]
}

/**
 * An input of a test sample: a float32 tensor with random values in [low, high], or given values.
 */
export interface SampleInput {
  readonly shape: readonly number[]
  readonly low?: number
  readonly high?: number
  readonly dtype?: DType
  readonly values?: readonly number[]
  /** A constant instead of an input of the graph. */
  readonly constant?: true
}

/** A constant int64 vector as a sample input: a shape, or axes. */
export const given = (...values: readonly number[]): SampleInput => ({
  shape: [values.length],
  dtype: 'int64',
  values,
  constant: true,
})

/** Inputs and attributes for tests of shape, forward pass and derivative. */
export interface Sample {
  readonly inputs: readonly (SampleInput | readonly number[] | null)[]
  readonly attributes?: Attributes
}

/** A node of an older opset in current form. */
export interface Upgraded {
  readonly inputs: readonly (Value | null)[]
  readonly attributes: Attributes
}

/** The supported operator sets of files, first and last. Records may restrict them. */
export const readableOpsets = [6, 26] as const

/** The supported operator sets of an operator that was introduced, or replaced, in a later set. */
export const since = (first: number): readonly [number, number] => [first, readableOpsets[1]]

/**
 * A vector-Jacobian product: the gradients of the inputs, or null, from those of the outputs (null
 * where no gradient flows).
 */
export type DerivativeRule = (
  g: Builder,
  call: DifferentiatedCall,
  outputGradients: readonly (Value | null)[],
) => readonly (Value | null)[]

/** An operator. */
export interface OpRecord extends OpSignature {
  /**
   * The vector-Jacobian product. The caller undoes broadcasting. `zero`: the derivative is zero
   * wherever it exists. Without a rule, gradients cannot pass.
   */
  readonly vjp?: 'zero' | DerivativeRule
  /**
   * For an operator whose derivative is zero almost everywhere: the rule used instead of `vjp` for
   * straight-through estimates. The gradient of an integer or boolean is then the float32 gradient
   * of its numeric value.
   */
  readonly surrogate?: DerivativeRule
  /** Whether the derivative passes rounding as if it were the identity. */
  readonly straightThrough?: true
  /** The uses that are refused, for the documentation: `not with an order of columns (g_idx)`. */
  readonly except?: string
  /** Lowers the operator when a graph is written for onnxruntime; undefined keeps it. */
  lower?(g: Builder, call: Call): readonly Value[] | undefined
  /** Whether outputs after the first are optional in files, and computed only if used. */
  readonly optionalOutputs?: true
  /** The supported operator sets of files, first and last. Default: `readableOpsets`. */
  readonly opsets?: readonly [first: number, last: number]
  /** Converts a node of a file with that opset to the current form (opset 18). */
  upgrade?(g: Builder, call: Call, opset: number): Upgraded | readonly Value[]
  readonly samples: readonly Sample[]
}

/** Declares an operator (an identity function for type inference). */
export function defineOp(record: OpRecord): OpRecord {
  return record
}

/**
 * Declares an operator by its function body. The builder writes the body instead of a node, so
 * shapes and derivatives are those of the operators inside.
 */
export function defineFunction(
  record: Omit<OpRecord, 'infer' | 'vjp' | 'lower'> & Required<Pick<OpRecord, 'body'>>,
): OpRecord {
  const infer = (call: Call): never => {
    throw new GraphError('ROBENCH_INTERNAL', `${call.op}: a function has no node of its own`)
  }
  return { ...record, infer }
}

/** An optional or defaulted integer attribute. */
export const int = (value?: number): AttributeSpec => spec('int', value)
/** An optional or defaulted list of integers. */
export const ints = (value?: readonly number[]): AttributeSpec => spec('ints', value)
/** An optional or defaulted float attribute. */
export const float = (value?: number): AttributeSpec => spec('float', value)
/** An optional or defaulted string attribute. */
export const text = (value?: string): AttributeSpec => spec('string', value)

function spec(type: AttributeSpec['type'], value: AttributeValue | undefined): AttributeSpec {
  return value === undefined ? { type, optional: true } : { type, default: value }
}
