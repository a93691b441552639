/** The page of each entry, and the files beside it. */
import type nunjucks from 'nunjucks'
import { canonicalJson } from '../../core/base/hash.ts'
import { documentationOf } from '../../core/bench/checks/documentation.ts'
import type { Check } from '../../core/bench/checks/check.ts'
import { summarizeChecks } from '../../reports/theme/checks.ts'
import { proportion } from '../../reports/theme/proportion.ts'
import { benchmarkKey } from '../entry.ts'
import type { EntryHistory } from '../entry-history.ts'
import type { LeaderboardEntry } from '../entry-type.ts'
import type { RankedEntry, RankedTable } from '../ranking.ts'
import { badgeText } from './badge.ts'
import { bibtexOf } from './bibtex.ts'
import { entryCurves } from './entry-curves.ts'
import { csvText, outcomesNpz, suiteText } from './entry-downloads.ts'
import { attackOverlap } from './entry-overlap.ts'
import type { EntryExamples, ExamplePicture } from './examples-schema.ts'
import { entryImage } from './social-image.ts'
import { cardFacts, historyFrame, trainingHistory } from './training-history.ts'

/** Files of a site by path: text, or bytes. */
export type PageFiles = Map<string, string | Uint8Array>

/** What the pages of entries are made from. */
export interface EntryPagesInput {
  readonly tables: readonly RankedTable[]
  /** By location. */
  readonly examples: ReadonlyMap<string, EntryExamples>
  /** Earlier states of entries, by location. */
  readonly histories: ReadonlyMap<string, EntryHistory>
  /** Absolute URL of the site with `/` at the end, or empty. */
  readonly address: string
}

/** A picture takes longer than the page. Larger boards show that of the board for all entries. */
const mostImages = 200

/**
 * Renders the page of each entry, `entries/<location>.html` with the entry itself beside it, and its
 * files in `files/<location>`.
 */
export function renderEntries(
  environment: nunjucks.Environment,
  input: EntryPagesInput,
): PageFiles {
  const files: PageFiles = new Map()
  const all = input.tables.flatMap(entriesOf)
  const hasImages = all.length <= mostImages
  const versions = groupVersions(all)
  for (const table of input.tables) {
    const supplements = supplementsOf(table)
    for (const row of entriesOf(table)) {
      const examples = input.examples.get(row.location)
      const path = `entries/${row.location}`
      const view = {
        ...entryView(row, examples, versions.get(versionKey(row.entry)) ?? []),
        further: (supplements.get(row.entry.model.sha256) ?? []).filter((other) => other !== row),
      }
      const bibtex = bibtexOf(row.entry, input.address && `${input.address}${path}.html`)
      const earlier = earlierView(input.histories.get(row.location))
      const context = { table, row, view, earlier, bibtex, hasImages, root: '../../../' }
      files.set(`${path}.html`, flat(environment.render('entry.html.njk', context)))
      files.set(`${path}.json`, `${JSON.stringify(row.entry, undefined, 2)}\n`)
      const folder = `files/${row.location}`
      files.set(`${folder}/suite.json`, suiteText(row.entry))
      files.set(`${folder}/figures.csv`, csvText(row.entry))
      files.set(`${folder}/outcomes.npz`, outcomesNpz(row.entry))
      files.set(`${folder}/cite.bib`, bibtex)
      files.set(`${folder}/badge.svg`, badgeText(row))
      if (hasImages) files.set(`${folder}/social.png`, entryImage(row))
      for (const [name, bytes] of pictureFiles(examples)) files.set(`${folder}/${name}`, bytes)
    }
  }
  return files
}

/**
 * The same text in one piece. Templates join thousands of pieces, which would stay in memory until
 * the page is written.
 */
function flat(text: string): string {
  return Buffer.from(text).toString()
}

/** The supplements of each model by the hash of its file. */
function supplementsOf({ rows }: RankedTable): Map<string, RankedEntry[]> {
  return new Map(
    rows.map(({ entry, members }) => [
      entry.model.sha256,
      members.filter(({ supplementTo }) => supplementTo),
    ]),
  )
}

/** All entries of a table, the members of each model in their order. */
export function entriesOf({ rows }: RankedTable): RankedEntry[] {
  return rows.flatMap(({ members }) => members)
}

