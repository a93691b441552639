/** The fast gradient sign method (Goodfellow et al. 2015, arXiv:1412.6572) with a step size. */
import { createBall, rowOf } from 'robench/attack'
import { crossEntropy } from 'robench/graph'
import { defineAttack } from 'robench/plugin'

export const gradientStep = defineAttack({
  meta: {
    id: 'example/gradient-step',
    apiVersion: 1,
    version: 1,
    title: 'One signed gradient step',
    provenance: 'paper',
    norms: ['Linf'],
    knowledge: 'white-box',
    goals: ['untargeted'],
    stochastic: false,
    optionsSchema: {
      type: 'object',
      additionalProperties: false,
      properties: { step: { type: 'number', exclusiveMinimum: 0, maximum: 1, default: 1 } },
    },
  },
  // The type of `options` follows from the schema: { step: number }.
  async run({ model, inputs, labels, threatModel, options }) {
    const { gradient } = await model.gradient(inputs, labels, crossEntropy)
    const adversarial = { ...inputs, data: new Float32Array(inputs.data.length) }
    const length = options.step * threatModel.epsilon
    for (let row = 0; row < labels.length; row++) {
      const ball = createBall(threatModel, rowOf(inputs, row))
      const signs = rowOf(gradient, row).map(Math.sign)
      const point = Float64Array.from(ball.center, (x, i) => x + length * signs[i]!)
      ball.project(point, rowOf(adversarial, row))
    }
    return adversarial
  },
  // Passes for one example.
  cost: () => ({ forward: 1, backward: 1 }),
})
