/** Graphs for CUDA have only nodes with a CUDA kernel, so that no batch returns to the host. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { gradient } from '../../../../core/engine/graph/gradient.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import { finishFor } from '../../../../core/engine/graph/session.ts'
import { topologicalOrder, type Value } from '../../../../core/engine/graph/value.ts'
import { crossEntropy } from '../../../../core/model/losses.ts'
import { classifierModule } from '../../../../core/training/module.ts'
import { batchMean } from '../../../../core/training/objectives.ts'
import { adam, sgd } from '../../../../core/training/optimizer.ts'
import { phaseGraph } from '../../../../core/training/phase-graph.ts'
import builtins from '../../../../plugins/index.ts'
import { build, EmptyStore, networkOf } from '../../../plugins/networks/support.ts'

/** Types of the inputs by operator, seen on the CUDA provider by `test/bench/gpu/cuda/probe.py`. */
const { kernels } = JSON.parse(
  readFileSync(new URL('cuda-kernels.json', import.meta.url), 'utf8'),
) as { readonly kernels: Readonly<Record<string, readonly string[]>> }

/** Signatures without a kernel among the nodes that a session on CUDA gets. */
async function missing(values: readonly Value[]): Promise<string[]> {
  const finish = await finishFor(values, { device: 'cuda' })
  const lacking = topologicalOrder(finish(values))
    .filter(({ op }) => op !== 'Input' && op !== 'Constant')
    .map(({ op, inputs }) => ({ op, types: inputs.map((value) => value?.dtype ?? '').join() }))
    .filter(({ op, types }) => !kernels[op]?.includes(types))
    .map(({ op, types }) => `${op}(${types})`)
  return [...new Set(lacking)]
}

const shape = [3, 32, 32] as const
const networks = Object.keys(builtins.networks!)

describe('on CUDA', () => {
  it('a node that was not seen on CUDA is reported', async () => {
    const x = g.input('x', 'float32', [2, 2])
    expect(await missing([g.not(g.less(g.relu(x), 0))])).toEqual([
      'Less(float32,float32)',
      'Not(bool)',
    ])
  })

  it.each(networks)('%s: logits and their gradient', async (id) => {
    const network = await networkOf(id)
    const { images, logits } = build(network, shape, { store: new EmptyStore(0) })
    const labels = g.input('labels', 'int64', ['n'])
    const [slope] = gradient(crossEntropy(logits, labels), [images])
    expect(await missing([logits, slope!])).toEqual([])
  })

  it.each(networks)('%s: a training step with sgd and adam', async (id) => {
    const classifier = classifierModule(await networkOf(id), {
      mean: [0.5, 0.5, 0.5],
      std: [0.25, 0.25, 0.25],
    })
    for (const optimizer of [sgd({ momentum: 0.9, weightDecay: 5e-4 }), adam()]) {
      const { outputs } = phaseGraph(
        {
          name: 'step',
          inputs: { inputs: { shape } },
          prepare: (current) => ({ inputs: current.images() }),
          steps: [
            {
              updates: [{ name: 'weights', modules: [classifier], optimizer, rate: 0.1 }],
              loss(m, { inputs, labels }) {
                const logits = m.apply(classifier, [inputs!], { training: true })
                return { loss: batchMean(crossEntropy(logits, labels!)), logits }
              },
            },
          ],
        },
        new EmptyStore(0),
        8,
      )
      expect(await missing(Object.values(outputs))).toEqual([])
    }
  })
})
