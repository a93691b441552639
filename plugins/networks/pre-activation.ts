/** Pre-activation residual stages, which `preact-resnet` and `wide-resnet` share. */
import { g } from '../../core/api/graph.ts'
import type { Value } from '../../core/api/graph.ts'
import { convolution } from '../../core/api/training.ts'
import type { LayerScope } from '../../core/api/training.ts'
import { normalize, type Normalization } from './normalization.ts'

/** A stage of blocks with the same number of channels. */
export interface PreActivationStage {
  readonly blocks: number
  readonly channels: number
  /** Stride of the first block. */
  readonly stride: number
  readonly normalization: Normalization
}

/** Applies the blocks of a stage. */
export function preActivationStage(scope: LayerScope, x: Value, stage: PreActivationStage): Value {
  const { blocks, channels, stride, normalization } = stage
  let y = x
  for (let block = 0; block < blocks; block++) {
    y = preActivationBlock(scope, y, {
      channels,
      stride: block === 0 ? stride : 1,
      normalization,
    })
  }
  return y
}

/** relu(norm(x)). */
export function activate(scope: LayerScope, x: Value, normalization: Normalization): Value {
  return g.relu(normalize(scope, x, normalization))
}

/**
 * shortcut + conv(relu(norm(conv(a)))) with a = relu(norm(x)). The shortcut is x, or a 1 × 1
 * convolution of a where the shape changes.
 * @see He et al. 2016, Figure 4(e), and section 3.2 for projections after the activation
 */
function preActivationBlock(
  scope: LayerScope,
  x: Value,
  { channels, stride, normalization }: Omit<PreActivationStage, 'blocks'>,
): Value {
  const active = activate(scope, x, normalization)
  const inner = convolution(scope, active, { channels, kernel: 3, stride })
  const outer = convolution(scope, activate(scope, inner, normalization), { channels, kernel: 3 })
  const same = stride === 1 && x.shape[1] === channels
  const shortcut = same ? x : convolution(scope, active, { channels, kernel: 1, stride, pad: 0 })
  return g.add(outer, shortcut)
}
