/** The host verifies everything: each way for an attack to cheat or fail has its error. */
import { describe, expect, test } from 'vitest'
import { PluginError, RunError } from '../../../core/base/errors.ts'
import type {
  AttackContext,
  AttackMeta,
  AttackPlugin,
  StagedResult,
} from '../../../core/plugin/contract.ts'
import { runAttack } from '../../../core/plugin/host.ts'
import { float32 } from '../../../core/engine/tensor/tensor.ts'
import type { FloatTensor } from '../../../core/engine/tensor/tensor.ts'
import { fgsm } from '../../../plugins/attacks/gradient/fgsm.ts'
import { pgd } from '../../../plugins/attacks/gradient/pgd.ts'
import { linearCase, withOptions } from '../../support/attack-request.ts'

const threatModel = { norm: 'Linf', epsilon: 0.25, bounds: [0, 1] } as const
const shape = { classes: 3, count: 6, size: 4 }

/** An attack with that function as `run`. */
function attackBy(
  run: (context: AttackContext) => Promise<FloatTensor | StagedResult>,
  meta: Partial<AttackMeta> = {},
): AttackPlugin<never> {
  return {
    kind: 'attack',
    meta: {
      id: 'acme/test',
      apiVersion: 1,
      version: 3,
      title: 'Test',
      provenance: 'own',
      norms: ['Linf', 'L2'],
      knowledge: 'white-box',
      goals: ['untargeted'],
      stochastic: false,
      ...meta,
    },
    run,
    cost: () => ({ forward: 0, backward: 0 }),
  }
}

/** Runs an attack with that function on examples 100, 101, … */
async function host(
  run: (context: AttackContext) => Promise<FloatTensor>,
  changes: { signal?: AbortSignal; timeLimitMs?: number; meta?: Partial<AttackMeta> } = {},
) {
  const { meta, ...others } = changes
  const { request } = await linearCase(shape, { threatModel, ...others })
  const exampleIndices = Array.from(request.labels.keys(), (row) => 100 + row)
  return runAttack({ ...request, exampleIndices, plugin: attackBy(run, meta), options: {} })
}

/** The inputs with one component of the third example changed. */
function changed(inputs: FloatTensor, value: (x: number) => number): FloatTensor {
  const data = inputs.data.slice()
  data[9] = value(data[9]!)
  return float32(inputs.shape, data)
}

describe('a result outside the threat model is rejected with plugin, example, and distance', () => {
  test('outside the ball by the smallest amount', async () => {
    const { request } = await linearCase(shape, { threatModel })
    const x = request.inputs.data[9]!
    const beyond = Math.fround(x + (x > 0.5 ? -0.25001 : 0.25001))
    await expect(
      host(async ({ inputs }) => changed(inputs, () => beyond)),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[PluginError: attack acme/test (version 3): its result for example 102 leaves the Linf ball: its distance 0.2500099912285805 exceeds epsilon 0.25 by 0.000009991228580474854]`,
    )
  })
  test('outside the bounds', async () => {
    await expect(
      host(async ({ inputs }) => changed(inputs, () => -0.0001)),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[PluginError: attack acme/test (version 3): its result for example 102 leaves the bounds [0, 1]: component 1 is -0.00009999999747378752, beyond by 0.00009999999747378752]`,
    )
  })
  test('not finite', async () => {
    await expect(
      host(async ({ inputs }) => changed(inputs, () => Number.NaN)),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[PluginError: attack acme/test (version 3): its result for example 102 is not finite: component 1 is NaN]`,
    )
  })
  test('of another shape', async () => {
    await expect(
      host(async () => float32([6, 4], new Float32Array(24))),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[PluginError: attack acme/test (version 3): expected a float32 tensor of shape [6, 1, 1, 4], got shape [6,4] with 24 elements]`,
    )
  })
  test('of another type', async () => {
    const run = async ({ inputs }: AttackContext): Promise<unknown> => ({
      dtype: 'float64',
      shape: inputs.shape,
      data: Float64Array.from(inputs.data),
    })
    await expect(
      host(run as (context: AttackContext) => Promise<FloatTensor>),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[PluginError: attack acme/test (version 3): expected a float32 tensor of shape [6, 1, 1, 4], got dtype float64]`,
    )
  })
  test('without a tensor', async () => {
    const run = async (): Promise<unknown> => undefined
    await expect(
      host(run as () => Promise<FloatTensor>),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[PluginError: attack acme/test (version 3): expected a float32 tensor of shape [6, 1, 1, 4], got undefined]`,
    )
  })
})

