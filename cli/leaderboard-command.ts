/** `robench leaderboard`: adds entries to the leaderboard, and builds its static site. */
import { randomInt } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { buildSite, presentEntries } from '../leaderboard/build.ts'
import { auditAlone, auditEntries } from '../leaderboard/audit.ts'
import { checkSample } from '../leaderboard/check-sample.ts'
import { benchmarkKey, entryLocation, readEntry } from '../leaderboard/entry.ts'
import { checkFileOf } from '../leaderboard/entry-check.ts'
import { extendHistory, historyFileOf, readHistory } from '../leaderboard/entry-history.ts'
import type { EntryHistory } from '../leaderboard/entry-history.ts'
import type { LeaderboardEntry } from '../leaderboard/entry-type.ts'
import { privateRules, publicRules } from '../leaderboard/known-datasets.ts'
import type { BoardRules } from '../leaderboard/known-datasets.ts'
import { entryFromResult } from '../leaderboard/from-result.ts'
import { examplesFileOf } from '../leaderboard/pages/examples-file.ts'
import { countOf } from '../reports/theme/figures.ts'
import { ConfigError, didYouMean } from '../core/base/errors.ts'
import { fewLines } from '../core/base/schema.ts'
import { readText } from '../core/base/read-file.ts'
import { packageRoot } from '../core/base/paths.ts'
import { writeFileAtomic } from '../core/base/atomic-file.ts'
import { locateResult, readResult } from '../core/bench/result/read-result.ts'
import type { RunResult } from '../core/bench/result/result.ts'
import { verifyChunks } from '../core/bench/verify/verify-result.ts'
import { addMachineOptions, resultArgument, textList, wholeNumber } from './arguments.ts'
import { examplesOf } from './entry-examples.ts'
import { exitCodes } from './failure.ts'
import { jsonText, printable } from '../reports/theme/printable.ts'

/** Output streams of the commands. */
interface CommandStreams {
  readonly stdout: NodeJS.WritableStream
}

interface BuildOptions {
  readonly out: string
  readonly entries?: string
  readonly private?: true
  readonly data?: readonly string[]
  readonly url?: string
  readonly json?: true
}

interface AddOptions {
  readonly entry: string
  readonly id?: string
  readonly title?: string
  readonly authors?: string
  readonly paper?: string
  readonly code?: string
  readonly venue?: string
  readonly year?: number
  readonly architecture?: string
  readonly extraData?: string
  readonly citation?: string
  readonly private?: true
  readonly adversarials?: string
  readonly folder?: string
  readonly entries?: string
  readonly replace?: true
  readonly json?: true
}

/** The default entries directory, relative to a checkout. */
const ownEntries = join('leaderboard', 'entries')

/** The command `leaderboard` with `build`, `add`, and `check`. */
export function leaderboardCommand(streams: CommandStreams = process): Command {
  const command = new Command('leaderboard').description(
    'add and check leaderboard entries, or build the static site',
  )
  command
    .command('build')
    .description('build a static site of all entries')
    .requiredOption('--out <dir>', 'output directory: new, empty, or from an earlier build')
    .option(
      '--entries <dir>',
      `directory with entries (default: ${ownEntries}, or the entries shipped with robench)`,
    )
    .option('--private', 'a board of your own, which takes described data sets')
    .option(
      '--data <description...>',
      'with --private: descriptions whose hashes entries must have',
    )
    .option(
      '--url <url>',
      'address at which the site will be: for its sitemap, its feed, and previews of links',
      siteAddress,
    )
    .option('--json', 'print the result as JSON')
    .action((options: BuildOptions) => build(options, streams))
  command
    .command('add')
    .description('add a defense from a result to the leaderboard')
    .argument('<result>', resultArgument)
    .requiredOption('--entry <name>', 'name of the defense in the suite')
    .option('--id <id>', 'id and file name of the entry (default: name of the defense)')
    .option('--title <title>', 'title on the leaderboard (default: name of the defense)')
    .option('--authors <names>', 'comma-separated authors')
    .option('--paper <url>', 'URL of the paper')
    .option('--code <url>', 'URL of the code')
    .option('--venue <name>', 'conference, journal, or archive of the paper')
    .option('--year <n>', 'year of the paper', wholeNumber(1950))
    .option('--architecture <text>', 'network (default: that of the training card)')
    .option('--extra-data <text>', 'further training data (default: none)')
    .option('--citation <file>', 'BibTeX file with one entry')
    .option('--private', 'for a private board: data may be a described data set')
    .option(
      '--adversarials <dir>',
      'adversarial examples of the run: adds pictures and a confusion matrix to the page',
    )
    .option('--folder <dir>', 'directory that paths in the suite are relative to')
    .option('--entries <dir>', 'directory for entries', ownEntries)
    .option('--replace', 'replace an existing entry, which stays in its history')
    .option('--json', 'print the result as JSON')
    .action((path: string, options: AddOptions) => add(path, options, streams))
  const check = command
    .command('check')
    .description('run a sample of an entry again, and record that it holds')
    .argument('<entry>', 'JSON file of the entry')
    .option('--sample <n>', 'examples per attack', wholeNumber(1), 32)
    .option('--seed <n>', 'chooses the sample (default: random)', wholeNumber(0))
    .option('--model <file>', 'model file, if it is not where the suite says')
    .option('--folder <dir>', 'directory that paths in the suite are relative to')
    .option('--private', 'for a private board: data may be a described data set')
    .option('--no-record', 'do not write the record beside the entry')
  addMachineOptions(check)
    .option('--json', 'print the outcome as JSON')
    .action((path: string, options: CheckOptions) => checkOne(path, options, streams))
  return command
}

