/** The table of supported operators. */
import * as activation from './activation.ts'
import * as arrangement from './arrangement.ts'
import * as attention from './attention.ts'
import * as bits from './bits.ts'
import * as convolution from './convolution.ts'
import * as einsum from './einsum.ts'
import * as fourier from './fourier.ts'
import * as fused from './fused.ts'
import * as fusedTransformer from './fused-transformer.ts'
import * as gatherElements from './gather-elements.ts'
import * as elementwise from './elementwise.ts'
import * as generated from './generated.ts'
import * as gridSample from './grid-sample.ts'
import * as indexing from './indexing.ts'
import * as layerNormalization from './layer-normalization.ts'
import * as legacy from './legacy.ts'
import * as linalg from './linalg.ts'
import * as lpNorms from './lp-norms.ts'
import * as machineLearning from './machine-learning.ts'
import * as movement from './movement.ts'
import * as normalization from './normalization.ts'
import * as packedWeights from './packed-weights.ts'
import * as padding from './padding.ts'
import * as pooling from './pooling.ts'
import * as quantization from './quantization.ts'
import * as quantizedElementwise from './quantized-elementwise.ts'
import * as quantizedLayers from './quantized-layers.ts'
import * as recurrent from './recurrent.ts'
import * as reduction from './reduction.ts'
import * as resize from './resize.ts'
import * as rotaryEmbedding from './rotary-embedding.ts'
import * as scatter from './scatter.ts'
import * as selection from './selection.ts'
import * as smoothActivation from './smooth-activation.ts'
import * as straightThrough from './straight-through.ts'
import * as thresholds from './thresholds.ts'
import * as trigonometry from './trigonometry.ts'
import * as unpooling from './unpooling.ts'
import type { OpRecord } from '../operator.ts'

const families = [
  activation,
  arrangement,
  attention,
  bits,
  convolution,
  einsum,
  fourier,
  fused,
  fusedTransformer,
  gatherElements,
  elementwise,
  generated,
  gridSample,
  indexing,
  layerNormalization,
  legacy,
  linalg,
  lpNorms,
  machineLearning,
  movement,
  normalization,
  packedWeights,
  padding,
  pooling,
  quantization,
  quantizedElementwise,
  quantizedLayers,
  recurrent,
  reduction,
  resize,
  rotaryEmbedding,
  scatter,
  selection,
  smoothActivation,
  straightThrough,
  thresholds,
  trigonometry,
  unpooling,
]

/** All operator records by ONNX name. */
export const operators: ReadonlyMap<string, OpRecord> = new Map(
  families
    .flatMap((family) => Object.values(family))
    .filter((item): item is OpRecord => typeof item === 'object' && 'infer' in item)
    .map((record) => [record.op, record]),
)