describe('a plugin that breaks its contract is rejected', () => {
  test('if it modifies its inputs', async () => {
    await expect(
      host(async ({ inputs }) => {
        inputs.data[0] = 0.5
        return inputs
      }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[PluginError: attack acme/test (version 3) modified its inputs or labels; attacks must work on a copy]`,
    )
  })
  test('if it computes gradients as a black-box attack', async () => {
    await expect(
      host(
        async ({ model, inputs, labels }) =>
          (await model.gradient(inputs, labels, (logits) => logits)).gradient,
        { meta: { knowledge: 'black-box' } },
      ),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[PluginError: acme/test (version 3): model.gradient is not available: its meta.knowledge is "black-box"; declare "white-box", or use model.logits]`,
    )
  })
  test('if it throws', async () => {
    const failure = host(async () => {
      throw new TypeError('x is undefined')
    })
    await expect(failure).rejects.toThrowErrorMatchingInlineSnapshot(
      `[PluginError: attack acme/test (version 3) failed: x is undefined]`,
    )
    await expect(failure).rejects.toMatchObject({
      code: 'ROBENCH_PLUGIN_FAILED',
      details: { pluginId: 'acme/test', pluginVersion: 3 },
    })
    await expect(failure).rejects.toBeInstanceOf(PluginError)
  })
  test('but errors of the model and of options are passed on unchanged', async () => {
    const { request } = await linearCase(shape, { threatModel })
    const chosen = withOptions(fgsm, { goal: 'targeted', target: 7 })
    await expect(runAttack({ ...request, ...chosen })).rejects.toMatchObject({
      code: 'ROBENCH_CONFIG',
    })
  })
})

describe('an attack is stopped', () => {
  const passes = async ({ model, inputs }: AttackContext): Promise<FloatTensor> => {
    for (;;) {
      await model.logits(inputs)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  test('at its time limit, even if it ignores its signal', async () => {
    await expect(host(passes, { timeLimitMs: 30 })).rejects.toThrowErrorMatchingInlineSnapshot(
      `[RunError: attack acme/test (version 3) exceeded its time limit of 30 ms; raise the limit, or run fewer steps or examples]`,
    )
  })
  test('when the run is aborted', async () => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 20)
    const stopped = host(passes, { signal: controller.signal })
    await expect(stopped).rejects.toThrowErrorMatchingInlineSnapshot(
      `[RunError: attack acme/test (version 3) was interrupted]`,
    )
    await expect(stopped).rejects.toBeInstanceOf(RunError)
  })
  test('before it starts, if the run was already aborted', async () => {
    let started = false
    const run = async ({ inputs }: AttackContext): Promise<FloatTensor> => {
      started = true
      return inputs
    }
    await expect(host(run, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ROBENCH_ABORTED',
    })
    expect(started).toBe(false)
  })
  test('after a grace period, if it never ends', async () => {
    await expect(host(() => new Promise(() => {}), { timeLimitMs: 5 })).rejects.toMatchObject({
      code: 'ROBENCH_TIMEOUT',
    })
  })
})

describe('the outcome', () => {
  test('is w for misclassified examples, which are neither attacked nor changed', async () => {
    const { request } = await linearCase(shape, { threatModel: { ...threatModel, epsilon: 1 } })
    const cleanPredictions = request.labels.map((label, row) => (row % 2 ? label : (label + 1) % 3))
    const result = await runAttack({ ...request, ...withOptions(pgd), cleanPredictions })
    expect(result.outcomes).toMatch(/^(w[rb])+$/)
    expect(result.adversarial.data.subarray(0, 4)).toEqual(request.inputs.data.subarray(0, 4))
  })
  test('is w only, without running the attack, if every example is misclassified', async () => {
    const { request } = await linearCase(shape, { threatModel })
    const cleanPredictions = request.labels.map((label) => (label + 1) % 3)
    const plugin = attackBy(() => Promise.reject(new Error('called')))
    const result = await runAttack({ ...request, plugin, options: {}, cleanPredictions })
    expect(result).toMatchObject({ outcomes: 'wwwwww', forwardPasses: 0, backwardPasses: 0 })
  })
  test('is r for an attack that returns its inputs', async () => {
    const result = await host(async ({ inputs }) => inputs)
    expect(result).toMatchObject({ outcomes: 'rrrrrr', forwardPasses: 0, backwardPasses: 0 })
  })
  test('is the host’s own even if an attack claims a stage that broke it', async () => {
    const plugin = attackBy(async ({ inputs, labels }) => ({
      adversarial: inputs,
      stages: ['boast'],
      brokenBy: labels.map(() => 0),
    }))
    const { request } = await linearCase(shape, { threatModel })
    expect(await runAttack({ ...request, plugin, options: {} })).toMatchObject({
      outcomes: 'rrrrrr',
      stages: [{ name: 'boast', outcomes: 'rrrrrr' }],
    })
  })
  test('counts the passes of the attack, not those of the verification', async () => {
    const result = await host(async ({ model, inputs }) => {
      await model.logits(inputs)
      return inputs
    })
    expect(result).toMatchObject({ forwardPasses: 6, backwardPasses: 0 })
  })
  test('of an example does not depend on its position', async () => {
    const { request } = await linearCase({ ...shape, count: 30 }, { threatModel })
    const whole = await runAttack({ ...request, ...withOptions(pgd) })
    const part = await runAttack({
      ...request,
      ...withOptions(pgd),
      inputs: float32([10, 1, 1, 4], request.inputs.data.slice(80)),
      labels: request.labels.slice(20),
      cleanPredictions: request.labels.slice(20),
      exampleIndices: Array.from({ length: 10 }, (_, row) => 20 + row),
    })
    expect(part.adversarial.data).toEqual(whole.adversarial.data.slice(80))
  })
})
