/** Common corruptions: changes of the data that are not chosen against the model. */
import type { TransformRecord } from './transform-record.ts'

/** T is a corruption of the data, limited by the bounds only. */
export interface CorruptionTransform {
  readonly kind: 'corruption'
}

/** Attacks return corrupted images without evidence; an option of theirs names the corruption. */
export const corruptionKind = {
  kind: 'corruption',
  adversarial: false,
  schema: {
    type: 'object',
    additionalProperties: false,
    required: ['kind'],
    properties: { kind: { const: 'corruption' } },
  },
  example: '{"kind": "corruption"}',
  check: () => undefined,
  describe: () => ({
    title: 'common corruptions',
    phrase:
      'No attacker: images are corrupted by noise, blur, weather, and processing, ' +
      'regardless of the model,',
    worstCase: 'Worst case over corruptions',
  }),
  slug: () => 'corruption',
} as const satisfies TransformRecord<CorruptionTransform>