async function build(options: BuildOptions, streams: CommandStreams): Promise<void> {
  const shipped = join(packageRoot(), ownEntries)
  const entriesFolder = options.entries ?? (existsSync(ownEntries) ? ownEntries : shipped)
  if (options.data && !options.private) {
    throw new ConfigError('ROBENCH_CONFIG', '--data: only with --private')
  }
  const rules = options.private ? await privateRules(options.data) : publicRules
  const built = await buildSite({
    entriesFolder,
    outFolder: options.out,
    rules,
    ...(options.url !== undefined && { address: options.url }),
  })
  const entries = countOf(built.entries, 'entry', 'entries')
  const summary = `built ${entries} in ${countOf(built.tables, 'table')}`
  streams.stdout.write(
    options.json
      ? `${jsonText({ out: options.out, ...built })}\n`
      : `${summary}; open ${join(options.out, 'index.html')}\n`,
  )
}

async function add(path: string, options: AddOptions, streams: CommandStreams): Promise<void> {
  const { id, title, authors, paper, code, venue, year, architecture, extraData } = options
  const result = readResult(path)
  const found = result.entries.filter(({ defense }) => defense.name === options.entry)
  if (found.length === 0) {
    const names = [...new Set(result.entries.map(({ defense }) => defense.name))]
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `--entry ${options.entry}: ${path} has no defense of that name` +
        `${didYouMean(options.entry, names)} (defenses: ${names.join(', ') || 'none'})`,
    )
  }
  const extras = {
    ...(id !== undefined && { id }),
    ...(title !== undefined && { title }),
    ...(authors !== undefined && { authors: textList(authors).filter(Boolean) }),
    ...(paper !== undefined && { paper }),
    ...(code !== undefined && { code }),
    ...(venue !== undefined && { venue }),
    ...(year !== undefined && { year }),
    ...(architecture !== undefined && { architecture }),
    ...(extraData !== undefined && { extraData }),
    ...(options.citation !== undefined && {
      citation: readText(options.citation, { code: 'ROBENCH_DATA', mostBytes: 2 ** 16 }),
    }),
  }
  await refuseOtherChunks(result, path)
  const rules = options.private ? await privateRules() : publicRules
  // Create all entries before writing any: an invalid one leaves the directory unchanged.
  const entries = found.map((entry) => entryFromResult(result, entry, extras, rules))
  const folder = options.entries ?? ownEntries
  const added = entries.map((entry) => ({
    entry,
    file: join(folder, `${entryLocation(entry)}.json`),
  }))
  if (!options.replace) for (const { file } of added) refuseExisting(file)
  const present = [...new Set(entries.map(benchmarkKey))]
    .flatMap((benchmark) => presentEntries(folder, benchmark, rules))
    .filter(({ label }) => added.every(({ file }) => file !== label))
  const { supplements } = await auditEntries(
    entries.map((entry) => ({ entry, label: `entry "${entry.id}"` })),
    rules,
    present,
  )
  const examples = await examplesOf(result, entries, options)
  for (const [at, { entry, file }] of added.entries()) {
    const history = historyOf(entry, file, rules)
    await writeFileAtomic(file, entryText(entry))
    if (history) {
      await writeFileAtomic(historyFileOf(file), `${JSON.stringify(history, undefined, 2)}\n`)
    }
    const own = examples[at]
    if (own) await writeFileAtomic(examplesFileOf(file), `${JSON.stringify(own, undefined, 1)}\n`)
    else await rm(examplesFileOf(file), { force: true })
  }
  const files = added.map(({ file, entry }) => ({ file, isSupplement: supplements.has(entry) }))
  const note = ', a supplement: its attacks count into best known, and it has no row of its own'
  streams.stdout.write(
    options.json
      ? `${jsonText({
          files: files.map(({ file }) => file),
          supplements: files.filter(({ isSupplement }) => isSupplement).map(({ file }) => file),
        })}\n`
      : files
          .map(({ file, isSupplement }) => `added ${file}${isSupplement ? note : ''}\n`)
          .join(''),
  )
}

