/** ONNX graphs as plain data. */
import type { DType, Tensor } from '../tensor/tensor.ts'

/** An attribute. As in the file, `type` distinguishes integers from floats. */
export type OnnxAttribute =
  | { readonly type: 'int' | 'float'; readonly value: number }
  | { readonly type: 'ints' | 'floats'; readonly value: readonly number[] }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'tensor'; readonly value: Tensor }
  /** The body of `If`, `Loop`, or `Scan`. It may read tensors of the graph around it. */
  | { readonly type: 'graph'; readonly value: OnnxSubgraph }
  /** Inside a local function: the attribute of the caller with this name. */
  | { readonly type: 'reference'; readonly value: string }
  | { readonly type: 'unsupported'; readonly value: string }

/** A node of a graph. */
export interface OnnxNode {
  readonly name: string
  readonly op: string
  /** Empty for the standard operators. */
  readonly domain: string
  /** Distinguishes local functions of the same name. */
  readonly overload?: string
  /** Names; an empty name is an omitted optional input. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Readonly<Record<string, OnnxAttribute>>
}

/**
 * An input or output of a graph. A dimension is a number, a symbol, or null if the file has none.
 */
export interface OnnxValueInfo {
  readonly name: string
  /** null if the file has none, or if it is not a tensor of a supported type. */
  readonly dtype: DType | null
  readonly shape: readonly (number | string | null)[] | null
  /** What it is if it is not a tensor of a supported type: `sequence`, `STRING`. */
  readonly kind?: string
}

/** A graph inside a node. */
export interface OnnxSubgraph {
  readonly inputs: readonly OnnxValueInfo[]
  readonly outputs: readonly OnnxValueInfo[]
  readonly initializers: ReadonlyMap<string, Tensor>
  /** The element types of initializers that are omitted because robench does not support them. */
  readonly unreadable?: ReadonlyMap<string, string>
  readonly nodes: readonly OnnxNode[]
}

/** A graph and its operator sets. Nodes are in topological order. */
export interface OnnxGraph extends OnnxSubgraph {
  readonly opset: number
  /** Operator sets other than the standard one, such as `com.microsoft`. */
  readonly domains: readonly string[]
  /** Versions of these operator sets; 1 for those that are not listed. */
  readonly domainVersions?: Readonly<Record<string, number>>
  /** Shapes of intermediate values, optional hints for the runtime. */
  readonly values?: readonly OnnxValueInfo[]
}

/** Most nodes of a model, those of all its functions and inner graphs counted at each call. */
export const mostNodes = 100_000
