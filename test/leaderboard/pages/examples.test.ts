/** The file with classes, confusion, and pictures: made from points, held against the outcomes. */
import { PNG } from 'pngjs'
import { describe, expect, test } from 'vitest'
import type { LeaderboardEntry } from '../../../leaderboard/entry-type.ts'
import { hashEntry } from '../../../leaderboard/entry-check.ts'
import { entryOutcomes } from '../../../leaderboard/entry-outcomes.ts'
import { exampleImages, spectrumImage } from '../../../leaderboard/pages/example-images.ts'
import { checkExamples } from '../../../leaderboard/pages/examples-file.ts'
import type { EntryExamples } from '../../../leaderboard/pages/examples-schema.ts'
import { classCounts } from '../../../leaderboard/pages/make-examples.ts'
import { boardEntry } from '../fixture.ts'

const adversarials = 'ab'.repeat(32)
const base = boardEntry('mine', [9000, 5000, 3000])
const entry: LeaderboardEntry = { ...base, evidence: { ...base.evidence, adversarials } }
const outcomes = entryOutcomes(entry)
const broken = outcomes[1]!.indexOf('b')
const held = [...outcomes[1]!].findIndex((mark, at) => mark === 'r' && outcomes[0]![at] === 'r')

const labels = Int32Array.from({ length: 10_000 }, (_, i) => i % 10)
const classNames = 'airplane automobile bird cat deer dog frog horse ship truck'.split(' ')
const classes = classCounts(entry, { labels, classNames })
const confusion = classes.map(({ total, robust }, at) =>
  classes.map((_, other) => (other === at ? robust : other === (at + 1) % 10 ? total - robust : 0)),
)
/** Pictures whose difference is one value, which is 0.5 in the clean one. */
function drawn(value: number, channels = 3, side = 32): ReturnType<typeof exampleImages> {
  const clean = new Float32Array(channels * side * side).fill(0.5)
  return exampleImages(clean, clean.with(0, value), [channels, side, side], [0, 1])
}
const images = drawn(0.53)
const honest: EntryExamples = {
  schemaVersion: 1,
  entry: hashEntry(entry),
  classes,
  confusion,
  adversarials,
  pictures: [
    {
      example: broken,
      label: broken % 10,
      state: 'fooled',
      attack: 'autoattack',
      clean: { class: broken % 10, margin: 1 },
      adversarial: { class: (broken + 1) % 10, margin: -1 },
      images,
    },
  ],
}

