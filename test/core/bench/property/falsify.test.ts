/** VNN-LIB properties: parsing, and counterexamples of a linear model whose answer is known. */
import { expect, test } from 'vitest'
import { falsify, searchCase } from '../../../../core/bench/property/falsify.ts'
import { parseVnnlib } from '../../../../core/bench/property/vnnlib.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import { toOnnx } from '../../../../core/engine/graph/serialize.ts'
import { loadModel } from '../../../../core/model/load.ts'
import { plainManifest } from '../../../../core/model/manifest.ts'
import { loadRegistry } from '../../../../core/plugin/load.ts'

/** X_0, X_1 in [0, 0.5], and the condition. */
function property(condition: string): string {
  return [
    '; two inputs and two outputs',
    ...['X_0', 'X_1', 'Y_0', 'Y_1'].map((name) => `(declare-const ${name} Real)`),
    ...['X_0', 'X_1'].flatMap((name) => [`(assert (>= ${name} 0.0))`, `(assert (<= ${name} 0.5))`]),
    `(assert ${condition})`,
  ].join('\n')
}

test('constraints are read as alternatives, and bounds as boxes', () => {
  const { inputs, outputs, cases } = parseVnnlib(
    property('(or (and (>= Y_0 Y_1)) (and (<= Y_0 -1) (>= (+ Y_1 (* 2 Y_0)) 3)))'),
    'p',
  )
  expect([inputs, outputs, cases.length]).toEqual([2, 2, 1])
  expect([...cases[0]!.upper]).toEqual([0.5, 0.5])
  expect(
    cases[0]!.alternatives.map((all) => all.map(({ outputs: w, constant }) => [...w, constant])),
  ).toEqual([
    [[[1, 1], [0, -1], 0]],
    [
      [[0, 1], 1],
      [[1, -1], [0, -2], 3],
    ],
  ])
  expect(() => parseVnnlib('(declare-const X_0 Real)(declare-const Y_0 Real)', 'p')).toThrow(
    'p: X_0 has no lower or no upper bound',
  )
  expect(() => parseVnnlib(property('(<= Y_11 Y_0)'), 'p')).toThrow(
    /p: .*names Y_11, which it does not declare \(Y_0 to Y_\d\)/,
  )
  expect(() => parseVnnlib(property('(<= (* Y_0 Y_1) 0)'), 'p')).toThrow(
    'p: is not linear: (* Y_0 Y_1)',
  )
})

test('a property is sat exactly where the largest value of a linear model says so', async () => {
  // Y_0 = X_0 + X_1, at most 1 in the box; Y_1 = 0.75.
  const images = g.input('images', 'float32', ['n', 1, 1, 2])
  const logits = g.gemm(
    g.op('Flatten', [images])[0]!,
    g.floats([2, 2], [1, 1, 0, 0]),
    g.floats([2], [0, 0.75]),
    { transB: 1 },
  )
  const bytes = toOnnx({ logits }, [images])
  const model = await loadModel(bytes, plainManifest, { name: 'linear' })
  const registry = await loadRegistry([])
  const own = { model, registry, seed: 0, signal: new AbortController().signal }
  const search = (condition: string) => {
    const parsed = parseVnnlib(property(condition), 'p')
    return falsify({
      property: parsed,
      model,
      bytes,
      attacks: ['apgd-t'],
      search: (id, at) => searchCase(parsed.cases[at]!, id, own),
    })
  }
  try {
    const found = await search('(>= Y_0 Y_1)')
    expect(found!.outputs[0]!).toBeGreaterThanOrEqual(0.75)
    expect(found!.inputs.every((value) => value >= 0 && value <= 0.5)).toBe(true)
    expect((await search('(>= Y_0 0.99)'))?.outputs[0]).toBeGreaterThanOrEqual(0.99)
    expect(await search('(>= Y_0 1.01)')).toBeUndefined()
    expect(await search('(and (>= Y_0 0.9) (>= X_0 0.6))')).toBeUndefined()
  } finally {
    await model.dispose()
  }
})