interface CheckOptions {
  readonly sample: number
  readonly seed?: number
  readonly model?: string
  readonly folder?: string
  /** False with `--no-record`. */
  readonly record: boolean
  readonly private?: true
  readonly device: string
  readonly threads: number
  readonly json?: true
}

async function checkOne(
  path: string,
  options: CheckOptions,
  streams: CommandStreams,
): Promise<void> {
  const { sample, model, folder, device, threads } = options
  const seed = options.seed ?? randomInt(2 ** 31)
  const rules = options.private ? await privateRules() : publicRules
  const entry = readEntry(path, rules)
  await auditAlone(entry, path, rules)
  const { report, check } = await checkSample(entry, path, {
    sample,
    seed,
    device,
    threads,
    ...(model !== undefined && { model }),
    ...(folder !== undefined && { folder }),
    signal: new AbortController().signal,
  })
  const { outcomes, held, checks, differences } = report
  const record = checkFileOf(path)
  if (check && options.record) {
    await writeFileAtomic(record, `${JSON.stringify(check, undefined, 2)}\n`)
  } else if (!check) process.exitCode = exitCodes.failures
  const compared = `${countOf(outcomes, 'outcome')} (${held} robust), ${countOf(checks, 'check')}`
  const verdict = check ? 'holds' : 'does not hold'
  const lines = [
    `${path} ${verdict}: ${compared} compared, seed ${seed}`,
    ...differences.map((text) => `  ${text}`),
    ...(check && options.record ? [`recorded in ${record}`] : []),
  ]
  streams.stdout.write(
    options.json
      ? `${jsonText({ holds: check !== undefined, seed, outcomes, held, checks, differences })}\n`
      : printable(`${lines.join('\n')}\n`),
  )
}

/** The history of an entry that replaces the one in a file, if there is one that can be read. */
function historyOf(
  entry: LeaderboardEntry,
  file: string,
  rules: BoardRules,
): EntryHistory | undefined {
  if (!existsSync(file)) return undefined
  let replaced: LeaderboardEntry
  try {
    replaced = readEntry(file, rules)
  } catch {
    // An entry that the board refuses has no place in a history.
    return undefined
  }
  return extendHistory(entry, replaced, readHistory(file, replaced))
}

/** Throws if the directory of the result has chunks from which it was not made. */
async function refuseOtherChunks(result: RunResult, path: string): Promise<void> {
  const file = locateResult(path)
  const { differences } = await verifyChunks(result, dirname(file))
  if (differences.length === 0) return
  throw new ConfigError(
    'ROBENCH_DATA',
    `${file}: must agree with the chunks in units beside it, from which it was made; run the ` +
      `suite again:\n${fewLines(differences.map((text) => `  ${text}`))}`,
  )
}

function refuseExisting(file: string): void {
  if (!existsSync(file)) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${file}: entry already exists; choose another --id, or pass --replace`,
  )
}

function entryText(entry: LeaderboardEntry): string {
  return `${jsonText(entry)}\n`
}

/** An absolute http or https URL without query and fragment. */
function siteAddress(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '') return url.href
  throw new InvalidArgumentError('Expected a URL such as https://example.org/board/.')
}
