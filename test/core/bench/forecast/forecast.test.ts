/** Forecasts of an attack's passes from a sample of outcomes. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { forecastPasses } from '../../../../core/bench/forecast/forecast.ts'
import type { CompletedShard } from '../../../../core/bench/forecast/completed-shards.ts'
import { randomStream } from '../../../../core/base/random.ts'

const most = { forward: 20, backward: 10 }

/**
 * A shard in which robust examples took `most` and broken ones `broken` forward and half as many
 * backward passes.
 */
function shard(start: number, outcomes: string, broken: number): CompletedShard {
  const count = (wanted: string): number =>
    [...outcomes].filter((outcome) => outcome === wanted).length
  return {
    start,
    outcomes,
    forwardPasses: most.forward * count('r') + broken * count('b'),
    backwardPasses: most.backward * count('r') + (broken / 2) * count('b'),
  }
}

const outcomes = fc.string({ unit: fc.constantFrom('w', 'r', 'b'), minLength: 1, maxLength: 60 })

describe('the forecast of passes', () => {
  test('equals the counted passes if everything is known', () => {
    fc.assert(
      fc.property(outcomes, fc.integer({ min: 0, max: 20 }), (all, broken) => {
        const known = shard(0, all, broken)
        const open = [...all].map((_, example) => example)
        const { forward, backward } = forecastPasses({ most, shards: [known], open }, () => '')
        expect(forward.mean).toBeCloseTo(known.forwardPasses, 8)
        expect(backward.mean).toBeCloseTo(known.backwardPasses, 8)
        expect(forward.variance).toBe(0)
      }),
    )
  })

  test('has no variance if a cheaper attack determines the outcome', () => {
    fc.assert(
      fc.property(outcomes, fc.integer({ min: 0, max: 20 }), (rest, broken) => {
        const sample = 'wrb'
        const all = sample + rest
        const open = [...rest].map((_, index) => sample.length + index)
        const shards = [shard(0, sample, broken)]
        const { forward } = forecastPasses({ most, shards, open }, (example) => all[example]!)
        expect(forward.mean).toBeCloseTo(shard(3, rest, broken).forwardPasses, 8)
      }),
    )
  })

  test('has intervals with about the nominal coverage, with and without strata', () => {
    const size = 2000
    const sampled = 200
    const trials = 300
    for (const stratified of [true, false]) {
      let inside = 0
      for (let trial = 0; trial < trials; trial++) {
        const draw = randomStream('forecast', trial)
        // A cheap attack leaves 40 % robust. The expensive one breaks a tenth of these, and 98 % of
        // the others.
        const cheap = Array.from({ length: size }, () => (draw.uniform() < 0.4 ? 'r' : 'b'))
        const dear = cheap.map((outcome) =>
          draw.uniform() < (outcome === 'r' ? 0.9 : 0.02) ? 'r' : 'b',
        )
        const truth = shard(0, dear.slice(sampled).join(''), 2).forwardPasses
        const { forward } = forecastPasses(
          {
            most,
            shards: [shard(0, dear.slice(0, sampled).join(''), 2)],
            open: Array.from({ length: size - sampled }, (_, index) => sampled + index),
          },
          (example) => (stratified ? cheap[example]! : ''),
        )
        const width = 1.96 * Math.sqrt(forward.variance)
        if (Math.abs(forward.mean - truth) <= width) inside++
      }
      // Nominal 95 %, and slightly more due to the distribution assumed for broken examples. A
      // binomial of 300 stays within 4 points.
      expect(inside / trials).toBeGreaterThan(0.9)
    }
  })

  test('uses the mean cost if an attack stops early and its bound is only a bound', () => {
    const lazy = { start: 0, outcomes: 'rrbb', forwardPasses: 12, backwardPasses: 4 }
    const { forward, backward } = forecastPasses(
      { most, shards: [lazy], open: [4, 5, 6, 7] },
      () => '',
    )
    expect([forward.mean, backward.mean]).toEqual([12, 4])
  })

  test('uses only the shares of other data', () => {
    const { outcomes: seen, forwardPasses, backwardPasses } = shard(0, 'rrbbwwww', 4)
    const elsewhere = { outcomes: seen, forwardPasses, backwardPasses }
    const open = [0, 1, 2, 3]
    const { forward } = forecastPasses({ most, shards: [elsewhere], open }, String)
    expect(forward.mean).toBeCloseTo(forwardPasses / 2, 10)
  })
})
