/** The battery finds each defect of a network, and nothing else. */
import { expect, test } from 'vitest'
import { g } from '../../../core/engine/graph/graph.ts'
import type { Value } from '../../../core/engine/graph/value.ts'
import type { NetworkPlugin } from '../../../core/plugin/contract.ts'
import { networkConformance } from '../../../core/testing/index.ts'
import { flatten, linear } from '../../../core/training/layers.ts'
import type { LayerScope } from '../../../core/training/scope.ts'

type Build = (scope: LayerScope, images: Value, classes: number) => Value

const sound: Build = (scope, images, classes) =>
  linear(scope, g.relu(linear(scope, flatten(images), 6)), classes)

async function failures(build: Build): Promise<string[]> {
  const plugin: NetworkPlugin<never> = {
    kind: 'network',
    meta: { id: 'acme/little', apiVersion: 1, version: 1, title: 'L', provenance: 'own' },
    define: ({ classes }) => ({
      title: 'Little',
      build: (scope, images) => build(scope, images, classes),
    }),
  }
  const failed: string[] = []
  for (const { name, run } of networkConformance({ plugin, inputShapes: [[1, 4, 4]] })) {
    await run().catch((error: unknown) =>
      failed.push(`${name}: ${error instanceof Error ? error.message : String(error)}`),
    )
  }
  return failed.map((text) => text.replace('network acme/little: ', ''))
}

test('a sound network passes', async () => {
  expect(await failures(sound)).toEqual([])
})

test('too many logits', async () => {
  const [first] = await failures((scope, images, classes) => sound(scope, images, classes + 1))
  expect(first).toContain('for 2 classes, logits are [12, 3], not [12, 2]')
})

test('a parameter without effect', async () => {
  const failed = await failures((scope, images, classes) => {
    const unused = linear(scope, flatten(images), classes)
    return g.add(sound(scope, images, classes), g.mul(unused, 0))
  })
  expect(failed).toHaveLength(1)
  expect(failed[0]).toContain('the loss does not depend on the parameter "')
})

test('an image without effect', async () => {
  const failed = await failures((scope, images, classes) => sound(scope, g.mul(images, 0), classes))
  expect(failed[0]).toContain('all images have the same logits')
})

test('weights that do not come from the seed', async () => {
  let calls = 0
  const failed = await failures((scope, images, classes) =>
    g.add(sound(scope, images, classes), g.floats([1], [calls++])),
  )
  expect(failed).toEqual([
    '1 × 4 × 4: the seed determines its weights: two networks with the same seed differ',
  ])
})

test('rows that depend on each other', async () => {
  const failed = await failures((scope, images, classes) =>
    g.sub(
      sound(scope, images, classes),
      g.op(
        'ReduceMean',
        [
          sound(scope, images, classes),
          g.constant({ dtype: 'int64', shape: [1], data: new BigInt64Array([0n]) }),
        ],
        { keepdims: 1 },
      )[0]!,
    ),
  )
  expect(failed.join()).toContain('batch')
})
