/** Philox matches its published test vectors; names determine streams. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { philox4x32, philoxBlocks, wordsPerBlock } from '../../../core/base/philox.ts'
import { randomStream } from '../../../core/base/random.ts'
import type { RandomStream } from '../../../core/base/random.ts'

type Words = readonly [number, number, number, number]

describe('Philox4x32-10', () => {
  // The known-answer file of Random123 (kat_vectors).
  test.each<[string, Words, readonly [number, number], Words]>([
    ['all zeros', [0, 0, 0, 0], [0, 0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]],
    [
      'all ones',
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      'digits of pi',
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])('returns the published result for %s', (_, counter, key, expected) => {
    const output = new Uint32Array(4)
    philox4x32(counter, key, output)
    expect([...output]).toEqual(expected)
    expect([...philoxBlocks(counter, key, 1)]).toEqual(expected)
  })

  test('many blocks at once equal consecutive blocks, with carry', () => {
    const word = fc.oneof(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.constant(2 ** 32 - 3))
    fc.assert(
      fc.property(
        fc.tuple(word, fc.nat(9), word, word),
        fc.tuple(word, word),
        fc.integer({ min: 1, max: 20 }),
        (counter, key, blocks) => {
          const [low, high, ...rest] = counter
          const expected: number[] = []
          const output = new Uint32Array(wordsPerBlock)
          for (let i = 0; i < blocks; i++) {
            const number = high * 2 ** 32 + low + i
            philox4x32([number >>> 0, Math.floor(number / 2 ** 32), ...rest], key, output)
            expected.push(...output)
          }
          expect([...philoxBlocks(counter, key, blocks)]).toEqual(expected)
        },
      ),
    )
  })
})

describe('a stream', () => {
  test('is the same for the same path, whatever else was drawn before', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.integer(), fc.string())), fc.nat(20), (path, others) => {
        const first = draw(randomStream(...path))
        for (let i = 0; i < others; i++) draw(randomStream('other', i))
        expect(draw(randomStream(...path))).toEqual(first)
      }),
      { numRuns: 50 },
    )
  })

  test('differs between paths with equal text', () => {
    expect(draw(randomStream(1, 23))).not.toEqual(draw(randomStream(12, 3)))
    expect(draw(randomStream('1'))).not.toEqual(draw(randomStream(1)))
    expect(draw(randomStream('a', 'b'))).not.toEqual(draw(randomStream('a,b')))
  })

  test('has the same numbers in every version', () => {
    expect(draw(randomStream(1, 'pgd', 7, 0))).toMatchInlineSnapshot(`
      [
        2843928147,
        3129534465,
        1266540201,
        4045618316,
        1348689356,
        1100334344,
      ]
    `)
  })

  test('is uniform: 64 bins of 64,000 draws pass the χ² test', () => {
    const stream = randomStream('uniformity')
    const bins = Array.from({ length: 64 }, () => 0)
    for (let i = 0; i < 64_000; i++) bins[Math.floor(stream.uniform() * 64)]! += 1
    const chiSquare = bins.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)
    // 63 degrees of freedom: 24 and 127 are beyond the 1e-5 tails.
    expect(chiSquare).toBeGreaterThan(24)
    expect(chiSquare).toBeLessThan(127)
  })

  test('draws all integers below the count', () => {
    const stream = randomStream('integers')
    const seen = new Set(Array.from({ length: 500 }, () => stream.integer(7)))
    expect([...seen].toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6])
  })

  test('is standard normal in its first four moments', () => {
    const stream = randomStream('normal')
    const count = 40_000
    const moments = [0, 0, 0, 0]
    for (let i = 0; i < count; i++) {
      const value = stream.normal()
      for (let k = 0; k < 4; k++) moments[k]! += value ** (k + 1) / count
    }
    // Five standard errors: √(1, 2, 15, 96)/200.
    expect(Math.abs(moments[0]!)).toBeLessThan(0.025)
    expect(Math.abs(moments[1]! - 1)).toBeLessThan(0.036)
    expect(Math.abs(moments[2]!)).toBeLessThan(0.097)
    expect(Math.abs(moments[3]! - 3)).toBeLessThan(0.245)
  })

  test('fills arrays like as many calls, in any order', () => {
    const kind = fc.constantFrom<Kind>('bits', 'uniform', 'normal')
    // Lengths around the size of a batch of blocks.
    const size = fc.oneof(fc.nat(40), fc.integer({ min: 4090, max: 4100 }))
    fc.assert(
      fc.property(fc.array(fc.tuple(kind, fc.boolean(), size), { maxLength: 6 }), (turns) => {
        const one = randomStream('one by one')
        const other = randomStream('one by one')
        for (const [what, atOnce, count] of turns) {
          const expected = drawn(one, what, count)
          expect(atOnce ? filled(other, what, count) : drawn(other, what, count)).toEqual(expected)
        }
      }),
    )
  })

  test('permutes 0 … count − 1', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.integer(), (count, seed) => {
        const order = randomStream(seed).permutation(count)
        expect([...order].toSorted((a, b) => a - b)).toEqual(
          Array.from({ length: count }, (_, i) => i),
        )
      }),
    )
  })

  test('puts each element at every position equally often', () => {
    const stream = randomStream('permutations')
    const first = [0, 0, 0, 0]
    for (let i = 0; i < 4000; i++) first[stream.permutation(4)[0]!]! += 1
    // 1000 expected, standard deviation 27.
    for (const count of first) expect(Math.abs(count - 1000)).toBeLessThan(140)
  })
})

type Kind = 'bits' | 'uniform' | 'normal'

function filled(stream: RandomStream, kind: Kind, count: number): number[] {
  const values = kind === 'bits' ? new Uint32Array(count) : new Float64Array(count)
  if (values instanceof Uint32Array) stream.fillBits(values)
  else if (kind === 'uniform') stream.fillUniform(values)
  else stream.fillNormal(values)
  return [...values]
}

function drawn(stream: RandomStream, kind: Kind, count: number): number[] {
  return Array.from({ length: count }, () => stream[kind]())
}

function draw(stream: ReturnType<typeof randomStream>): number[] {
  return Array.from({ length: 6 }, () => stream.bits())
}
