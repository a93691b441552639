/** Results with outcomes computed by a rule, for the tests of reports and leaderboard. */
import type { Check, Verdict } from '../../core/bench/checks/check.ts'
import { documentationOf } from '../../core/bench/checks/documentation.ts'
import { hashBytes } from '../../core/base/hash.ts'
import { robustAccuracy, worstCaseRobustAccuracy } from '../../core/bench/metrics/accuracy.ts'
import type {
  AttackIdentity,
  AttackResult,
  CompletedAttack,
  ResultEntry,
  RunResult,
} from '../../core/bench/result/result.ts'

/** A hash that depends on a name. */
export function hashOf(name: string): string {
  return hashBytes(new TextEncoder().encode(name))
}

/** The first attack of `makeEntry`. */
export const fgsm: AttackIdentity = { name: 'fgsm', plugin: 'fgsm', version: 1, options: {} }
/** The second attack of `makeEntry`. */
export const pgd: AttackIdentity = {
  name: 'pgd-20',
  plugin: 'pgd',
  version: 1,
  options: { steps: 20, stepSize: 2 / 255, restarts: 1 },
}

/** Numbers of clean and robust examples of a defense. */
export interface Strength {
  readonly clean: number
  /** Robust examples by attack name; `undefined` for an attack that failed. */
  readonly robust: Readonly<Record<string, number | undefined>>
}

/**
 * An entry with these counts. Example i has the place (7919·i) mod n. The first `clean` places are
 * correct. The first attack leaves the first `robust` places, the second a window shifted by one.
 */
export function makeEntry(
  name: string,
  strength: Strength,
  changes: Partial<ResultEntry> & { readonly plugin?: string } = {},
): ResultEntry {
  const { plugin = 'onnx-model', ...rest } = changes
  const dataset = rest.dataset ?? {
    id: 'cifar10',
    title: 'CIFAR-10',
    sha256: hashOf('cifar10'),
    toy: false,
    examples: 10_000,
    total: 10_000,
  }
  const places = Array.from({ length: dataset.examples }, (_, i) => (7919 * i) % dataset.examples)
  const attacks = [fgsm, pgd].map((attack, shift): AttackResult => {
    const robust = strength.robust[attack.name]
    if (robust === undefined) {
      const message =
        `cell ${name} × ${attack.name}: expected to finish within 600 s, took longer; ` +
        'raise timeLimitMs in the suite or lower steps'
      return {
        state: 'failed',
        attack,
        seed: 0,
        error: { code: 'ROBENCH_TIMEOUT', name: 'RunError', message },
      }
    }
    const outcomes = places
      .map((place) => {
        if (place >= strength.clean) return 'w'
        return place >= shift && place < robust + shift ? 'r' : 'b'
      })
      .join('')
    return complete(attack, outcomes)
  })
  const completed = attacks.filter((attack) => attack.state === 'completed')
  const worst = worstCaseRobustAccuracy(completed.map(({ outcomes }) => outcomes))
  const reasons = attacks.some(({ state }) => state === 'failed') ? ['an attack failed'] : []
  return {
    defense: {
      name,
      plugin,
      version: 1,
      options: plugin === 'onnx-model' ? { path: `models/${name}.onnx` } : { network: 'small-cnn' },
      model: { sha256: hashOf(name), bytes: 1_104_212, parameters: 274_442 },
    },
    dataset,
    threatModel: { norm: 'Linf', epsilon: 8 / 255, bounds: [0, 1] },
    cleanOutcomes: places.map((place) => (place < strength.clean ? '1' : '0')).join(''),
    cleanAccuracy: strength.clean / dataset.examples,
    attacks,
    ...(worst !== undefined && { worstCaseRobustAccuracy: worst }),
    rankable: reasons.length === 0,
    reasons,
    ...rest,
  }
}

/** A completed attack with these outcomes; cost and time depend on its options. */
export function complete(attack: AttackIdentity, outcomes: string): CompletedAttack {
  const steps = Number(attack.options['steps'] ?? 1)
  const attacked = outcomes.replaceAll('w', '').length
  return {
    state: 'completed',
    attack,
    seed: 0,
    outcomes,
    robustAccuracy: robustAccuracy(outcomes),
    forwardPasses: (steps + 1) * attacked,
    backwardPasses: steps * attacked,
    elapsedMs: 1.3 * steps * attacked,
  }
}

