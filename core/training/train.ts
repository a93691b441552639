/** Trains a classifier on clean or adversarial inputs: the recipe behind `train`. */
import { crossEntropy } from '../model/losses.ts'
import type { Value } from '../engine/graph/value.ts'
import { imageVariable } from './attack-variable.ts'
import { augment } from './augment.ts'
import { channelStatistics } from './channel-statistics.ts'
import type { InnerAttack } from './inner-attack.ts'
import { classifierModule, type Module } from './module.ts'
import { batchMean } from './objectives.ts'
import { sgd } from './optimizer.ts'
import { definePhase, type ParameterGroup } from './phase.ts'
import { runTraining, splitRows, type TrainingOutcome } from './run-training.ts'
import type { TrainingRecipe } from './recipe.ts'
import { resolveTraining, type Adversary, type TrainingOptions } from './training-options.ts'

/**
 * Trains a network with SGD on cross-entropy. The seed determines every weight. With
 * `checkpointFolder`, training resumes where an earlier call with the same identity, data and seed
 * stopped, and returns the same model as without the interruption.
 * @throws RunError ROBENCH_ABORTED once the signal is aborted; ROBENCH_INTERNAL if the loss is not
 * finite; ROBENCH_STORE if a checkpoint cannot be written
 * @throws ConfigError ROBENCH_CONFIG if the options leave no examples to train on, or the
 * adversary is in another norm than Linf and L2
 */
export async function train(options: TrainingOptions): Promise<TrainingOutcome> {
  const resolved = resolveTraining(options)
  const { network, data, seed, adversary, augmentation, averaging } = resolved
  const { examples } = splitRows(data, seed, resolved.validation)
  const classifier = classifierModule(network, channelStatistics(data, examples))
  const weights: ParameterGroup = {
    name: 'weights',
    modules: [classifier],
    optimizer: sgd(resolved),
    rate: resolved.learningRate,
    schedule: resolved.schedule,
    warmup: resolved.warmup,
    ...(averaging > 0 && { averaging: { kind: 'ema', decay: averaging } }),
  }
  const attack = adversary && crossEntropyAttack(classifier, adversary)
  const recipe: TrainingRecipe = {
    phases: [
      definePhase({
        name: 'training step',
        inputs: { inputs: { shape: data.shape } },
        prepare(batch) {
          const images = batch.images()
          augment(images, augmentation, (row) => batch.random('augment', row))
          return { inputs: images }
        },
        ...(attack && {
          attack: {
            definition: attack,
            input: 'inputs',
            settings: ({ progress, random }) => ({
              scale: progress < adversary.ramp ? progress / adversary.ramp : 1,
              random: random('start'),
            }),
          },
        }),
        steps: [
          {
            updates: [weights],
            loss(m, { inputs, labels }) {
              const logits = m.apply(classifier, [inputs], { training: true })
              return { loss: batchMean(crossEntropy(logits, labels)), logits }
            },
          },
        ],
      }),
    ],
    model: (m, images) => m.apply(classifier, [images]),
  }
  return runTraining(recipe, { ...resolved, threatModel: adversary?.threatModel })
}

/** PGD on the cross-entropy of a classifier at inference. */
function crossEntropyAttack(
  classifier: Module<[images: Value], Value>,
  { threatModel, steps, stepSize }: Required<Adversary>,
): InnerAttack {
  return {
    name: 'inner attack',
    steps,
    variables: { images: imageVariable({ threatModel, stepSize }) },
    loss: (m, { images, labels }) => crossEntropy(m.apply(classifier, [images]), labels),
  }
}