function entryView(
  { entry }: RankedEntry,
  examples: EntryExamples | undefined,
  versions: readonly RankedEntry[],
): object {
  const { training } = entry
  const { classes } = examples ?? {}
  return {
    curves: entryCurves(entry),
    overlap: attackOverlap(entry),
    checks: summarizeChecks(entry.checks.map(titled)),
    classes: classes?.map(({ name, total, correct, robust }) => ({
      name,
      clean: proportion(correct, total),
      robust: proportion(robust, total),
    })),
    confusion: examples?.confusion && confusionView(examples),
    fooled: picturesOf(examples, 'fooled'),
    held: picturesOf(examples, 'held'),
    history: trainingHistory(training),
    historyFrame,
    card: training && cardFacts(training),
    versionCount: versions.length,
    versions: versions.slice(0, mostVersions).map(({ entry: other, evidence }) => ({
      entry: other,
      evidence,
      isOwn: other === entry,
      clean: proportion(other.clean.correct, other.dataset.examples),
      worstCase: proportion(other.worstCase.robust, other.dataset.examples),
    })),
  }
}

/** Earlier states with their accuracies. */
function earlierView(history: EntryHistory | undefined): object[] {
  return (history?.earlier ?? []).map((state) => ({
    ...state,
    clean: proportion(state.correct, state.examples),
    worstCase: proportion(state.robust, state.examples),
  }))
}

function titled(check: LeaderboardEntry['checks'][number]): Check {
  return { ...check, title: documentationOf(check.id)?.title ?? check.id }
}

/** Rows with shares, in steps of 5 %, for classes that fit on a page. */
function confusionView({ classes, confusion = [] }: EntryExamples): object {
  const names = classes.map(({ name }) => name)
  const rows = confusion.map((counts, at) => ({
    name: names[at],
    cells: counts.map((count) => ({
      count,
      share: Math.round((20 * count) / Math.max(1, classes[at]!.total)),
    })),
  }))
  const pairs = confusion
    .flatMap((counts, label) =>
      counts
        .map((count, predicted) => ({ label, predicted, count }))
        .filter(({ predicted, count }) => predicted !== label && count > 0),
    )
    .toSorted((a, b) => b.count - a.count || a.label - b.label)
    .slice(0, 12)
    .map(({ label, predicted, count }) => ({
      label: names[label],
      predicted: names[predicted],
      count,
      total: classes[label]!.total,
    }))
  return { names, rows, pairs, isWhole: names.length <= 12 }
}

/** Names of the pictures of an example, in their order. */
const imageNames = ['clean', 'adversarial', 'difference', 'spectrum'] as const

function imageFile({ example, state }: ExamplePicture, name: string): string {
  return `${state}-${example}-${name}.png`
}

function picturesOf(
  examples: EntryExamples | undefined,
  state: ExamplePicture['state'],
): object[] | undefined {
  const { pictures, classes } = examples ?? {}
  return pictures
    ?.filter((picture) => picture.state === state)
    .map((picture) => ({
      ...picture,
      label: classes![picture.label]!.name,
      cleanName: classes![picture.clean.class]!.name,
      adversarialName: classes![picture.adversarial.class]!.name,
      files: imageNames.map((name) => ({ name, file: imageFile(picture, name) })),
    }))
}

function pictureFiles(examples: EntryExamples | undefined): [string, Uint8Array][] {
  return (examples?.pictures ?? []).flatMap((picture) =>
    imageNames.map((name): [string, Uint8Array] => [
      imageFile(picture, name),
      Buffer.from(picture.images[name], 'base64'),
    ]),
  )
}

/** Versions that a page lists. */
const mostVersions = 20

/**
 * Of entries of one benchmark with the same authors, name, and plugin of the defense: its versions.
 * Anybody can choose a name, so the name alone joins nothing.
 */
function versionKey(entry: LeaderboardEntry): string {
  const { name, plugin, package: provider = '' } = entry.defense
  // Of entries without authors, nothing says that they are of the same ones.
  const authors = entry.authors.length > 0 ? entry.authors.toSorted() : [entry.id]
  return canonicalJson([benchmarkKey(entry), authors, name, plugin, provider])
}

/** The versions of each defense by key, the latest first. Supplements are none. */
function groupVersions(all: readonly RankedEntry[]): Map<string, RankedEntry[]> {
  const latest = all
    .filter(({ supplementTo }) => supplementTo === undefined)
    .toSorted((a, b) => (a.entry.run.finishedAt < b.entry.run.finishedAt ? 1 : -1))
  const groups = new Map<string, RankedEntry[]>()
  for (const row of latest) {
    const key = versionKey(row.entry)
    const group = groups.get(key) ?? []
    group.push(row)
    groups.set(key, group)
  }
  return groups
}
