/** JSON Schemas of what is read of messages: whoever can write to the broker can send others. */
import { sha256Schema } from '../../base/hash.ts'

const text = { type: 'string' } as const
const object = { type: 'object' } as const
/** In ms. */
const time = { type: 'number', minimum: 0 } as const
const count = { type: 'integer', minimum: 0 } as const

/** The model file of a job. */
const modelSchema = {
  ...object,
  required: ['sha256', 'label', 'manifest'],
  properties: { sha256: sha256Schema, label: text, manifest: object },
} as const

const shardSchema = {
  ...object,
  required: ['start', 'end'],
  properties: { start: count, end: count },
} as const

/** What a worker reads of a job before it starts it. */
export const jobSchema = {
  ...object,
  required: ['version', 'label', 'job', 'limits', 'software', 'packages', 'data'],
  properties: {
    label: text,
    limits: {
      ...object,
      required: ['label', 'timeLimitMs'],
      properties: {
        label: text,
        timeLimitMs: time,
        stallLimitMs: time,
        graceMs: time,
        restartOnProgress: { type: 'boolean' },
      },
    },
    software: {
      ...object,
      required: ['robench', 'onnxruntime'],
      properties: { robench: text, onnxruntime: text },
    },
    packages: {
      type: 'array',
      items: {
        ...object,
        required: ['name', 'version', 'integrity'],
        properties: { name: text, version: text, integrity: text },
      },
    },
    data: {
      ...object,
      required: ['test'],
      properties: { test: sha256Schema, train: sha256Schema },
    },
    job: {
      ...object,
      required: ['kind', 'setting'],
      properties: {
        kind: { enum: ['unit', 'prepare'] },
        setting: {
          ...object,
          required: ['plugins', 'dataset'],
          properties: {
            plugins: { type: 'array', items: text },
            dataset: { ...object, required: ['id'], properties: { id: text } },
          },
        },
        surrogates: { type: 'array', items: modelSchema },
        // Names of files on this machine follow from both.
        cacheKey: sha256Schema,
        model: modelSchema,
        batchSize: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
        unit: {
          ...object,
          required: ['id', 'cell', 'shard'],
          properties: { id: sha256Schema, cell: object, shard: shardSchema },
        },
      },
      anyOf: [
        { properties: { kind: { const: 'prepare' } } },
        { required: ['unit', 'model', 'batchSize'] },
      ],
      description: 'a job, with unit, model, and batchSize if its kind is unit',
    },
  },
} as const

/** What a coordinator reads of an outcome. */
export const outcomeSchema = {
  ...object,
  required: ['version', 'worker', 'outcome'],
  properties: {
    worker: text,
    points: sha256Schema,
    card: { ...object, required: ['sha256'], properties: { sha256: sha256Schema } },
    outcome: {
      oneOf: [
        {
          ...object,
          required: ['state', 'value'],
          properties: { state: { const: 'completed' }, value: object },
        },
        {
          ...object,
          required: ['state', 'error'],
          properties: {
            state: { const: 'failed' },
            error: {
              ...object,
              required: ['code', 'message'],
              properties: { code: text, message: text },
            },
          },
        },
      ],
    },
  },
} as const
