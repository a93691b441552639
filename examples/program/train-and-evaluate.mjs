/** Trains a robust model and evaluates it: `node train-and-evaluate.mjs robust.onnx 3`. */
import { evaluate, train } from 'robench'

const [path = 'robust.onnx', epochs = '3'] = process.argv.slice(2)
const threatModel = { norm: 'Linf', epsilon: '2/255' }

const trained = await train({
  network: 'small-cnn',
  data: 'quickstart',
  epochs: Number(epochs),
  batchSize: 64,
  averaging: 0.98,
  flip: false,
  adversary: { ...threatModel, steps: 1, stepSize: '2/255', ramp: 1 },
  progress: ({ epoch, step, steps, loss }) => {
    if (step === steps) console.log(`epoch ${epoch + 1}: loss ${loss.toFixed(3)}`)
  },
})
await trained.save(path)

const { clean, worstCase } = await evaluate({
  model: path,
  data: 'quickstart',
  limit: 100,
  threatModel,
  attacks: ['apgd-ce', { id: 'square', options: { queries: 200 } }],
  checks: false,
})
const { low, high } = worstCase.interval
console.log(`clean ${clean.accuracy}, robust ${worstCase.accuracy} (${low} to ${high})`)
