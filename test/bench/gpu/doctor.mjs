/** What the machine has, and whether a provider of onnxruntime really runs a graph. */
import { execFileSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import * as ort from 'onnxruntime-node'
import { g } from '../../../dist/core/engine/graph/graph.js'
import { Session } from '../../../dist/core/engine/graph/session.js'
import { float32 } from '../../../dist/core/engine/tensor/tensor.js'
import { networkFile } from './models.mjs'
import { device, record } from './part.mjs'

if (device === 'doctor') {
  // PyTorch's part reads it, even if every other part fails.
  networkFile('resnet18-64')
  record('node', process.version)
  record('onnxruntime', ort.env.versions?.node ?? ort.env.versions?.common)
  record('processors', `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`)
  record('memoryGiB', Math.round(totalmem() / 2 ** 30))
  record('providers', ort.listSupportedBackends())
  record('libraryPath', process.env['LD_LIBRARY_PATH'] ?? '')
  record(
    'gpu',
    tryCommand('nvidia-smi', [
      '--query-gpu=name,memory.total,driver_version',
      '--format=csv,noheader',
    ]),
  )
} else {
  const x = g.input('x', 'float32', ['n', 3])
  const session = await Session.compile({ y: g.mul(x, 2) }, [x], { device })
  const { y } = await session.run({ x: float32([1, 3], Float32Array.of(1, 2, 3)) })
  const runs = Array.from(y.data).join() === '2,4,6'
  record('runs', runs)
  if (!runs) throw new Error(`${device} computes 2 · [1, 2, 3] = [${Array.from(y.data).join()}]`)
}

function tryCommand(command, words) {
  try {
    return execFileSync(command, words, { encoding: 'utf8' }).trim()
  } catch (error) {
    return `not available: ${error.message.split('\n')[0]}`
  }
}
