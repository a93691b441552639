/** The kinds of transforms: a new kind is one file, and one line here. */
import { amplitudeKind } from './amplitude.ts'
import { attributeKind } from './attribute.ts'
import { corruptionKind } from './corruption.ts'
import { exchangeKind } from './exchange.ts'
import type { TransformRecord } from './transform-record.ts'

/** One record per kind, in the order in which schemas list them. */
const records = {
  attribute: attributeKind,
  amplitude: amplitudeKind,
  corruption: corruptionKind,
  exchange: exchangeKind,
} as const

type Records = typeof records

/** The name of a kind of transform. */
export type TransformKind = keyof Records

/** A transform with its limits, as in a threat model. */
export type Transform = {
  [K in TransformKind]: Parameters<Records[K]['slug']> extends [infer T] ? T : { readonly kind: K }
}[TransformKind]

/** Per example, the parameters of the transform that an attack used, for the host to repeat. */
export type TransformEvidence = {
  [K in TransformKind]: Records[K] extends {
    apply(inputs: never, evidence: infer E, ...rest: never[]): unknown
  }
    ? E
    : never
}[TransformKind]

/** All kinds, in the order of the table. */
// The keys are those of the table.
export const transformKinds = Object.keys(records) as TransformKind[]

/** The record of a kind. */
export function transformRecord(
  kind: TransformKind,
): TransformRecord<Transform, TransformEvidence> {
  // Callers pass transforms and evidence of that kind only.
  return records[kind]
}

/** False if the inputs are not chosen against the model; see `TransformRecord.adversarial`. */
export function isAdversarial({ transform }: { readonly transform?: Transform }): boolean {
  return transform === undefined || transformRecord(transform.kind).adversarial
}

const examples = Object.values(records).map(({ example }) => example)

const schemaOfAnyKind = {
  type: 'object',
  required: ['kind'],
  oneOf: Object.values(records).map(({ schema }) => schema),
  description: [
    `one of ${examples.join(', ')};`,
    'what an attacker may do to the image before the ball is drawn around it',
  ].join(' '),
} as const

/** JSON Schema of a transform of any kind; its static type leaves out the schemas of the kinds. */
export const transformSchema: Pick<typeof schemaOfAnyKind, 'type' | 'required' | 'description'> =
  schemaOfAnyKind
