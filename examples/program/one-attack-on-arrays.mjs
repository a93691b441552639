/** Runs one attack on arrays: `node one-attack-on-arrays.mjs model.onnx`. */
import { getAttack, loadModel } from 'robench'
import { readFile } from 'node:fs/promises'

const [path = 'model.onnx'] = process.argv.slice(2)
const model = await loadModel(await readFile(path), { bounds: [0, 1], layout: 'NCHW' })

// Two gray images, labeled as the model classifies them.
const shape = [2, ...model.inputShape]
const size = shape.reduce((product, length) => product * length)
const inputs = { dtype: 'float32', shape, data: new Float32Array(size).fill(0.5) }
const logits = await model.logits(inputs)
const labels = [0, 1].map((row) => {
  const scores = logits.data.slice(row * model.classes, (row + 1) * model.classes)
  return scores.indexOf(Math.max(...scores))
})

const pgd = await getAttack('pgd')
const result = await pgd.run(model, inputs, labels, {
  norm: 'L2',
  epsilon: 3,
  options: { steps: 50 },
})
console.log(`${pgd.meta.title}: ${result.outcomes}, ${result.forwardPasses} forward passes`)
await model.dispose()
