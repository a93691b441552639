/** `robench compare`: compares two results on the same examples. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { writeFileAtomic } from '../core/base/atomic-file.ts'
import { canonicalJson } from '../core/base/hash.ts'
import { locateResult, readResult } from '../core/bench/result/read-result.ts'
import type { RunResult } from '../core/bench/result/result.ts'
import {
  adversarialsFolder,
  readAdversarialIndex,
  readPoints,
} from '../core/bench/store/adversarials.ts'
import type { AdversarialPoints } from '../core/bench/store/adversarials.ts'
import { datasetReference } from '../core/bench/plan/resolve.ts'
import { checkSuite } from '../core/bench/suite/load.ts'
import { suiteFolder } from '../core/bench/verify/suite-folder.ts'
import { loadDataset } from '../core/data/load.ts'
import type { Dataset } from '../core/data/dataset.ts'
import { sizeOf } from '../core/engine/tensor/tensor.ts'
import { compareResults, isRegression } from '../reports/compare/compare.ts'
import type { ComparedEntry, ComparedMeasure } from '../reports/compare/compare.ts'
import { comparisonFormats } from '../reports/compare/formats.ts'
import type { ComparisonFormatId, MeasurePictures } from '../reports/compare/formats.ts'
import { picturesOf } from '../reports/compare/pictures.ts'
import type { PointSource } from '../reports/compare/pictures.ts'
import { chosenFormat, oneOf, wholeNumber } from './arguments.ts'
import { exitCodes } from './failure.ts'

interface CompareOptions {
  readonly format?: ComparisonFormatId
  readonly out?: string
  readonly failOn?: 'regression'
  readonly margin: number
  readonly pictures: number
  readonly folder?: string
  readonly json?: true
}

/** The command `compare`. Sets the exit code of the process: 1 with a regression, if asked for. */
export function compareCommand(): Command {
  const formats = Object.keys(comparisonFormats)
  return new Command('compare')
    .description('compare two results on the same examples')
    .argument('<base>', 'result to compare with: file or results directory')
    .argument('<head>', 'result that may be better or worse')
    .addOption(
      new Option('--format <format>', 'output format (default: text)')
        .choices(formats)
        .argParser(oneOf('--format', formats)),
    )
    .option('--out <file>', 'output file (default: standard output)')
    .addOption(
      new Option('--fail-on <event>', 'exit with code 1 if this happened').choices(['regression']),
    )
    .option('--margin <points>', 'permitted loss in percentage points', points, 0)
    .option('--pictures <n>', 'pictures per table row in HTML', wholeNumber(0), 8)
    .option('--folder <dir>', 'directory that paths in the suite are relative to')
    .option('--json', 'short for --format json')
    .action((base: string, head: string, options: CompareOptions) => compare(base, head, options))
}

async function compare(base: string, head: string, options: CompareOptions): Promise<void> {
  const format = chosenFormat(options)
  const [own, other] = [readResult(base), readResult(head)]
  const comparison = compareResults(own, other)
  const margin = options.margin / 100
  const pictures =
    format === 'html' && options.pictures > 0
      ? await findPictures(comparison.entries, [base, own], [head, other], options)
      : undefined
  const text = comparisonFormats[format].write({
    comparison,
    margin,
    ...(pictures && { pictures }),
  })
  if (options.out === undefined) process.stdout.write(text)
  else await writeFileAtomic(options.out, text)
  const failed = comparison.entries.some(({ measures }) =>
    measures.some((one) => isRegression(one, margin)),
  )
  if (failed && options.failOn === 'regression') process.exitCode = exitCodes.failures
}

/** Pictures, as far as the data and the adversarial examples are here. */
async function findPictures(
  entries: readonly ComparedEntry[],
  base: readonly [string, RunResult],
  head: readonly [string, RunResult],
  { pictures: most, folder }: CompareOptions,
): Promise<ReadonlyMap<ComparedMeasure, MeasurePictures>> {
  const found = new Map<ComparedMeasure, MeasurePictures>()
  const dataset = await openDataset(base[1], folder)
  if (!dataset) return found
  for (const entry of entries) {
    if (entry.dataset.sha256 !== dataset.hash) continue
    const sources = {
      dataset,
      base: await pointSource(base[0], entry, entry.defense),
      head: await pointSource(head[0], entry, entry.headDefense),
      most,
    }
    for (const [measure, own] of picturesOf(entry, sources)) found.set(measure, own)
  }
  return found
}

async function openDataset(
  { suite }: RunResult,
  folder: string | undefined,
): Promise<Dataset | undefined> {
  if (!suite.content) return undefined
  try {
    const loaded = checkSuite(suite.content, 'suite', suiteFolder(suite.id, folder))
    const resolvePath = (path: string): string => join(loaded.folder, path)
    return await loadDataset(datasetReference(loaded), { split: 'test', resolvePath })
  } catch {
    // Pictures are an extra: the tables need no data.
    return undefined
  }
}

/** Saved points of an entry. The worst case shows those of the last attack. */
async function pointSource(
  result: string,
  { threatModel }: ComparedEntry,
  defense: string,
): Promise<PointSource> {
  const folder = adversarialsFolder(dirname(locateResult(result)))
  if (!existsSync(folder)) return () => undefined
  const index = await readAdversarialIndex(folder)
  const points = new Map<string, AdversarialPoints>()
  for (const listed of index?.files ?? []) {
    const isSame = canonicalJson(listed.threatModel) === canonicalJson(threatModel)
    if (listed.defense !== defense || !isSame) continue
    const name =
      listed.seed === 0 ? listed.attack.name : `${listed.attack.name}, seed ${listed.seed}`
    points.set(name, await readPoints(join(folder, listed.file)))
  }
  return ({ kind, name }, example) => {
    const own = kind === 'worst-case' ? [...points.values()].at(-1) : points.get(name)
    const row = own?.indices.indexOf(example) ?? -1
    if (!own || row < 0) return undefined
    const size = sizeOf(own.points.shape.slice(1))
    return own.points.data.slice(row * size, (row + 1) * size)
  }
}

function points(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= 0 && value <= 100) return value
  throw new InvalidArgumentError('Expected percentage points, such as 0.5.')
}
