/** Requests to `evaluate` on the tiny problem. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'npyjs'
import type { EvaluateRequest } from '../../../core/api/index.ts'
import { temporaryFolder } from '../../e2e/support/cli.ts'
import { tinyModel, writeTinyProblem } from '../../e2e/support/tiny-problem.ts'

/** The array in a .npy file. */
function readArray(path: string): unknown {
  // `parse` reads from the start of the underlying buffer, so the bytes are copied.
  return parse(new Uint8Array(readFileSync(path)).buffer).data
}

/** The tiny problem's arrays, read as a program would. */
export function tinyArrays(folder: string): { inputs: Float32Array; labels: Uint8Array } {
  return {
    inputs: readArray(join(folder, 'inputs.npy')) as Float32Array,
    labels: readArray(join(folder, 'labels.npy')) as Uint8Array,
  }
}

interface TinyData {
  readonly inputs: { readonly data: Float32Array; readonly shape: readonly number[] }
  readonly labels: Uint8Array
}

/** The first `count` examples of the tiny problem and its model. */
export function tinyRequest(
  count = 40,
): Omit<EvaluateRequest, 'data'> & { readonly data: TinyData } {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  const { inputs, labels } = tinyArrays(folder)
  return {
    model: tinyModel(),
    data: {
      inputs: { data: inputs.slice(0, count * 64), shape: [count, 1, 8, 8] },
      labels: labels.slice(0, count),
    },
    threatModel: { norm: 'Linf', epsilon: '16/255' },
    attacks: ['pgd'],
    checks: false,
  }
}
