/** A device's logits, gradients and outcomes beside the CPU's, on the shipped network. */
import { cpus } from 'node:os'
import { crossEntropy } from '../../../dist/core/model/losses.js'
import { sliceRows } from '../../../dist/core/engine/tensor/tensor.js'
import { evaluate } from './evaluate.mjs'
import { readExamples } from './examples.mjs'
import { loadNetwork } from './models.mjs'
import { device, examplesFile, record, small } from './part.mjs'

const count = small ? 8 : 200
const { inputs, labels } = readExamples(examplesFile, count)
const [own, reference] = [
  await loadNetwork('shipped', device),
  await loadNetwork('shipped', 'cpu', cpus().length),
]
const answers = async (model) => {
  const { logits, gradient } = await model.gradient(inputs, labels, crossEntropy)
  return { logits: logits.data, gradient: gradient.data }
}
const [ours, theirs] = [await answers(own), await answers(reference)]
record('examples', count)
record('logitDifference', relativeDifference(ours.logits, theirs.logits))
record('gradientDifference', relativeDifference(ours.gradient, theirs.gradient))
for (const [id, options] of attacks()) {
  const found = await evaluate(own, sliceRows(inputs, 0, count), labels, id, options, 128)
  record(id, { robust: shareOf(found.outcomes), seconds: found.seconds })
  const expected = await evaluate(reference, inputs, labels, id, options, 64)
  const differ = [...found.outcomes].filter((outcome, i) => outcome !== expected.outcomes[i]).length
  record(id, {
    robust: shareOf(found.outcomes),
    robustOnCpu: shareOf(expected.outcomes),
    differ,
    seconds: found.seconds,
    secondsOnCpu: expected.seconds,
  })
}

function attacks() {
  const pgd = ['pgd', { steps: small ? 5 : 20, stepSize: '2/255' }]
  return small ? [pgd] : [pgd, ['autoattack', {}]]
}

function shareOf(outcomes) {
  return [...outcomes].filter((outcome) => outcome === 'r').length / outcomes.length
}

/** ‖a − b‖ / ‖b‖ */
function relativeDifference(a, b) {
  let difference = 0
  let length = 0
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2
    length += b[i] ** 2
  }
  return Math.sqrt(difference / length)
}
