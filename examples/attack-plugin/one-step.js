/** The fast gradient sign method (Goodfellow et al. 2015, arXiv:1412.6572). */
import { createBall, rowOf } from 'robench/attack'
import { crossEntropy } from 'robench/graph'
import { defineAttack } from 'robench/plugin'

export const oneStep = defineAttack({
  meta: {
    id: 'example/one-step',
    apiVersion: 1,
    version: 1,
    title: 'One signed gradient step',
    provenance: 'paper',
    norms: ['Linf'],
    knowledge: 'white-box',
    goals: ['untargeted'],
    stochastic: false,
  },
  async run({ model, inputs, labels, threatModel }) {
    const { gradient } = await model.gradient(inputs, labels, crossEntropy)
    const adversarial = { ...inputs, data: new Float32Array(inputs.data.length) }
    for (let row = 0; row < labels.length; row++) {
      const ball = createBall(threatModel, rowOf(inputs, row))
      const signs = rowOf(gradient, row).map(Math.sign)
      const point = Float64Array.from(signs, (s, i) => ball.center[i] + s * threatModel.epsilon)
      ball.project(point, rowOf(adversarial, row))
    }
    return adversarial
  },
  // Passes for one example.
  cost: () => ({ forward: 1, backward: 1 }),
})
