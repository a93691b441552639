/** Attacks an ONNX file: `node attack-an-onnx-file.mjs model.onnx cifar10`. */
import { evaluate } from 'robench'

const [model = 'model.onnx', data = 'cifar10'] = process.argv.slice(2)
const { clean, worstCase } = await evaluate({
  model,
  data,
  limit: 100,
  threatModel: { norm: 'Linf', epsilon: '8/255' },
  attacks: ['autoattack'],
})
console.log(`clean ${clean.accuracy}, robust ${worstCase.accuracy}`)
