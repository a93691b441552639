/** Random samples of examples, held ones included. */
import { randomStream } from '../../base/random.ts'

/**
 * Chooses examples of one attack at random: half of them held, if there are so many, the others
 * from all that the attack was given.
 * @param outcomes one of `w`, `r`, `b` per example
 * @param sample number of examples
 * @param names of the stream: the seed, and what the sample is for
 * @returns positions, ascending
 */
export function sampleExamples(
  outcomes: string,
  sample: number,
  ...names: readonly (string | number)[]
): Int32Array {
  const stream = randomStream('verify', ...names)
  const places = (marks: string): number[] =>
    Array.from(outcomes, (mark, at) => (marks.includes(mark) ? at : -1)).filter((at) => at >= 0)
  const draw = (from: readonly number[], count: number, taken: Set<number>): void => {
    const open = from.filter((at) => !taken.has(at))
    for (let i = 0; i < Math.min(count, open.length); i++) {
      const other = i + stream.integer(open.length - i)
      const chosen = open[other]!
      open[other] = open[i]!
      open[i] = chosen
      taken.add(chosen)
    }
  }
  const chosen = new Set<number>()
  draw(places('r'), Math.ceil(sample / 2), chosen)
  draw(places('rb'), sample - chosen.size, chosen)
  // Clean outcomes.
  draw(places('01'), sample - chosen.size, chosen)
  return Int32Array.from(chosen).toSorted((a, b) => a - b)
}
