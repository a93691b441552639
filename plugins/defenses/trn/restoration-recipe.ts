/** The training of a restoration in front of a frozen classifier. */
import {
  crossEntropy,
  estimateGradientMap,
  float32,
  g,
  sliceRows,
} from '../../../core/api/graph.ts'
import type { FloatTensor, Value } from '../../../core/api/graph.ts'
import {
  adam,
  augment,
  batchMean,
  definePhase,
  imageVariable,
  meanAbsoluteError,
} from '../../../core/api/training.ts'
import type {
  ExportedModel,
  ModuleScope,
  ParameterGroup,
  TrainingBatch,
  TrainingRecipe,
} from '../../../core/api/training.ts'
import type { AdversarialBudget } from '../training/adversarial-options.ts'
import { restorationNetwork } from './restoration-network.ts'
import { trainingAttacks } from './training-attacks.ts'
import type { TrnOptions } from './trn-options.ts'

/** What the recipe is made from. */
export interface RestorationParts {
  /** Logits `[n, k]` of the frozen classifier for images `[n, c, h, w]`. */
  readonly logitsOf: (images: Value) => Value
  readonly shape: readonly [channels: number, height: number, width: number]
  readonly budget: AdversarialBudget
  readonly options: TrnOptions
}

/**
 * Minimizes ‖x̂ − x‖₁ + λ_c·CE(f(x̂), y) + λ_b·‖x̂ − x‖₁ (benign rows only), where x̂ restores an
 * attacked image of the base model f, and norms are means over pixels. Gradient maps and f are
 * constants. The loss is our reading.
 * @see Hong et al. 2022
 */
export function restorationRecipe(parts: RestorationParts): TrainingRecipe {
  const { logitsOf, shape, budget, options } = parts
  const network = restorationNetwork({ ...options, bounds: budget.threatModel.bounds })
  const group: ParameterGroup = {
    name: 'weights',
    modules: [network],
    optimizer: adam(),
    rate: options.learningRate,
    schedule: options.schedule,
    warmup: options.warmup,
    ...(options.clipNorm !== undefined && { clipNorm: options.clipNorm }),
    ...(options.averaging > 0 && { averaging: { kind: 'ema', decay: options.averaging } }),
  }
  const restore = (m: ModuleScope, images: Value, labels?: Value): Restored => {
    const map = gradientMap(parts, images, labels)
    return { map, restored: m.apply(network, map ? [images, map] : [images]) }
  }
  const model = (m: ModuleScope, images: Value, labels?: Value): ExportedModel => {
    const { map, restored } = restore(m, images, labels)
    const tensors = { ...(map && { [mapTensor]: map }), [restoredTensor]: restored }
    return { logits: logitsOf(restored), tensors }
  }
  const phase = definePhase({
    name: 'training step',
    inputs: { clean: { shape }, attacked: { shape }, benign: { shape: [] } },
    prepare: preparation(parts),
    steps: [
      {
        updates: [group],
        loss(m, { clean, attacked, benign, labels }) {
          const { restored } = restore(m, attacked, labels)
          const logits = logitsOf(restored)
          const distance = meanAbsoluteError(restored, clean)
          const classified = batchMean(crossEntropy(logits, labels))
          const kept = batchMean(g.mul(distance, benign))
          const restoration = batchMean(distance)
          const weighted = g.add(
            g.mul(classified, options.crossEntropyWeight),
            g.mul(kept, options.benignWeight),
          )
          return {
            loss: g.add(restoration, weighted),
            logits,
            metrics: { restoration, benign: kept, crossEntropy: classified },
          }
        },
      },
    ],
  })
  const { threatModel } = budget
  const variable = imageVariable({ threatModel, stepSize: threatModel.epsilon / 4 })
  return {
    phases: [phase],
    model,
    validationAttack: {
      name: 'validation attack',
      steps: 10,
      variables: { images: variable },
      loss: (_m, { images, labels }) => crossEntropy(logitsOf(images), labels),
    },
  }
}

/** Names of the exported file's tensors that end its components. */
export const mapTensor = 'gradient-map'
/** See `mapTensor`. */
export const restoredTensor = 'restored'

interface Restored {
  /** `[n, maps, h, w]`; undefined if there is only the image stream. */
  readonly map: Value | undefined
  /** `[n, c, h, w]`. */
  readonly restored: Value
}

/** The gradient maps of images; of the true labels in mode `oracle` where they are known. */
function gradientMap(
  { logitsOf, options }: RestorationParts,
  images: Value,
  labels?: Value,
): Value | undefined {
  const { streams, map, mapCount: count, normalize } = options
  if (streams === 'image-only') return undefined
  if (map !== 'oracle')
    return estimateGradientMap(logitsOf, images, { mode: map, normalize, count })
  if (!labels) return estimateGradientMap(logitsOf, images, { mode: 'pseudo', normalize })
  return estimateGradientMap(logitsOf, images, { mode: map, normalize, labels })
}

/** Draws an attack and its radius for a batch, and attacks all rows but the benign ones. */
function preparation({
  logitsOf,
  budget,
  options,
}: RestorationParts): (
  batch: TrainingBatch,
) => Promise<Record<'clean' | 'attacked' | 'benign', FloatTensor>> {
  const attacks = trainingAttacks(logitsOf, { ...budget, momentum: options.attackMomentum })
  return async (batch) => {
    const clean = batch.images()
    augment(clean, options, (example) => batch.random('augment', example))
    const count = batch.labels.length
    const draw = batch.random('attack')
    const attack = attacks[options.attacks[draw.integer(options.attacks.length)]!]
    const scale = options.radius === 'uniform' ? draw.uniform() : 1
    const kept = attack ? Math.round(options.benign * count) : count
    const attacked = float32(clean.shape, clean.data.slice())
    if (attack && kept < count) {
      const { images: moved } = await batch.attack(attack, {
        images: sliceRows(clean, kept, count),
        labels: batch.labels.subarray(kept),
        random: batch.random('start'),
        scale,
      })
      attacked.data.set(moved.data, attacked.data.length - moved.data.length)
    }
    return { clean, attacked, benign: benignWeights(count, kept) }
  }
}

/** `[n]`: n / kept for the first rows and 0 for the others, so that its mean is 1. */
function benignWeights(count: number, kept: number): FloatTensor {
  return float32(
    [count],
    Float32Array.from({ length: count }, (_, row) => (row < kept ? count / kept : 0)),
  )
}
