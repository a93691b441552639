/** The measured networks, as models and as files: the shipped one, and ResNet-18. */
import { readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadModel } from '../../../dist/core/model/load.js'
import { plainManifest } from '../../../dist/core/model/manifest.js'
import { imageShape, initialModel, resnet18 } from '../networks.mjs'
import { root } from './part.mjs'

/** @returns the path of the .onnx file, and its manifest */
export function networkFile(network) {
  if (network === 'shipped') {
    const file = join(root, 'models', 'cifar10-pgd-at.onnx')
    return { file, manifest: JSON.parse(readFileSync(`${file}.json`, 'utf8')).manifest }
  }
  const file = join(tmpdir(), 'robench-resnet18-64.onnx')
  writeFileSync(file, initialModel(resnet18(64)))
  return { file, manifest: plainManifest }
}

/**
 * @param threads for the CPU alone
 * @param stepping where steps of attacks are computed; by default as robench chooses
 */
export async function loadNetwork(network, device, threads = 1, stepping) {
  const { file, manifest } = networkFile(network)
  return loadModel(new Uint8Array(readFileSync(file)), manifest, {
    device,
    threads,
    inputShape: imageShape,
    ...(stepping && { stepping }),
  })
}
