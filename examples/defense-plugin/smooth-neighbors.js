/** A defense with its own training recipe: predictions that do not change within the ball. */
import { crossEntropy, g } from 'robench/graph'
import { defineDefense, plainManifest } from 'robench/plugin'
import {
  batchMean,
  channelStatistics,
  classifierModule,
  definePhase,
  imageVariable,
  klDivergence,
  runTraining,
  sgd,
  splitRows,
} from 'robench/training'

const validation = 100

export const smoothNeighbors = defineDefense({
  meta: {
    id: 'example/smooth-neighbors',
    apiVersion: 1,
    version: 1,
    title: 'Predictions that do not change within the ball',
    provenance: 'own',
    trains: true,
    optionsSchema: {
      type: 'object',
      additionalProperties: false,
      properties: {
        epochs: { type: 'integer', minimum: 1, default: 5 },
        weight: { type: 'number', minimum: 0, default: 3 },
      },
    },
  },
  async prepare(context) {
    const { options, seed, threads, signal, threatModel, checkpointFolder } = context
    const data = await context.loadTrain()
    const network = await context.network('small-cnn', { width: 8 })
    const { examples } = splitRows(data, seed, validation)
    const classifier = classifierModule(network, channelStatistics(data, examples))
    // Three steps that move the prediction away from that of the clean image.
    const attack = {
      name: 'neighbors',
      steps: 3,
      variables: {
        images: imageVariable({ threatModel, stepSize: threatModel.epsilon / 2 }),
      },
      reference: (m, clean) => m.apply(classifier, [clean]),
      loss: (m, { images, reference }) => klDivergence(reference, m.apply(classifier, [images])),
    }
    const weights = {
      name: 'weights',
      modules: [classifier],
      optimizer: sgd({ momentum: 0.9, weightDecay: 5e-4 }),
      rate: 0.1,
      schedule: 'one-cycle',
      averaging: { kind: 'ema', decay: 0.99 },
    }
    const phase = definePhase({
      name: 'training step',
      inputs: { images: { shape: data.shape }, moved: { shape: data.shape } },
      async prepare(batch) {
        const images = batch.images()
        const random = batch.random('start')
        const found = await batch.attack(attack, { images, labels: batch.labels, random })
        return { images, moved: found.images }
      },
      steps: [
        {
          updates: [weights],
          loss(m, { images, moved, labels }) {
            const [clean, other] = [images, moved].map((x) =>
              m.apply(classifier, [x], { training: true }),
            )
            const change = g.mul(klDivergence(clean, other), options.weight)
            return { loss: batchMean(g.add(crossEntropy(clean, labels), change)), logits: other }
          },
        },
      ],
    })
    const { model, epochs } = await runTraining(
      { phases: [phase], model: (m, images) => m.apply(classifier, [images]) },
      {
        data,
        epochs: options.epochs,
        batchSize: 128,
        validation,
        threatModel,
        seed,
        threads,
        signal,
        checkpointFolder,
        identity: JSON.stringify(['example/smooth-neighbors@1', options, threatModel]),
        progress: (state) => context.progress(state),
      },
    )
    return { model, manifest: plainManifest, training: { options, epochs } }
  },
})
