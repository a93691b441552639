/** The formats of the claims table. */
import type { EvaluatedClaim } from './evaluate.ts'
import { writeClaimsMarkdown } from './markdown.ts'
import { formatClaims } from './text.ts'
import { jsonText } from '../theme/printable.ts'

/** Writes evaluated claims, by format id. */
export const claimFormats = {
  text: (evaluated) => formatClaims(evaluated, { color: false }),
  markdown: writeClaimsMarkdown,
  json: (evaluated) => `${jsonText({ claims: evaluated })}\n`,
} as const satisfies Readonly<Record<string, (evaluated: readonly EvaluatedClaim[]) => string>>

/** The id of a format: `text`, `markdown`, or `json`. */
export type ClaimFormatId = keyof typeof claimFormats