/** A result with these entries. */
export function makeResult(
  entries: readonly ResultEntry[],
  changes: Partial<RunResult> = {},
): RunResult {
  return {
    schemaVersion: 1,
    suite: { id: 'cifar10', title: 'CIFAR-10, L∞ 8/255', sha256: hashOf('suite') },
    robenchVersion: '0.1.0',
    startedAt: '2026-08-22T13:12:04.120Z',
    finishedAt: '2026-08-22T14:03:51.903Z',
    environment: {
      node: 'v20.20.2',
      onnxruntime: '1.30.0',
      platform: 'linux x64',
      cpu: 'Intel Xeon, 2 cores',
      device: 'cpu',
      workers: 2,
    },
    entries,
    ...changes,
  }
}

/** A training card. */
export const training = {
  network: 'resnet',
  baseChannels: 16,
  epochs: 30,
  optimizer: { name: 'sgd', learningRate: 0.1, momentum: 0.9, weightDecay: 0.0005 },
  innerAttack: { steps: 7, stepSize: 2 / 255 },
  forwardPasses: 12_000_000,
  elapsedMs: 17_340_000,
}

/** A standard and an adversarially trained model on CIFAR-10, the latter with a training card. */
export function typicalResult(): RunResult {
  const standard = makeEntry('standard', { clean: 8312, robust: { fgsm: 410, 'pgd-20': 12 } })
  const pgdAt = makeEntry('pgd-at', { clean: 6925, robust: { fgsm: 4488, 'pgd-20': 3961 } })
  const link = 'https://arxiv.org/abs/1706.06083'
  return makeResult([
    standard,
    { ...pgdAt, defense: { ...pgdAt.defense, plugin: 'pgd-at', training, link } },
  ])
}

/** Toy data, a limit, and a failed attack: everything that a report warns about. */
export function troubledResult(): RunResult {
  const dataset = {
    id: 'quickstart',
    title: 'Quickstart shapes',
    sha256: hashOf('quickstart'),
    toy: true,
    examples: 200,
    total: 1000,
  }
  const reasons = ['only 200 of 1,000 examples (--limit)', 'Quickstart shapes is toy data']
  const entry = (name: string, strength: Strength) =>
    makeEntry(name, strength, { dataset, rankable: false, reasons })
  const slow = entry('slow-defense', { clean: 164, robust: { fgsm: 97, 'pgd-20': undefined } })
  return makeResult(
    [
      entry('standard', { clean: 189, robust: { fgsm: 21, 'pgd-20': 3 } }),
      { ...slow, reasons: [...reasons, 'the attack pgd-20 failed'] },
    ],
    {
      suite: { id: 'quickstart', title: 'Quickstart', sha256: hashOf('quickstart suite') },
      failures: [
        {
          defense: 'not-onnx',
          threatModel: { norm: 'Linf', epsilon: 8 / 255, bounds: [0, 1] },
          error: {
            code: 'ROBENCH_MODEL_FILE',
            name: 'ConfigError',
            message: 'models/not-onnx.onnx: expected an ONNX model, got text; check the path',
          },
        },
      ],
    },
  )
}

/** One entry without warnings, and one that is unreliable. */
export function checkedResult(): RunResult {
  const check = (id: string, verdict: Verdict, evidence: string, value: number | null): Check => ({
    id,
    title: documentationOf(id)?.title ?? id,
    verdict,
    value,
    threshold: value === null ? null : 0.1,
    evidence,
  })
  const sound = [
    check(
      'gradient-available',
      'pass',
      'the gradient of every loss is zero for 0 of 64 examples',
      0,
    ),
    check(
      'losses-agree',
      'pass',
      '40 steps on cross-entropy break 31 of 60 examples, ' +
        'on the margin and DLR together 32 (1.67 % more)',
      0.0167,
    ),
    check(
      'transfer-weaker',
      'not-applicable',
      'no white-box and transfer attack were run side by side',
      null,
    ),
  ]
  const raised = [
    check(
      'gradient-cross-entropy',
      'fail',
      '57 of 64 examples have a zero gradient of cross-entropy',
      0.890625,
    ),
    check(
      'logit-scale',
      'warn',
      "the label's logit is 7380 above the next one in the median; 0.1 to 50 is usual",
      7380,
    ),
    check(
      'losses-agree',
      'fail',
      '40 steps on cross-entropy break 3 of 64 examples, ' +
        'on the margin and DLR together 52 (76.6 % more)',
      0.765625,
    ),
    sound[0]!,
    sound[2]!,
  ]
  const standard = makeEntry('standard', { clean: 8312, robust: { fgsm: 410, 'pgd-20': 12 } })
  const scaled = makeEntry('logits × 1000', { clean: 8312, robust: { fgsm: 7900, 'pgd-20': 7812 } })
  return makeResult([
    { ...standard, checks: sound },
    { ...scaled, checks: raised },
  ])
}
