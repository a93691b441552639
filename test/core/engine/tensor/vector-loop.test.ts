/** Vector loops equal plain JavaScript bit for bit, for any length and any number. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Term } from '../../../../core/engine/tensor/vector-expression.ts'
import { v, vectorLoop } from '../../../../core/engine/tensor/vector-loop.ts'

/** The operators of `v` in JavaScript. */
const operators = {
  add: (a: number, b: number) => a + b,
  sub: (a: number, b: number) => a - b,
  mul: (a: number, b: number) => a * b,
  div: (a: number, b: number) => a / b,
  min: (a: number, b: number) => (b < a ? b : a),
  max: (a: number, b: number) => (a < b ? b : a),
  abs: Math.abs,
  sqrt: Math.sqrt,
  round: Math.fround,
  sign: (a: number) => Number(a > 0) - Number(a < 0),
  clip: (a: number, low: number, high: number) => (a < low ? low : a > high ? high : a),
} as const
const comparisons = {
  less: (a: number, b: number) => a < b,
  atMost: (a: number, b: number) => a <= b,
  equal: (a: number, b: number) => a === b,
} as const

const special = [0, -0, 1, -1, 0.1, 1e-45, -1e-40, 5e-324, -1e-310, 3.4e38, 1e300, Infinity, NaN]
const number = fc.oneof(
  fc.constantFrom(...special, -Infinity),
  fc.double(),
  fc.float(),
  fc.double({ min: -2, max: 2, noNaN: true }),
)
const finite = fc.double({ min: -1e3, max: 1e3, noNaN: true })
const length = fc.integer({ min: 0, max: 70 })

/** The operands of one component by name. */
type Component = Readonly<Record<'a' | 'b' | 's', number>>
type Operands = Readonly<Record<'a' | 'b' | 's', Term>>
interface Expression {
  readonly term: (operands: Operands) => Term
  readonly value: (component: Component) => number
}

const leaf: fc.Arbitrary<Expression> = fc.oneof(
  fc.constantFrom('a', 'b', 's').map((name): Expression => ({
    term: (operands) => operands[name as 'a'],
    value: (component) => component[name as 'a'],
  })),
  number.map((constant): Expression => ({
    term: () => v.add(constant, -0),
    value: () => constant,
  })),
)

/** Any expression of two arrays and a scalar. */
const { expression } = fc.letrec<{ expression: Expression }>((tie) => {
  const some = tie('expression')
  const binary = fc.constantFrom('add', 'sub', 'mul', 'div', 'min', 'max')
  const compared = fc.constantFrom('less', 'atMost', 'equal')
  return {
    expression: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.tuple(binary, some, some).map(([name, x, y]): Expression => ({
        term: (operands) => v[name as 'add'](x.term(operands), y.term(operands)),
        value: (component) => operators[name as 'add'](x.value(component), y.value(component)),
      })),
      fc
        .tuple(fc.constantFrom('abs', 'sqrt', 'round', 'sign'), some)
        .map(([name, x]): Expression => ({
          term: (operands) => v[name as 'abs'](x.term(operands)),
          value: (component) => operators[name as 'abs'](x.value(component)),
        })),
      fc
        .tuple(compared, fc.constantFrom('when', 'unless'), some, some, some)
        .map(([name, choice, x, y, z]): Expression => ({
          term: (operands) =>
            v[choice as 'when'](
              v[name as 'less'](x.term(operands), y.term(operands)),
              z.term(operands),
            ),
          value: (component) => {
            const holds = comparisons[name as 'less'](x.value(component), y.value(component))
            return holds === (choice === 'when') ? z.value(component) : 0
          },
        })),
      fc.tuple(compared, some, some, some, some).map(([name, x, y, yes, no]): Expression => ({
        term: (operands) =>
          v.select(
            v[name as 'less'](x.term(operands), y.term(operands)),
            yes.term(operands),
            no.term(operands),
          ),
        value: (component) =>
          comparisons[name as 'less'](x.value(component), y.value(component))
            ? yes.value(component)
            : no.value(component),
      })),
    ),
  }
})

const inputs = length.chain((size) =>
  fc.record({
    a: fc.array(number, { minLength: size, maxLength: size }),
    b: fc.array(number, { minLength: size, maxLength: size }),
    s: number,
  }),
)

