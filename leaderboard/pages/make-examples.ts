/** Makes what the page of an entry shows of its examples, when the entry is added. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { canonicalJson } from '../../core/base/hash.ts'
import { ConfigError } from '../../core/base/errors.ts'
import { worstCaseOutcomes } from '../../core/bench/metrics/accuracy.ts'
import type { ExaminedModel } from '../../core/bench/plan/model-row.ts'
import { hashFile, readAdversarialIndex, readPoints } from '../../core/bench/store/adversarials.ts'
import type { AdversarialFile, AdversarialPoints } from '../../core/bench/store/adversarials.ts'
import { roundingMargin } from '../../core/bench/verify/judge-points.ts'
import type { Predictor } from '../../core/bench/verify/plain-model.ts'
import { withPredictor } from '../../core/bench/verify/verify-points.ts'
import type { Dataset } from '../../core/data/dataset.ts'
import { gatherRows, sizeOf, sliceRows } from '../../core/engine/tensor/tensor.ts'
import type { FloatTensor } from '../../core/engine/tensor/tensor.ts'
import { hashEntry } from '../entry-check.ts'
import { entryOutcomes } from '../entry-outcomes.ts'
import type { LeaderboardEntry } from '../entry-type.ts'
import { exampleImages } from './example-images.ts'
import type { EntryExamples, ExamplePicture } from './examples-schema.ts'

/** Fooled examples in the gallery, and as many held ones. */
const shownExamples = 6

/** Saved adversarial examples, and the model that they were made for. */
export interface SavedPoints {
  /** Directory with `index.json`. */
  readonly folder: string
  readonly model: ExaminedModel
  readonly batchSize: number
}

/**
 * The accuracy of each class, from the labels of the data set.
 * @param classes that the model predicts: more than the data set has names for if labels do not
 * name them all
 */
export function classCounts(
  entry: LeaderboardEntry,
  { labels, classNames }: Pick<Dataset, 'labels' | 'classNames'>,
  classes = 2,
): EntryExamples['classes'] {
  const outcomes = entryOutcomes(entry)
  const worst = worstCaseOutcomes(outcomes) ?? ''
  const size = Math.max(classNames.length, classes)
  const counts = Array.from({ length: size }, (_, k) => ({
    name: classNames[k] ?? String(k),
    total: 0,
    correct: 0,
    robust: 0,
  }))
  for (let i = 0; i < entry.dataset.examples; i++) {
    const own = counts[labels[i]!]!
    own.total += 1
    if (outcomes[0]![i] !== 'w') own.correct += 1
    if (worst[i] === 'r') own.robust += 1
  }
  return counts
}

/**
 * Makes the content of the file beside an entry: classes, and with saved points also the confusion
 * and the gallery. A stochastic model has neither: one prediction says little about a majority.
 * @throws ConfigError ROBENCH_DATA if the data or the points are not those of the entry
 */
export async function makeExamples(
  entry: LeaderboardEntry,
  dataset: Dataset,
  saved?: SavedPoints,
): Promise<EntryExamples> {
  if (dataset.hash !== entry.dataset.sha256) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${dataset.title} has sha256 ${dataset.hash}, the entry says ${entry.dataset.sha256}`,
    )
  }
  const base = { schemaVersion: 1, entry: hashEntry(entry), classes: classCounts(entry, dataset) }
  // The literal is widened otherwise.
  const examples = base as EntryExamples
  if (!saved) return examples
  const { adversarials } = entry.evidence
  const index = join(saved.folder, 'index.json')
  if (!existsSync(index) || (await hashFile(index)) !== adversarials) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${index}: expected the index of the adversarial examples that the result names ` +
        `(${adversarials ?? 'none: run the suite with --save-adversarial'})`,
    )
  }
  if (saved.model.stochastic) return examples
  const { model, batchSize } = saved
  const shown = await withPredictor({ model, dataset, batchSize }, (predictor, size) =>
    predictExamples({ entry, dataset, saved, predictor, batchSize: size }),
  )
  const { classes, ...others } = shown
  return {
    ...examples,
    classes: classCounts(entry, dataset, classes),
    ...(adversarials !== undefined && { adversarials }),
    ...others,
  }
}

interface Work {
  readonly entry: LeaderboardEntry
  readonly dataset: Dataset
  readonly saved: SavedPoints
  readonly predictor: Predictor
  readonly batchSize: number
}

/** The file of each attack of the entry, in its order; undefined where none was saved. */
async function filesOf({ entry, saved }: Work): Promise<(AdversarialFile | undefined)[]> {
  const index = await readAdversarialIndex(saved.folder)
  return entry.attacks.map(({ name, seed }) =>
    index?.files.find(
      (file) =>
        file.defense === entry.defense.name &&
        file.attack.name === name &&
        file.seed === seed &&
        canonicalJson(file.threatModel) === canonicalJson(entry.threatModel),
    ),
  )
}

