/** A black-box attack with an option: evaluates random corners of the ball. */
import { createBall, rowOf } from 'robench/attack'
import { sliceRows, predictions } from 'robench/graph'
import { defineAttack } from 'robench/plugin'

export const randomCorner = defineAttack({
  meta: {
    id: 'example/random-corner',
    apiVersion: 1,
    version: 1,
    title: 'Random corners',
    provenance: 'own',
    norms: ['Linf'],
    knowledge: 'black-box',
    goals: ['untargeted'],
    stochastic: true,
    optionsSchema: {
      type: 'object',
      additionalProperties: false,
      properties: {
        tries: { type: 'integer', minimum: 1, default: 4, description: 'corners per example' },
      },
    },
  },
  async run({ model, inputs, labels, threatModel, options, rng, batchSize, signal, progress }) {
    const count = labels.length
    const adversarial = { ...inputs, data: inputs.data.slice() }
    for (let start = 0; start < count; start += batchSize) {
      const batch = sliceRows(inputs, start, Math.min(start + batchSize, count))
      const candidates = { ...batch, data: new Float32Array(batch.data.length) }
      for (let attempt = 0; attempt < options.tries; attempt++) {
        signal.throwIfAborted()
        for (let row = 0; row < batch.shape[0]; row++) {
          // The stream belongs to the example, so results do not depend on the batch size.
          const stream = rng.stream(start + row, attempt)
          const ball = createBall(threatModel, rowOf(batch, row))
          const sign = () => (stream.uniform() < 0.5 ? -1 : 1)
          const corner = Float64Array.from(ball.center, (x) => x + sign() * threatModel.epsilon)
          ball.project(corner, rowOf(candidates, row))
        }
        const predicted = predictions(await model.logits(candidates))
        predicted.forEach((label, row) => {
          if (label === labels[start + row]) return
          rowOf(adversarial, start + row).set(rowOf(candidates, row))
        })
      }
      progress(Math.min(start + batchSize, count))
    }
    return adversarial
  },
  cost: ({ tries }) => ({ forward: tries, backward: 0 }),
})
