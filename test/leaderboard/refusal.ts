/** Boards that are refused, and entries with other suites, for the tests of rules. */
import { checkSuite } from '../../core/bench/suite/load.ts'
import { auditEntries } from '../../leaderboard/audit.ts'
import { checkEntry } from '../../leaderboard/entry.ts'
import type { LeaderboardEntry } from '../../leaderboard/entry-type.ts'

/** The reason why a board of these entries is refused; undefined if it is built. */
export async function refusal(...entries: readonly object[]): Promise<string | undefined> {
  try {
    const checked = entries.map((entry, at) => {
      const label = `${at}.json`
      // As a file has it: without undefined values.
      return { entry: checkEntry(JSON.parse(JSON.stringify(entry)), label), label }
    })
    await auditEntries(checked)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** The entry with another suite, and with the title and hash of that suite. */
export function withSuite(entry: LeaderboardEntry, change: object): LeaderboardEntry {
  const document = structuredClone({ ...entry.run.suite.content, ...change })
  const { suite: content, sha256 } = checkSuite(document, 'suite', '.')
  const suite = { ...entry.run.suite, title: content.title, content: { ...content }, sha256 }
  return { ...entry, run: { ...entry.run, suite } }
}
