/** The time left of a run, replayed from the events of real runs. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { RunProgress } from '../../../../core/bench/forecast/run-progress.ts'
import type { RunStatus, UnitPasses } from '../../../../core/bench/forecast/run-progress.ts'
import {
  ShownTime,
  scheduledCellsMs,
  scheduledMs,
} from '../../../../core/bench/forecast/time-left.ts'
import { makePlan } from '../../../../core/bench/plan/plan.ts'
import type { Plan, PlanAttack } from '../../../../core/bench/plan/plan.ts'
import type { PassEstimate } from '../../../../core/plugin/contract.ts'

/** Milliseconds, kind, index of the unit, and its values. */
type RecordedEvent = readonly [number, 'begin' | 'advance' | 'finish', number, ...number[]]

/** Events of a run on two workers of a busy machine, with all that its time depends on. */
interface Recording {
  readonly examples: number
  readonly lanes: number
  readonly rows: readonly {
    readonly name: string
    readonly forwardMs: number
    readonly backwardMs: number
  }[]
  readonly checks: PassEstimate & { readonly examples: number }
  readonly attacks: Readonly<Record<string, PassEstimate>>
  readonly events: readonly RecordedEvent[]
}

function recordingOf(name: string): Recording {
  const file = new URL(`recorded/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')) as Recording
}

function planOf({ examples, rows, checks, attacks }: Recording): Plan {
  return makePlan({
    software: { robench: '1.0.0', onnxruntime: '1.0.0' },
    device: 'cpu',
    dataset: { id: 'toy', sha256: 'd' },
    examples,
    rows: rows.map(({ name }) => ({
      name,
      defense: { plugin: 'p', version: 1, options: {}, model: name },
      threatModel: { norm: 'Linf', epsilon: 0.1, bounds: [0, 1] },
    })),
    attacks: Object.entries(attacks).map(([name, passes]): PlanAttack => ({
      name,
      plugin: name,
      version: 1,
      options: {},
      stochastic: false,
      minimumNorm: false,
      passes: () => passes,
    })),
    seeds: [0],
    probes: { version: 1, sample: checks.examples, passes: checks },
  })
}

interface Moment {
  readonly ms: number
  readonly status: RunStatus
}

/** The status after each event, and each second between events. @param slower of the clock */
function replay(recording: Recording, slower: (ms: number) => number = (ms) => ms): Moment[] {
  const plan = planOf(recording)
  let ms = 0
  const work = new RunProgress(plan, () => undefined, {
    lanes: recording.lanes,
    times: (model) => recording.rows.find(({ name }) => name === model)!,
    now: () => ms,
  })
  const moments: Moment[] = [{ ms, status: work.status }]
  for (const [
    at,
    kind,
    index,
    first = 0,
    backwardPasses = 0,
    elapsedMs = 0,
    correct,
  ] of recording.events) {
    for (ms += 1000; ms < slower(at); ms += 1000) moments.push({ ms, status: work.status })
    ms = slower(at)
    const unit = plan.units[index]!
    if (kind === 'begin') work.begin(unit)
    else if (kind === 'advance') work.advance(unit, first)
    else work.finish(unit, finished(first, backwardPasses, elapsedMs, correct))
    moments.push({ ms, status: work.status })
  }
  return moments
}

function finished(
  forwardPasses: number,
  backwardPasses: number,
  elapsedMs: number,
  correct?: number,
): UnitPasses {
  const outcomes = correct === undefined ? {} : { outcomes: '1'.repeat(correct).padEnd(500, '0') }
  return { forwardPasses, backwardPasses, elapsedMs, ...outcomes }
}

function rises(moments: readonly Moment[]): number {
  return moments.filter(
    ({ status }, at) => at > 0 && status.leftMs > moments[at - 1]!.status.leftMs,
  ).length
}

describe.each(['quickstart', 'cifar10-pgd-at'])('the recorded run %s', (name) => {
  const recording = recordingOf(name)
  const moments = replay(recording)
  const end = moments.at(-1)!.ms

  test('the time left never rises, and is 0 at the end only', () => {
    expect(rises(moments)).toBe(0)
    expect(moments.slice(0, -1).every(({ status }) => status.leftMs > 0)).toBe(true)
    expect(moments.at(-1)!.status).toEqual({ leftMs: 0, isBound: false, running: [] })
  })

  test('it is within a factor of four of the truth until the last fifth', () => {
    const ratios = moments
      .filter(({ ms }) => ms < 0.8 * end)
      .map(({ ms, status }) => status.leftMs / (end - ms))
    expect(Math.min(...ratios)).toBeGreaterThan(1 / 4)
    expect(Math.max(...ratios)).toBeLessThan(4)
  })

  test('a model and an attack, or the checks, are named', () => {
    const names = new Set(
      moments.flatMap(({ status }) =>
        status.running.map(({ defense, kind, attack }) => `${defense} ${attack ?? kind}`),
      ),
    )
    const whats = ['clean', 'checks', ...Object.keys(recording.attacks)]
    const expected = recording.rows.flatMap((row) => whats.map((what) => `${row.name} ${what}`))
    expect([...names].toSorted()).toEqual(expected.toSorted())
  })

  test('a machine that halts for ten minutes is followed by few corrections', () => {
    const halted = replay(recording, (ms) => (ms > end / 2 ? ms + 600_000 : ms))
    expect(rises(halted)).toBeLessThanOrEqual(2)
  })
})

test('pieces of work go to the worker that is free first', () => {
  expect(scheduledMs([], [], 2)).toBe(0)
  expect(scheduledMs([], [4, 3, 2, 1], 2)).toBe(5)
  expect(scheduledMs([10], [4, 4, 4], 2)).toBe(12)
})

test('clean predictions come first', () => {
  const clean = { kind: 'clean', units: 2, ms: 6 } as const
  const attack = { kind: 'attack', units: 1, ms: 10 } as const
  expect(scheduledCellsMs([attack, clean, { ...attack, kind: 'checks', units: 0, ms: 0 }], 2)).toBe(
    13,
  )
})

test('the shown time counts down, falls at once, waits, and rises only to a far higher one', () => {
  const shown = new ShownTime()
  expect(shown.update(60_000, 0)).toBe(60_000)
  expect(shown.update(60_000, 10_000)).toBe(60_000)
  expect(shown.update(45_000, 20_000)).toBe(45_000)
  expect(shown.update(70_000, 25_000)).toBe(45_000)
  expect(shown.update(78_000, 26_000)).toBe(78_000)
})
