/** Common corruptions: a change of the data that nobody chooses against the model. */
import type { TransformRecord } from './transform-record.ts'

/** T is a corruption of the data, limited by the bounds only. */
export interface CorruptionTransform {
  readonly kind: 'corruption'
}

/** Attacks return corrupted images without evidence: which corruption is their option. */
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
      'Nobody attacks: images are corrupted by noise, blur, weather and processing, ' +
      'whatever the model,',
    worstCase: 'Worst case over corruptions',
  }),
  slug: () => 'corruption',
} as const satisfies TransformRecord<CorruptionTransform>
