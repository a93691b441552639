/** The training of DAT as phases. */
import { g } from '../../../core/api/graph.ts'
import type { FloatTensor, Value } from '../../../core/api/graph.ts'
import type { FromSchema } from '../../../core/api/plugin.ts'
import {
  batchMean,
  definePhase,
  drawViews,
  imageVariable,
  jsDivergence,
  klDivergence,
  sgd,
  smoothedCrossEntropy,
  tradesLoss,
} from '../../../core/api/training.ts'
import type {
  InnerAttack,
  ModelFunction,
  ModuleScope,
  OptimizationStep,
  ParameterGroup,
  Phase,
  StepLoss,
  TrainingBatch,
  TrainingRecipe,
} from '../../../core/api/training.ts'
import { attackBatch, awpOf } from '../training/adversarial-options.ts'
import type { AdversarialBudget } from '../training/adversarial-options.ts'
import type { Classifier, RecipeParts } from '../training/train-recipe.ts'
import { amplitudeGenerator } from './generator.ts'
import type { datOptionsSchema } from './options.ts'
import { amplitudeOf, recombineImages, scaleToImage } from './recombination.ts'

type DatOptions = FromSchema<typeof datOptionsSchema>

/** Deviation of the normal noise at the start of the inner attack. */
const startDeviation = 0.001
/** The branch of batch normalization for recombined images. */
const recombinedBranch = 'recombined'

/** Builds the recipe. */
export function datRecipe(
  parts: RecipeParts,
  options: DatOptions,
  budget: AdversarialBudget,
): TrainingRecipe {
  const { classifier } = parts
  const recipe = { model: (m: ModuleScope, x: Value): Value => m.apply(classifier, [x]) }
  const weights = parts.group('weights', [classifier])
  if (options.recombination === 'none') {
    return { ...recipe, phases: [plainPhase(parts, options, budget, weights)] }
  }
  return { ...recipe, phases: [dualPhase(parts, options, budget, weights)] }
}

/** L_AT(x) alone: adversarial training with efficient adversarial examples. */
function plainPhase(
  parts: RecipeParts,
  options: DatOptions,
  budget: AdversarialBudget,
  weights: ParameterGroup,
): Phase {
  const { data, classifier, augmented } = parts
  const attack = efficientAttack(classifier, options, budget)
  return definePhase({
    name: 'training step',
    inputs: { images: { shape: data.shape }, adversarial: { shape: data.shape } },
    async prepare(batch) {
      const images = augmented(batch)
      const { images: adversarial } = await attackBatch(batch, attack, images, budget)
      return { images, adversarial }
    },
    steps: [
      {
        updates: [weights],
        ...awpOf(options),
        loss(m, { images, adversarial, labels }) {
          const [clean, attacked] = [images, adversarial].map((x) =>
            m.apply(classifier, [x], { training: true }),
          ) as [Value, Value]
          const loss = tradesLoss(clean, attacked, labels, options.beta, options.labelSmoothing)
          return { loss: batchMean(loss), logits: attacked }
        },
      },
    ],
  })
}

type DualInputs =
  | 'images'
  | 'adversarial'
  | 'recombined'
  | 'recombinedAdversarial'
  | RecombinationInputs
type RecombinationInputs = 'source' | 'condition' | 'noise' | 'foreign' | 'mix' | 'rows' | 'columns'

function dualPhase(
  parts: RecipeParts,
  options: DatOptions,
  budget: AdversarialBudget,
  weights: ParameterGroup,
): Phase {
  const { data, classes, classifier, augmented } = parts
  const [channels, height, width] = data.shape
  const image = { shape: data.shape }
  const isSingle = options.adversaries === 'single'
  const branch = options.splitNormalization ? recombinedBranch : undefined
  const recombine = recombination(parts, options)
  const attacks = {
    plain: efficientAttack(classifier, options, budget),
    recombined: efficientAttack(classifier, options, budget, branch),
  }
  const makeRecombined: ModelFunction<
    Exclude<RecombinationInputs, 'condition'>,
    'images' | 'condition'
  > = {
    name: 'recombination',
    inputs: {
      source: image,
      noise: { shape: [options.noiseSize] },
      foreign: { shape: [channels, height, width] },
      mix: { shape: [1, 1, 1] },
      rows: { shape: [1, height, height] },
      columns: { shape: [1, width, width] },
    },
    build(m, inputs) {
      const condition = m.apply(classifier, [inputs.source])
      return { images: recombine.images(m, { ...inputs, condition }), condition }
    },
  }
  return definePhase<DualInputs>({
    name: 'training step',
    inputs: {
      ...makeRecombined.inputs,
      condition: { shape: [classes] },
      images: image,
      adversarial: image,
      recombined: image,
      recombinedAdversarial: image,
    },
    async prepare(batch) {
      const images = augmented(batch)
      const { images: adversarial } = await attackBatch(batch, attacks.plain, images, budget)
      const feeds = { source: batch.images(), ...drawRecombination(parts, options, batch) }
      const { images: recombined, condition } = await batch.call(makeRecombined, feeds)
      const { images: recombinedAdversarial } = isSingle
        ? await batch.call(makeRecombined, { ...feeds, source: adversarial })
        : await attackBatch(
            batch,
            attacks.recombined,
            recombined as FloatTensor,
            budget,
            'recombined start',
          )
      return { ...feeds, condition, images, adversarial, recombined, recombinedAdversarial }
    },
    steps: dualSteps(parts, options, weights, recombine, branch),
  })
}

