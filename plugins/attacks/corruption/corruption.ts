/** Common corruptions: non-adversarial changes of images. */
import { setImmediate } from 'node:timers/promises'
import { createBall } from '../../../core/api/attack.ts'
import { float32, sizeOf } from '../../../core/api/graph.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'
import { defineAttack } from '../../../core/api/plugin.ts'
import type { AttackContext, JSONSchema } from '../../../core/api/plugin.ts'
import { corruptionIds } from '../../../core/api/transforms.ts'
import type { CorruptionId } from '../../../core/api/transforms.ts'
import { corrupt, severities } from './corruptions/corruption-record.ts'
import type { Severity } from './corruptions/corruption-record.ts'
import { corruptions } from './corruptions/corruption-table.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['corruption', 'severity'],
  properties: {
    corruption: {
      enum: corruptionIds,
      description: 'name of the corruption in CIFAR-10-C, with hyphens',
    },
    severity: { enum: severities, description: 'from 1 (mild) to 5 (severe)' },
    quantize: {
      type: 'boolean',
      default: true,
      description: 'round the input and the output to 8 bits per value, as in CIFAR-10-C',
    },
  },
} as const satisfies JSONSchema

interface CorruptionOptions {
  readonly corruption: CorruptionId
  readonly severity: Severity
  readonly quantize: boolean
}

/**
 * One of the 19 corruptions of CIFAR-10-C at one of 5 severities. Each image has its own random
 * stream. The attack never evaluates the model, so it costs no passes. Inputs are scaled from the
 * bounds to [0, 1], corrupted, and scaled back. Three channels are read as red, green, and blue.
 * Constants are those for 32 × 32 pixels at any image size: lengths in pixels do not scale.
 *
 * Differs from the published images: frost textures are procedural, so frost is not comparable;
 * random numbers differ; docs/corruptions.md lists the other differences.
 * @see Hendrycks and Dietterich 2019
 */
export const corruption = defineAttack({
  meta: {
    id: 'corruption',
    apiVersion: 1,
    version: 1,
    title: 'Common corruptions',
    source: papers.hendrycks2019,
    provenance: 'paper+code',
    norms: ['Linf', 'L2', 'L1'],
    knowledge: 'black-box',
    goals: ['untargeted'],
    stochastic: true,
    transforms: ['corruption'],
    optionsSchema,
  },
  run: corruptAll,
  cost: () => ({ forward: 0, backward: 0 }),
})

async function corruptAll(context: AttackContext<CorruptionOptions>): Promise<FloatTensor> {
  const { inputs, options, rng, batchSize, signal } = context
  const { severity, quantize } = options
  const chosen = corruptions[options.corruption]
  const [count = 0, channels = 1, height = 1, width = 1] = inputs.shape
  const size = sizeOf([channels, height, width])
  const [low, high] = context.threatModel.bounds
  const range = high - low
  // Only the bounds limit a corruption. A ball as large as their range rounds values into them.
  const box = { norm: 'Linf', epsilon: range, bounds: [low, high] } as const
  const adversarial = float32(inputs.shape, new Float32Array(inputs.data.length))
  for (let row = 0; row < count; row++) {
    if (row % batchSize === 0) {
      // The loop is synchronous otherwise; yield so that an abort can arrive.
      await setImmediate()
      signal.throwIfAborted()
    }
    const center = inputs.data.subarray(row * size, (row + 1) * size)
    const data = Float64Array.from(center, (value) => (value - low) / range)
    const stream = rng.stream(row, 0, `${options.corruption} ${severity}`)
    const image = { channels, height, width, data }
    const corrupted = corrupt(chosen, image, { severity, stream, quantize })
    const point = corrupted.data.map((value) => low + range * value)
    const output = adversarial.data.subarray(row * size, (row + 1) * size)
    createBall(box, center).project(point, output)
    context.progress(row + 1)
  }
  return adversarial
}
