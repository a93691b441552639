/** Exchanged spectra: a diagnostic of adversarial examples, not an attack. */
import type { TransformRecord } from './transform-record.ts'

/** T exchanges amplitude or phase with an adversarial example, limited by the bounds only. */
export interface ExchangeTransform {
  readonly kind: 'exchange'
}

/**
 * Attacks return images without evidence; an option of theirs names the part. The ball of the
 * threat model limits the adversarial examples from which the part is taken.
 */
export const exchangeKind = {
  kind: 'exchange',
  adversarial: false,
  schema: {
    type: 'object',
    additionalProperties: false,
    required: ['kind'],
    properties: { kind: { const: 'exchange' } },
  },
  example: '{"kind": "exchange"}',
  check: () => undefined,
  describe: () => ({
    title: 'amplitude or phase of adversarial examples',
    phrase: 'A diagnostic: images take the amplitude or the phase of adversarial examples',
    worstCase: 'Worst case over parts',
  }),
  slug: () => 'exchange',
} as const satisfies TransformRecord<ExchangeTransform>