/** Updates the classifier, then the generator against the updated classifier. */
function dualSteps(
  { classifier }: RecipeParts,
  options: DatOptions,
  weights: ParameterGroup,
  recombine: ReturnType<typeof recombination>,
  branch: string | undefined,
): OptimizationStep<DualInputs>[] {
  const { beta, omega, labelSmoothing } = options
  const recombinedMode = { training: true, ...(branch !== undefined && { branch }) }
  const lossWith = (
    m: ModuleScope,
    inputs: Readonly<Record<DualInputs | 'labels', Value>>,
    recombined: Value,
  ): StepLoss => {
    const { labels } = inputs
    const plain = (x: Value): Value => m.apply(classifier, [x], { training: true })
    const mixed = (x: Value): Value => m.apply(classifier, [x], recombinedMode)
    const clean = plain(inputs.images)
    const attacked = plain(inputs.adversarial)
    const other = mixed(recombined)
    const otherAttacked = mixed(inputs.recombinedAdversarial)
    const divergence = batchMean(jsDivergence(clean, other))
    const adversarial = g.add(
      tradesLoss(clean, attacked, labels, beta, labelSmoothing),
      tradesLoss(other, otherAttacked, labels, beta, labelSmoothing),
    )
    const loss = g.add(g.mul(batchMean(adversarial), 0.5), g.mul(divergence, omega))
    return { loss, logits: attacked, metrics: { divergence } }
  }
  const classifierStep: OptimizationStep<DualInputs> = {
    updates: [weights],
    ...awpOf(options),
    loss: (m, inputs) => lossWith(m, inputs, inputs.recombined),
  }
  const { group } = recombine
  if (!group) return [classifierStep]
  const generatorStep: OptimizationStep<DualInputs> = {
    updates: [group],
    direction: 'ascend',
    loss: (m, inputs) => lossWith(m, inputs, recombine.images(m, inputs)),
  }
  return [classifierStep, generatorStep]
}

/** How recombined images are made, and the group of the generator if there is one. */
function recombination(
  { data, group }: RecipeParts,
  options: DatOptions,
): {
  readonly group: ParameterGroup | undefined
  images(m: ModuleScope, inputs: Readonly<Record<RecombinationInputs, Value>>): Value
} {
  const { bounds } = data
  const generator = amplitudeGenerator({ widths: options.generatorWidths, imageShape: data.shape })
  const isRandom = options.recombination === 'random'
  const foreignAmplitude = (
    m: ModuleScope,
    { source, noise, condition, foreign }: Readonly<Record<RecombinationInputs, Value>>,
  ): Value => {
    if (isRandom) return amplitudeOf(foreign)
    // As in the released code, the generator always uses the statistics of the batch.
    const unit = m.apply(generator, [noise, condition], { training: true })
    return options.normalizeAmplitude ? scaleToImage(unit, source) : unit
  }
  const { momentum, weightDecay } = options
  return {
    group: isRandom
      ? undefined
      : {
          ...group('generator', [generator]),
          optimizer: sgd({ momentum, weightDecay }),
          rate: options.generatorRate,
          schedule: 'constant',
          warmup: 0,
        },
    images: (m, inputs) =>
      recombineImages(inputs.source, foreignAmplitude(m, inputs), {
        mix: inputs.mix,
        views: { rows: inputs.rows, columns: inputs.columns },
        bounds,
      }),
  }
}

type DrawnInputs = Exclude<RecombinationInputs, 'source' | 'condition'>

/** Draws λ, noise, foreign images, and the views of recombined images. */
function drawRecombination(
  { data }: RecipeParts,
  options: DatOptions,
  batch: TrainingBatch,
): Record<DrawnInputs, FloatTensor> {
  const { mix, mixLimit, noiseSize, recombinedCrop, flip } = options
  const count = batch.rows.length
  const [, height, width] = data.shape
  const random = batch.random('recombination')
  const shares = Float32Array.from({ length: count }, () =>
    mix === 'full' ? 1 : mixLimit * random.uniform(),
  )
  const noise = Float32Array.from({ length: count * noiseSize }, () => random.normal())
  const others = Array.from({ length: count }, () => random.integer(data.count))
  return {
    mix: { dtype: 'float32', shape: [count, 1, 1, 1], data: shares },
    noise: { dtype: 'float32', shape: [count, noiseSize], data: noise },
    foreign: options.recombination === 'random' ? data.rows(others) : batch.images(),
    ...drawViews(count, [height, width], { crop: recombinedCrop, flip }, (example) =>
      batch.random('recombined view', example),
    ),
  }
}

/**
 * Efficient adversarial example generation: K steps on CE(f(x′), y) + β·KL(p(x)‖p(x′)), from the
 * image with a little noise.
 * @see Li et al. 2024, equation 5
 */
function efficientAttack(
  classifier: Classifier,
  { beta, labelSmoothing }: DatOptions,
  { threatModel, stepSize, steps }: AdversarialBudget,
  branch?: string,
): InnerAttack {
  const mode = branch === undefined ? {} : { branch }
  return {
    name: branch === undefined ? 'inner attack' : 'inner attack on recombined images',
    steps,
    variables: {
      images: imageVariable({ threatModel, stepSize, start: { deviation: startDeviation } }),
    },
    reference: (m, clean) => m.apply(classifier, [clean], mode),
    loss(m, { images, labels, reference }) {
      const logits = m.apply(classifier, [images], mode)
      const divergence = klDivergence(reference!, logits)
      return g.add(smoothedCrossEntropy(logits, labels, labelSmoothing), g.mul(divergence, beta))
    },
  }
}
