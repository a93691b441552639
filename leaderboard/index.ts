/** Leaderboard entries and sites for programs: `robench/leaderboard`. */
export { buildSite, renderSite } from './build.ts'
export type { BuiltSite, SiteFiles } from './build.ts'
export { checkEntry } from './entry.ts'
export type { LeaderboardEntry } from './entry-type.ts'
export { entryFromResult } from './from-result.ts'
export type { EntryExtras } from './from-result.ts'
