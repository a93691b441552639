/** `robench leaderboard`: add a run's entry to the leaderboard, and build its static site. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { buildSite } from '../leaderboard/build.ts'
import { entryLocation } from '../leaderboard/entry.ts'
import type { LeaderboardEntry } from '../leaderboard/entry.ts'
import { entryFromResult } from '../leaderboard/from-result.ts'
import { countOf } from '../reports/theme/figures.ts'
import { ConfigError, didYouMean } from '../core/base/errors.ts'
import { packageRoot } from '../core/base/paths.ts'
import { writeFileAtomic } from '../core/base/atomic-file.ts'
import { readResult } from '../core/bench/result/read-result.ts'

/** Where the commands write. */
interface CommandStreams {
  readonly stdout: NodeJS.WritableStream
}

interface BuildOptions {
  readonly out: string
  readonly entries?: string
  readonly json?: true
}

interface AddOptions {
  readonly entry: string
  readonly id?: string
  readonly title?: string
  readonly authors?: string
  readonly paper?: string
  readonly code?: string
  readonly entries?: string
  readonly replace?: true
  readonly json?: true
}

/** Where entries lie in a checkout, and where `add` puts them. */
const ownEntries = join('leaderboard', 'entries')

/** The command with its two subcommands; add it to the main program. */
export function leaderboardCommand(streams: CommandStreams = process): Command {
  const command = new Command('leaderboard').description('the static leaderboard')
  command
    .command('build')
    .description('render all entries to a folder of static pages')
    .requiredOption('--out <dir>', "the site's folder: empty, or one of an earlier build")
    .option('--entries <dir>', `entries (default: ${ownEntries}, else those shipped with robench)`)
    .option('--json', 'print what was built as JSON')
    .action((options: BuildOptions) => build(options, streams))
  command
    .command('add')
    .description("make a leaderboard entry of a run's result")
    .argument('<result>', 'a result.json, or the results folder that holds one')
    .requiredOption('--entry <name>', 'the defense, as the suite names it')
    .option('--id <id>', "name of the entry's file (default: the defense's name)")
    .option('--title <title>', "what the board calls it (default: the defense's name)")
    .option('--authors <names>', 'comma-separated')
    .option('--paper <url>', 'address of the paper')
    .option('--code <url>', 'address of the code')
    .option('--entries <dir>', 'folder to add it to', ownEntries)
    .option('--replace', 'replace an entry that is there already')
    .option('--json', 'print what was added as JSON')
    .action((path: string, options: AddOptions) => add(path, options, streams))
  return command
}

async function build(options: BuildOptions, streams: CommandStreams): Promise<void> {
  const shipped = join(packageRoot(), ownEntries)
  const entriesFolder = options.entries ?? (existsSync(ownEntries) ? ownEntries : shipped)
  const built = await buildSite({ entriesFolder, outFolder: options.out })
  const summary = `${countOf(built.entries, 'entry', 'entries')} in ${countOf(built.tables, 'table')}`
  streams.stdout.write(
    options.json
      ? `${JSON.stringify({ out: options.out, ...built }, null, 2)}\n`
      : `${summary}: open ${join(options.out, 'index.html')}\n`,
  )
}

async function add(path: string, options: AddOptions, streams: CommandStreams): Promise<void> {
  const { id, title, authors, paper, code } = options
  const result = readResult(path)
  const found = result.entries.filter(({ defense }) => defense.name === options.entry)
  if (found.length === 0) {
    const names = [...new Set(result.entries.map(({ defense }) => defense.name))]
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `--entry ${options.entry}: no such defense in ${path}${didYouMean(options.entry, names)} ` +
        `(it has: ${names.join(', ') || 'none'})`,
    )
  }
  const extras = {
    ...(id !== undefined && { id }),
    ...(title !== undefined && { title }),
    ...(authors !== undefined && {
      authors: authors
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean),
    }),
    ...(paper !== undefined && { paper }),
    ...(code !== undefined && { code }),
  }
  // All are made before any is written: a refusal changes nothing.
  const entries = found.map((entry) => entryFromResult(result, entry, extras))
  const folder = options.entries ?? ownEntries
  const added = entries.map((entry) => ({
    entry,
    file: join(folder, `${entryLocation(entry)}.json`),
  }))
  if (!options.replace) for (const { file } of added) refuseExisting(file)
  for (const { entry, file } of added) await writeFileAtomic(file, entryText(entry))
  const files = added.map(({ file }) => file)
  streams.stdout.write(
    options.json
      ? `${JSON.stringify({ files }, null, 2)}\n`
      : files.map((file) => `added ${file}\n`).join(''),
  )
}

function refuseExisting(file: string): void {
  if (!existsSync(file)) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${file}: there is an entry already; give this one another --id, or --replace the old one`,
  )
}

function entryText(entry: LeaderboardEntry): string {
  return `${JSON.stringify(entry, null, 2)}\n`
}