async function predictExamples(
  work: Work,
): Promise<Pick<EntryExamples, 'confusion' | 'pictures'> & { readonly classes: number }> {
  const { entry, dataset, saved } = work
  const files = await filesOf(work)
  const outcomes = entryOutcomes(entry)
  const worst = worstCaseOutcomes(outcomes) ?? ''
  const order = [...entry.attacks.keys()]
  const strongest = order
    .filter((at) => files[at])
    .toSorted((a, b) => entry.attacks[a]!.robust - entry.attacks[b]!.robust)[0]
  const predicted = Int32Array.from(worst, (mark, i) => (mark === 'r' ? dataset.labels[i]! : -1))
  const wrong = order.length === 0 ? [] : positionsOf(outcomes[0]!, (mark) => mark === 'w')
  const clean = await predict(work, dataset.rows(wrong), wrong, 'broken')
  wrong.forEach((example, at) => (predicted[example] = clean[at]!.class))
  let pictures: ExamplePicture[] = []
  for (const at of order) {
    const file = files[at]
    if (!file) continue
    const points = await readPoints(join(saved.folder, file.file))
    const rows = new Map(Array.from(points.indices, (example, row) => [example, row]))
    const own = positionsOf(outcomes[at]!, (mark, i) => mark === 'b' && predicted[i]! < 0)
    const chosen = pointsOf(points, rows, own)
    const found = await predict(work, chosen, own, 'broken')
    own.forEach((example, place) => (predicted[example] = found[place]!.class))
    if (at === strongest) pictures = await drawExamples(work, at, points, rows, worst)
  }
  const shown = pictures.map(({ adversarial }) => adversarial.class)
  const largest = [...predicted, ...shown].reduce((most, own) => Math.max(most, own), 1)
  const classes = Math.max(dataset.classNames.length, largest + 1)
  const isWhole = !predicted.includes(-1)
  return {
    classes,
    ...(isWhole && { confusion: confusionOf(predicted, dataset.labels, classes) }),
    pictures,
  }
}

function positionsOf(marks: string, has: (mark: string, at: number) => boolean): number[] {
  return [...marks].flatMap((mark, at) => (has(mark, at) ? [at] : []))
}

function pointsOf(
  { points }: AdversarialPoints,
  rows: ReadonlyMap<number, number>,
  examples: readonly number[],
): FloatTensor {
  return gatherRows(
    points,
    Int32Array.from(examples, (example) => rows.get(example)!),
  )
}

function confusionOf(predicted: Int32Array, labels: Int32Array, classes: number): number[][] {
  const counts = Array.from({ length: classes }, () => Array.from({ length: classes }, () => 0))
  predicted.forEach((own, i) => (counts[labels[i]!]![own]! += 1))
  return counts
}

interface Predicted {
  readonly class: number
  readonly margin: number
}

/**
 * Predicts points.
 * @param broken if the outcome says that they fool the model: then a margin that rounding explains
 * counts as fooled
 */
async function predict(
  { predictor, dataset, batchSize, entry }: Work,
  points: FloatTensor,
  examples: readonly number[],
  broken?: 'broken',
): Promise<Predicted[]> {
  const found: Predicted[] = []
  for (let start = 0; start < examples.length; start += batchSize) {
    const end = Math.min(examples.length, start + batchSize)
    const logits = await predictor.logits(sliceRows(points, start, end))
    const classes = sizeOf(logits.shape.slice(1))
    for (let row = 0; row < end - start; row++) {
      const example = examples[start + row]!
      const own = logits.data.subarray(row * classes, (row + 1) * classes)
      const { other, margin, scale } = judge(own, dataset.labels[example]!)
      const isFooled = margin < 0 || (broken && margin <= roundingMargin * scale)
      if (broken && !isFooled) {
        throw new ConfigError(
          'ROBENCH_DATA',
          `entry "${entry.defense.name}": example ${example} does not fool the model at its point, ` +
            'as the result says; verify it with robench verify',
        )
      }
      found.push({ class: isFooled ? other : dataset.labels[example]!, margin })
    }
  }
  return found
}

function judge(
  logits: Float32Array,
  label: number,
): { readonly other: number; readonly margin: number; readonly scale: number } {
  let other = label === 0 ? 1 : 0
  let scale = 0
  logits.forEach((value, k) => {
    if (k !== label && value > logits[other]!) other = k
    scale = Math.max(scale, Math.abs(value))
  })
  return { other, margin: logits[label]! - logits[other]!, scale }
}

/** Examples at even distances among those that the attack breaks, and among those that hold. */
async function drawExamples(
  work: Work,
  at: number,
  points: AdversarialPoints,
  rows: ReadonlyMap<number, number>,
  worst: string,
): Promise<ExamplePicture[]> {
  const { entry, dataset } = work
  const outcomes = entryOutcomes(entry)[at]!
  const groups = [
    ['fooled', evenly(positionsOf(outcomes, (mark) => mark === 'b'))],
    ['held', evenly(positionsOf(worst, (mark) => mark === 'r'))],
  ] as const
  const size = sizeOf(dataset.shape)
  const pictures: ExamplePicture[] = []
  for (const [state, examples] of groups) {
    const inputs = dataset.rows(examples)
    const adversarial = pointsOf(points, rows, examples)
    const before = await predict(work, inputs, examples)
    const broken = state === 'fooled' ? 'broken' : undefined
    const after = await predict(work, adversarial, examples, broken)
    examples.forEach((example, place) => {
      const label = dataset.labels[example]!
      const isFooled = after[place]!.class !== label
      // Rounding may move a prediction at the boundary.
      if (before[place]!.class !== label || isFooled !== (state === 'fooled')) return
      const part = ({ data }: FloatTensor): Float32Array =>
        data.slice(place * size, (place + 1) * size)
      pictures.push({
        example,
        label,
        state,
        attack: entry.attacks[at]!.name,
        clean: before[place]!,
        adversarial: after[place]!,
        images: exampleImages(part(inputs), part(adversarial), dataset.shape, dataset.bounds),
      })
    })
  }
  return pictures
}

function evenly(positions: readonly number[]): number[] {
  const count = Math.min(shownExamples, positions.length)
  return Array.from(
    { length: count },
    (_, i) => positions[Math.floor((i * positions.length) / count)]!,
  )
}
