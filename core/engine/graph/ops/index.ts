/** The table of supported operators. */
import * as activation from './activation.ts'
import * as arrangement from './arrangement.ts'
import * as convolution from './convolution.ts'
import * as einsum from './einsum.ts'
import * as gatherElements from './gather-elements.ts'
import * as elementwise from './elementwise.ts'
import * as indexing from './indexing.ts'
import * as layerNormalization from './layer-normalization.ts'
import * as linalg from './linalg.ts'
import * as lpNorms from './lp-norms.ts'
import * as movement from './movement.ts'
import * as normalization from './normalization.ts'
import * as padding from './padding.ts'
import * as pooling from './pooling.ts'
import * as reduction from './reduction.ts'
import * as resize from './resize.ts'
import * as scatter from './scatter.ts'
import * as selection from './selection.ts'
import * as smoothActivation from './smooth-activation.ts'
import * as straightThrough from './straight-through.ts'
import * as thresholds from './thresholds.ts'
import * as trigonometry from './trigonometry.ts'
import type { OpRecord } from '../operator.ts'

const families = [
  activation,
  arrangement,
  convolution,
  einsum,
  gatherElements,
  elementwise,
  indexing,
  layerNormalization,
  linalg,
  lpNorms,
  movement,
  normalization,
  padding,
  pooling,
  reduction,
  resize,
  scatter,
  selection,
  smoothActivation,
  straightThrough,
  thresholds,
  trigonometry,
]

/** All operator records by ONNX name. */
export const operators: ReadonlyMap<string, OpRecord> = new Map(
  families
    .flatMap((family) => Object.values(family))
    .filter((item): item is OpRecord => typeof item === 'object' && 'infer' in item)
    .map((record) => [record.op, record]),
)