function refusal(change: object): string {
  try {
    checkExamples({ ...honest, ...change }, entry, 'e.examples.json')
    return ''
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const [picture] = honest.pictures!

/** A PNG whose header states another width. */
function withSize(png: string, width: number): string {
  const bytes = Buffer.from(png, 'base64')
  bytes.writeUInt32BE(width, 16)
  return bytes.toString('base64')
}
/** The same picture with a channel of transparency. */
function transparent(png: string): string {
  return PNG.sync.write(PNG.sync.read(Buffer.from(png, 'base64'))).toString('base64')
}

const changed = (change: object): object => ({ pictures: [{ ...picture, ...change }] })

test('accuracies of classes sum to those of the entry', () => {
  expect(refusal({})).toBe('')
  expect(classes[0]!.total).toBe(1000)
  expect(classes.reduce((sum, { correct }) => sum + correct, 0)).toBe(9000)
})

test.for<[string, object, string]>([
  ['of another entry', { entry: 'cd'.repeat(32) }, '/entry: is about another version'],
  ['with fewer classes', { classes: classes.slice(1) }, '/classes: must have 10 classes'],
  [
    'with more robust examples',
    { classes: classes.map((one, at) => (at === 0 ? { ...one, robust: one.robust + 1 } : one)) },
    '"robust" must sum to 3000, got 3001',
  ],
  [
    'with another diagonal',
    { confusion: confusion.map((row) => [...row.slice(1), row[0]!]) },
    '/confusion/0/0: must be',
  ],
  ['of other points', { adversarials: 'cd'.repeat(32) }, '/adversarials: must be evidence.adver'],
  ['that shows a held example as fooled', changed({ example: held }), 'is not fooled'],
  ['that shows a broken example as held', changed({ state: 'held' }), 'is not held'],
  ['of an attack that was not run', changed({ attack: 'pgd' }), 'the entry has no attack "pgd"'],
  [
    'whose fooled example is classified correctly',
    changed({ adversarial: { class: broken % 10, margin: 1 } }),
    '/adversarial/class: must fit the state "fooled"',
  ],
  ['whose picture is no PNG', changed({ images: { ...images, clean: 'AAAA' } }), 'must be a PNG'],
  [
    'whose pictures are those of other data',
    changed({ images: drawn(0.53, 3, 28) }),
    '32 × 32 pixels',
  ],
  [
    'whose adversarial example is farther away than ε',
    changed({ images: drawn(0.56) }),
    '/images/adversarial: must be within ε of the clean picture, 8.0 of 255 gray levels; differs ' +
      'by 15',
  ],
  [
    'whose difference is that of other pictures',
    changed({ images: { ...images, difference: drawn(0.51).difference } }),
    '/images/difference: must be 10 times the difference of the other two around middle gray, 198 ' +
      'at value 0; got 153',
  ],
  [
    'whose clean picture is gray, but not the others',
    changed({ images: { ...images, clean: drawn(0.5, 1).clean } }),
    '/images/adversarial: must be gray, as the clean picture',
  ],
  [
    'whose picture is transparent',
    changed({ images: { ...images, clean: transparent(images.clean) } }),
    '/images/clean: must be gray or RGB, without transparency',
  ],
  [
    'whose picture unpacks to more than a page holds',
    changed({ images: { ...images, clean: withSize(images.clean, 60_000) } }),
    '/images/clean: must have at most 1024 × 1024 pixels',
  ],
  ['with a picture twice', { pictures: [picture, picture] }, '/pictures/1/example: is shown twice'],
  [
    'whose correct example has a negative margin',
    changed({ clean: { class: broken % 10, margin: -1 } }),
    '/clean/margin: must not be negative',
  ],
  [
    'whose fooled example has a positive margin',
    changed({ adversarial: { class: (broken + 1) % 10, margin: 1 } }),
    '/adversarial/margin: must fit the state "fooled"',
  ],
  [
    'with another name of a class',
    { classes: classes.map((one, at) => (at === 3 ? { ...one, name: 'dog' } : one)) },
    '/classes/3/name: must be cat, as in "cifar10"; got dog',
  ],
  [
    'with a hidden character',
    { classes: classes.map((one) => ({ ...one, name: 'a\u202eb' })) },
    '/classes/0/name: contains the hidden character U+202E',
  ],
])('a file %s is refused', ([, change, reason]) => {
  expect(refusal(change)).toContain(reason)
})

describe('pictures', () => {
  test('show the difference ten times, around middle gray', () => {
    const { data } = PNG.sync.read(Buffer.from(images.difference, 'base64'))
    expect([...data.subarray(0, 8)]).toEqual([204, 128, 128, 255, 128, 128, 128, 255])
  })

  test('show the spectrum of a wave as two points beside the middle', () => {
    const [height, width] = [8, 8]
    const wave = Float32Array.from({ length: 64 }, (_, i) => Math.cos((2 * Math.PI * 2 * i) / 8))
    const spectrum = spectrumImage(wave, [1, height, width])
    const bright = [...spectrum.keys()].filter((at) => spectrum[at]! > 0.01)
    // Frequency ±2 in x, 0 in y: row 4, columns 2 and 6.
    expect(bright).toEqual([4 * 8 + 2, 4 * 8 + 6])
    expect(spectrum[34]).toBeCloseTo(1, 6)
  })
})