describe.each([
  ['float32', Float32Array],
  ['float64', Float64Array],
] as const)('%s', (dtype, ArrayOfType) => {
  test('computes each component like JavaScript, bit for bit', () => {
    fc.assert(
      fc.property(expression, fc.array(inputs, { minLength: 1, maxLength: 4 }), (drawn, calls) => {
        const loop = vectorLoop({
          arrays: { a: dtype, b: 'float64', wide: 'float64', narrow: 'float32' },
          scalars: ['s'],
          body: (operands) => {
            const term = drawn.term(operands)
            return { writes: { wide: term, narrow: term } }
          },
        })
        for (const { s, ...arrays } of calls) {
          const a = ArrayOfType.from(arrays.a)
          const b = Float64Array.from(arrays.b)
          const wide = new Float64Array(a.length)
          const narrow = new Float32Array(a.length)
          loop.run({ a, b, wide, narrow }, { s })
          const expected = Array.from(a, (_, i) => drawn.value({ a: a[i]!, b: b[i]!, s }))
          // Object.is distinguishes −0 from 0 and treats all NaN as equal.
          expect([...wide]).toEqual(expected)
          expect([...narrow]).toEqual(expected.map(Math.fround))
        }
      }),
      { numRuns: 300 },
    )
  })

  test('sums and maxima ignore memory after the components', () => {
    const loop = vectorLoop({
      arrays: { a: dtype, b: 'float64' },
      scalars: ['s'],
      body: ({ a, b, s }) => ({
        sums: { products: v.mul(a, b), shifted: v.add(v.abs(a), s) },
        largest: { away: v.abs(v.sub(a, b)), shifted: v.add(a, s) },
      }),
    })
    const finiteInputs = length.chain((size) =>
      fc.tuple(
        fc.array(finite, { minLength: size, maxLength: size }),
        fc.array(finite, { minLength: size, maxLength: size }),
        finite,
      ),
    )
    fc.assert(
      fc.property(finiteInputs, ([first, second, s]) => {
        const a = ArrayOfType.from(first)
        const b = Float64Array.from(second)
        const { products, shifted, away } = loop.run({ a, b }, { s })
        const pairs = Array.from(a, (x, i) => [x, b[i]!] as const)
        const magnitude = pairs.reduce((sum, [x, y]) => sum + Math.abs(x * y), 0)
        const plain = pairs.reduce((sum, [x, y]) => sum + x * y, 0)
        expect(Math.abs(products - plain)).toBeLessThanOrEqual(1e-12 * magnitude)
        expect(away).toBe(Math.max(...pairs.map(([x, y]) => Math.abs(x - y))))
        expect(shifted).toBe(Math.max(...pairs.map(([x]) => x + s)))
      }),
    )
  })
})

test('the same operands in the same order give the same sum', () => {
  const loop = sumLoop()
  const a = Float64Array.from({ length: 67 }, (_, i) => Math.sin(i) / 3)
  const { sum } = loop.run({ a }, {})
  loop.run({ a: new Float64Array(64).fill(NaN) }, {})
  expect(loop.run({ a }, {}).sum).toBe(sum)
})

test('a sum with a non-finite value is not finite', () => {
  for (const value of [NaN, Infinity]) {
    for (const at of [0, 1, 2, 3, 4, 5, 6]) {
      const a = new Float64Array(7)
      a[at] = value
      expect(sumLoop().run({ a }, {}).sum).toBe(value)
    }
  }
})

test('maxima ignore NaN', () => {
  const loop = vectorLoop({ arrays: { a: 'float32' }, body: ({ a }) => ({ largest: { top: a } }) })
  expect(loop.run({ a: Float32Array.of(NaN, 1, NaN, 3, NaN) }, {}).top).toBe(3)
  expect(loop.run({ a: new Float32Array(0) }, {}).top).toBe(-Infinity)
})

test('an array is read before it is written', () => {
  const loop = vectorLoop({
    arrays: { now: 'float32', before: 'float32' },
    scalars: ['step'],
    body: ({ now, step }) => ({ writes: { now: v.add(now, step), before: now } }),
  })
  const now = Float32Array.from({ length: 9 }, (_, i) => i)
  const before = new Float32Array(9)
  loop.run({ now, before }, { step: 0.5 })
  expect([...before]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
  expect([...now]).toEqual([0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5])
})

test('one array can have two names', () => {
  const loop = vectorLoop({
    arrays: { x: 'float64', output: 'float64' },
    body: ({ x }) => ({ writes: { output: v.mul(x, x) } }),
  })
  const x = Float64Array.of(1, 2, 3)
  loop.run({ x, output: x }, {})
  expect([...x]).toEqual([1, 4, 9])
})

test('loops over the same arrays can alternate with others of any length', () => {
  const scaled = vectorLoop({
    arrays: { a: 'float64' },
    scalars: ['scale'],
    body: ({ a, scale }) => ({ sums: { sum: v.mul(a, scale) } }),
  })
  const first = scaled.over({ a: Float64Array.of(1, 2, 3) })
  const second = scaled.over({ a: Float64Array.of(10, 20, 30, 40, 50) })
  expect(first({ scale: 2 }).sum).toBe(12)
  expect(first({ scale: 3 }).sum).toBe(18)
  expect(second({ scale: 1 }).sum).toBe(150)
  // Longer than all arrays before, so that the memory grows.
  expect(sumLoop().run({ a: new Float64Array(100_001).fill(1) }, {}).sum).toBe(100_001)
  expect(first({ scale: 4 }).sum).toBe(24)
  expect(second({ scale: 2 }).sum).toBe(300)
})

test('arrays of different lengths are rejected', () => {
  const loop = vectorLoop({
    arrays: { a: 'float32', b: 'float64' },
    body: ({ a, b }) => ({ writes: { b: v.add(a, b) } }),
  })
  expect(() =>
    loop.run({ a: new Float32Array(3), b: new Float64Array(4) }, {}),
  ).toThrowErrorMatchingInlineSnapshot(
    `[RobenchError: vector loop: expected arrays of equal length, got a of 3, b of 4]`,
  )
})

function sumLoop() {
  return vectorLoop({ arrays: { a: 'float64' }, body: ({ a }) => ({ sums: { sum: a } }) })
}
