/** Per-example outcomes of an attack as text: two bits an example, in base64. */

/**
 * The codes, in order: `w` misclassified without attack, `r` robust, `b` broken, and `c`, for
 * corruptions, misclassified in its original form and correct when corrupted.
 */
const codes = 'wrbc'

/**
 * Packs outcomes: example i is in byte ⌊i/4⌋, in the bits 2(i mod 4) and above.
 * @param outcomes one of `w`, `r`, `b`, `c` per example
 */
export function packOutcomes(outcomes: string): string {
  const bytes = new Uint8Array(Math.ceil(outcomes.length / 4))
  for (let i = 0; i < outcomes.length; i++) {
    bytes[i >> 2]! |= codes.indexOf(outcomes[i]!) << (2 * (i & 3))
  }
  return Buffer.from(bytes).toString('base64')
}

/**
 * The outcomes of so many examples, or a text that says what is wrong with the packed ones, which
 * follows their place.
 */
export function unpackOutcomes(
  packed: string,
  examples: number,
): { readonly outcomes: string } | { readonly problem: string } {
  const problem = packingProblem(packed, examples)
  return problem === undefined ? { outcomes: spell(packed, examples, codes) } : { problem }
}

/** One character per example, by its code: the first of four for code 0. */
export function spell(packed: string, examples: number, characters: string): string {
  const bytes = Buffer.from(characters, 'latin1')
  const text = Buffer.from(unpackCodes(packed, examples).buffer)
  for (let i = 0; i < examples; i++) text[i] = bytes[text[i]!]!
  return text.toString('latin1')
}

/**
 * The codes of so many examples, which `packingProblem` accepts: 0 misclassified without attack, 1
 * robust, 2 broken, 3 correct only when corrupted.
 */
export function unpackCodes(packed: string, examples: number): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.from(packed, 'base64')
  const unpacked = new Uint8Array(examples)
  for (let i = 0; i < examples; i++) unpacked[i] = (bytes[i >> 2]! >> (2 * (i & 3))) & 3
  return unpacked
}

/** What is wrong with packed outcomes of so many examples; undefined if nothing is. */
export function packingProblem(packed: string, examples: number): string | undefined {
  const bytes = Buffer.from(packed, 'base64')
  if (bytes.toString('base64') !== packed) return 'must be base64'
  const expected = Math.ceil(examples / 4)
  if (bytes.length !== expected) {
    return `must have ${expected} bytes for ${examples} examples, got ${bytes.length}`
  }
  const unused = (bytes.at(-1) ?? 0) >> (2 * (((examples - 1) & 3) + 1))
  return unused === 0 ? undefined : 'must have zeros after the last example'
}
