/** What the process that reads plugin packages is asked, and what it answers: plain JSON. */
import type { ErrorRecord } from '../base/errors.ts'
import type { PluginKind, PluginMeta } from './contract.ts'
import type { PluginLocation } from './load.ts'
import type { CostRequest } from './registry.ts'

/** A question. */
export type ReaderRequest =
  /** Import a package; all others ask about one that was imported. */
  | { readonly ask: 'import'; readonly location: PluginLocation }
  | {
      readonly ask: 'meta'
      readonly package: string
      readonly kind: PluginKind
      readonly id: string
    }
  | { readonly ask: 'cost'; readonly package: string; readonly cost: CostRequest }

/** The values of the answers, by question. */
export interface ReaderValues {
  /** Ids by kind. */
  readonly import: Readonly<Record<PluginKind, readonly string[]>>
  /** Absent where its JSON is not that of an object. */
  readonly meta: PluginMeta | undefined
  /** Whatever the plugin returns; the host checks it. */
  readonly cost: unknown
}

/** An answer. */
export type ReaderAnswer =
  | {
      readonly robench: 'answer'
      readonly value: ReaderValues[ReaderRequest['ask']]
      readonly notices: readonly string[]
    }
  | { readonly robench: 'error'; readonly error: ErrorRecord }

/** Whether a message is an answer. */
export function isReaderAnswer(message: object): message is ReaderAnswer {
  const kind: unknown = Reflect.get(message, 'robench')
  return kind === 'answer' || kind === 'error'
}
