/** Graphs for CUDA have only nodes with a CUDA kernel, so that no batch returns to the host. */
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { gradient } from '../../../../core/engine/graph/gradient.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import { importGraph } from '../../../../core/engine/graph/import.ts'
import { finishFor } from '../../../../core/engine/graph/session.ts'
import { topologicalOrder, type Value } from '../../../../core/engine/graph/value.ts'
import { readOnnx } from '../../../../core/engine/onnx/file.ts'
import { packageRoot } from '../../../../core/base/paths.ts'
import { cautiousLogits, scaledGradient } from '../../../../core/model/half-gradient.ts'
import { crossEntropy, dlr, dlrTargeted, margin } from '../../../../core/model/losses.ts'
import { repeatStep, stepPrecision } from '../../../../core/model/step-programs.ts'
import { imageVariable } from '../../../../core/training/attack-variable.ts'
import type { InnerAttack } from '../../../../core/training/inner-attack.ts'
import { classifierModule } from '../../../../core/training/module.ts'
import { batchMean } from '../../../../core/training/objectives.ts'
import { adam, sgd } from '../../../../core/training/optimizer.ts'
import { phaseGraph } from '../../../../core/training/phase-graph.ts'
import { apgdDefinition } from '../../../../plugins/attacks/apgd/device-steps.ts'
import { ascentDefinition } from '../../../../plugins/attacks/gradient/device-ascent.ts'
import builtins from '../../../../plugins/index.ts'
import { build, EmptyStore, networkOf } from '../../../plugins/networks/support.ts'

/** Types of inputs by operator, as `test/bench/gpu/cuda/probe.py` saw them on the CUDA provider. */
const { kernels } = JSON.parse(
  readFileSync(new URL('cuda-kernels.json', import.meta.url), 'utf8'),
) as { readonly kernels: Readonly<Record<string, readonly string[]>> }

/** Signatures without a kernel among the nodes that a session on CUDA gets. */
async function missing(values: readonly Value[], half = false): Promise<string[]> {
  const finish = await finishFor(values, { device: 'cuda', half })
  const lacking = topologicalOrder(finish(values))
    .filter(({ op }) => op !== 'Input' && op !== 'Constant')
    .map(({ op, inputs }) => ({ op, types: inputs.map((value) => value?.dtype ?? '').join() }))
    .filter(({ op, types }) => !kernels[op]?.includes(types))
    .map(({ op, types }) => `${op}(${types})`)
  return [...new Set(lacking)]
}

const shape = [3, 32, 32] as const
const labels = g.input('labels', 'int64', ['n'])
const losses = { crossEntropy, margin, dlr }
const networks = Object.keys(builtins.networks!)

const kind = { loss: 'cross-entropy', targeted: true, stops: true, hasMomentum: true } as const
const stepsOfAttacks = {
  'mim in Linf': ascentDefinition({ ...kind, norm: 'Linf' }),
  'mim in L2': ascentDefinition({ ...kind, norm: 'L2' }),
  'apgd-ce in Linf': apgdDefinition('Linf', crossEntropy),
  'apgd-t in L2': apgdDefinition('L2', dlrTargeted),
}

/** PGD with two steps on a classifier, as adversarial training takes them on the device. */
function innerAttack(
  classifier: ReturnType<typeof classifierModule>,
  norm: 'Linf' | 'L2',
): InnerAttack {
  const threatModel = { norm, epsilon: 0.1, bounds: [0, 1] } as const
  return {
    name: 'attack',
    steps: 2,
    variables: { images: imageVariable({ threatModel, stepSize: 0.02, momentum: 1 }) },
    loss: (m, { images, labels: classes }) => crossEntropy(m.apply(classifier, [images]), classes),
  }
}

describe('on CUDA', () => {
  it('a node that was not seen on CUDA is reported', async () => {
    const x = g.input('x', 'float32', [2, 2])
    expect(await missing([g.not(g.less(g.relu(x), 0))])).toEqual([
      'Less(float32,float32)',
      'Not(bool)',
    ])
  })

  it.each(Object.entries(losses))(
    'a shipped model: logits and the gradient of %s',
    async (_, loss) => {
      const file = await readFile(join(packageRoot(), 'models', 'cifar10-pgd-at.onnx'))
      const { inputs, outputs } = await importGraph(readOnnx(new Uint8Array(file), 'shipped'), {
        name: 'shipped',
      })
      const [slope] = gradient(loss(outputs['logits']!, labels), inputs)
      expect(await missing([outputs['logits']!, slope!])).toEqual([])
    },
  )

  it.each(networks)('%s: logits and the gradient of each loss', async (id) => {
    const network = await networkOf(id)
    const { images, logits } = build(network, shape, { store: new EmptyStore(0) })
    const slopes = Object.values(losses).map((loss) => gradient(loss(logits, labels), [images])[0]!)
    expect(await missing([logits, ...slopes])).toEqual([])
  })

  it.each(networks)('%s: a gradient pass in half precision', async (id) => {
    const network = await networkOf(id)
    const { images, logits } = build(network, shape, { store: new EmptyStore(0) })
    const outputs = { logits, losses: crossEntropy(logits, labels) }
    const slope = scaledGradient(outputs.losses, logits, images, {})
    expect(await missing([cautiousLogits(outputs, labels, labels), slope], true)).toEqual([])
  })

  it.each(Object.entries(stepsOfAttacks))('a step of %s', async (_, definition) => {
    const images = g.input('inputs', 'float32', ['n', ...shape])
    const targets = g.input('targets', 'int64', ['n'])
    const logits = g.matMul(
      g.reshape(images, [-1, 3072]),
      g.floats([3072, 4], Array(12288).fill(0)),
    )
    const loss = definition.loss(logits, labels, targets)
    const outputs = { logits, losses: loss, gradient: gradient(loss, [images])[0]! }
    const pass = { inputs: [images, labels, targets], outputs } as const
    const steps = repeatStep(pass, definition, 2, stepPrecision('cuda'))
    expect(await missing(Object.values(steps.outputs))).toEqual([])
  })

  it.each(networks)('%s: a training step with sgd and adam', async (id) => {
    const classifier = classifierModule(await networkOf(id), {
      mean: [0.5, 0.5, 0.5],
      std: [0.25, 0.25, 0.25],
    })
    for (const [norm, optimizer] of [
      ['Linf', sgd({ momentum: 0.9, weightDecay: 5e-4 })],
      ['L2', adam()],
    ] as const) {
      const { outputs } = phaseGraph(
        {
          name: 'step',
          inputs: { inputs: { shape } },
          prepare: (current) => ({ inputs: current.images() }),
          attack: {
            definition: innerAttack(classifier, norm),
            input: 'inputs',
            settings: ({ random }) => ({ random: random('start') }),
          },
          steps: [
            {
              updates: [{ name: 'weights', modules: [classifier], optimizer, rate: 0.1 }],
              loss(m, { inputs, labels: classes }) {
                const logits = m.apply(classifier, [inputs!], { training: true })
                return { loss: batchMean(crossEntropy(logits, classes!)), logits }
              },
            },
          ],
        },
        new EmptyStore(0),
        { batch: 8, batches: 2, attackInside: true },
      )
      expect(await missing(Object.values(outputs))).toEqual([])
    }
  })
})
