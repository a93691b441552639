/** The JSON Schema of result.json. Unknown keys are allowed, since newer versions may add some. */
import { sha256Schema as sha256 } from '../../base/hash.ts'
import { visibleText } from '../../base/visible-text.ts'
import { verdicts } from '../checks/check.ts'
import { givenSchema, norms } from '../../threat/threat-model.ts'
import { threatTargetSchema } from '../../threat/target.ts'
import { transformSchema } from '../../threat/transforms/table.ts'

const text = { type: 'string' } as const
const whole = { type: 'integer', minimum: 0 } as const
const fraction = { type: 'number', minimum: 0, maximum: 1 } as const
const milliseconds = { type: 'number', minimum: 0 } as const
const plainObject = { type: 'object' } as const

const error = record({ code: text, name: text, message: text })
const numbers = { type: 'array', items: { type: 'number' } } as const
const threatModel = record(
  {
    norm: { enum: norms },
    epsilon: { type: 'number', minimum: 0 },
    bounds: { ...numbers, minItems: 2, maxItems: 2 },
  },
  { transform: transformSchema, target: threatTargetSchema, given: givenSchema },
)

const attackIdentity = record(
  { name: text, plugin: text, version: whole, options: plainObject },
  { package: text },
)
const packageIdentity = record({ name: text, version: text, integrity: sha256 })

const outcomes = { type: 'string', pattern: '^[wrb]+$' } as const
const stage = record({ name: text, outcomes, robustAccuracy: fraction })

const drawAccuracy = record({ robustAccuracy: fraction, low: fraction, high: fraction })
const curve = record({
  epsilons: numbers,
  robustAccuracies: { type: 'array', items: fraction },
  breakingEpsilons: { type: 'array', items: { type: ['number', 'null'], minimum: 0 } },
})

const attack = {
  oneOf: [
    record(
      {
        state: { const: 'completed' },
        attack: attackIdentity,
        seed: whole,
        outcomes,
        robustAccuracy: fraction,
        forwardPasses: whole,
        backwardPasses: whole,
        elapsedMs: milliseconds,
      },
      {
        stages: { type: 'array', items: stage },
        curve,
        corrupted: record({ correct: { type: 'string', pattern: '^[01]+$' }, accuracy: fraction }),
        draws: record({
          count: { type: 'integer', minimum: 1 },
          correct: { type: 'array', items: whole },
          mean: drawAccuracy,
          majority: drawAccuracy,
          any: drawAccuracy,
        }),
        silentSuccesses: whole,
      },
    ),
    record({
      state: { const: 'failed' },
      attack: attackIdentity,
      seed: whole,
      error,
    }),
  ],
  description: 'a completed attack with its outcomes, or a failed one with its error',
} as const

const figure = { type: ['number', 'null'] } as const
const check = record({
  id: text,
  title: text,
  verdict: { enum: verdicts },
  value: figure,
  threshold: figure,
  evidence: text,
})

const entry = record(
  {
    defense: record(
      {
        name: text,
        plugin: text,
        version: whole,
        options: plainObject,
        model: record({ sha256, bytes: whole, parameters: whole }, { hash: sha256 }),
      },
      { package: text, training: plainObject, link: text, remarks: { type: 'array', items: text } },
    ),
    dataset: record(
      {
        id: text,
        title: visibleText,
        sha256,
        toy: { type: 'boolean' },
        examples: { type: 'integer', minimum: 1 },
        total: whole,
      },
      {
        sample: record({ count: whole, seed: whole }),
        doubts: { type: 'array', items: text },
      },
    ),
    threatModel,
    cleanOutcomes: {
      type: 'string',
      pattern: '^[01]+$',
      description: 'one "1" (correct) or "0" per example',
    },
    cleanAccuracy: fraction,
    attacks: { type: 'array', items: attack },
    rankable: { type: 'boolean' },
    reasons: { type: 'array', items: text },
  },
  {
    worstCaseRobustAccuracy: fraction,
    worstCaseCurve: curve,
    checks: { type: 'array', items: check },
    remarks: { type: 'array', items: text },
  },
)

/** The schema of `RunResult`. */
export const resultSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:robench:schema:result:1',
  title: 'robench result',
  ...record(
    {
      schemaVersion: { const: 1 },
      suite: record({ id: text, title: visibleText, sha256 }, { content: plainObject }),
      robenchVersion: text,
      startedAt: text,
      finishedAt: text,
      environment: record(
        {
          node: text,
          onnxruntime: text,
          platform: text,
          cpu: text,
          device: text,
          workers: whole,
        },
        { engine: text },
      ),
      entries: { type: 'array', items: entry },
    },
    {
      command: text,
      packages: { type: 'array', items: packageIdentity },
      evidence: record({ units: record({ count: whole, sha256 }) }, { adversarials: sha256 }),
      failures: { type: 'array', items: record({ defense: text, threatModel, error }) },
    },
  ),
} as const

/** An object with required and optional properties. */
function record(
  properties: Readonly<Record<string, object>>,
  optional: Readonly<Record<string, object>> = {},
): Readonly<Record<string, unknown>> {
  return {
    type: 'object',
    required: Object.keys(properties),
    properties: { ...properties, ...optional },
  }
}
