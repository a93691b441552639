/** The restart driver: the order of hooks and passes, restarts, and independence from batches. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { attackLosses } from '../../../core/attack/attack-loss.ts'
import { runIterativeAttack } from '../../../core/attack/iterative-attack.ts'
import type { Attempt, Evaluation } from '../../../core/attack/iterative-attack.ts'
import { evaluateActive, preparePasses } from '../../../core/attack/passes.ts'
import { batchedTask } from '../../support/attack-task.ts'
import { linearTask } from '../../support/linear-task.ts'

/** An evaluation without a model: the point is all that matters. */
function evaluationOf({ point, step, steps }: Attempt): Evaluation {
  const evaluation = { logits: point.slice(), loss: point[0]! }
  return step < steps ? { ...evaluation, gradient: point.slice() } : evaluation
}

/** Runs attempts of `steps` steps and `starts` starts each; records every hook of every row. */
async function record(
  count: number,
  batchSize: number,
  { steps, starts, fooledAt }: { steps: number; starts: number; fooledAt?: number },
): Promise<{ hooks: string[][]; batches: number[][] }> {
  const hooks = Array.from({ length: count }, (): string[] => [])
  const batches: number[][] = []
  const started = new Int32Array(count).fill(1)
  await runIterativeAttack(batchedTask(count, batchSize), {
    open(row) {
      hooks[row]!.push('open')
      return { row, point: Float32Array.of(0), step: 0, steps }
    },
    async evaluate(active) {
      batches.push(active.map(({ row }) => row))
      return active.map(evaluationOf)
    },
    judge({ row, step }, { gradient }) {
      hooks[row]!.push(`judge ${step}${gradient ? '' : ' final'}`)
      return step === fooledAt
    },
    step({ row, point, step }, gradient) {
      hooks[row]!.push(`step ${step}`)
      point[0] = gradient[0]! + 1
    },
    restart({ row, step, point }) {
      hooks[row]!.push(`restart at ${step}`)
      expect(point[0]).toBe(steps)
      point[0] = 0
      started[row]! += 1
      return started[row]! <= starts
    },
  })
  return { hooks, batches }
}

test('an attempt is judged before each step and at its final point, then restarts', async () => {
  const { hooks } = await record(1, 4, { steps: 2, starts: 2 })
  const start = ['judge 0', 'step 0', 'judge 1', 'step 1', 'judge 2 final', 'restart at 0']
  expect(hooks).toEqual([['open', ...start, ...start]])
})

test('an attempt that judge finishes neither steps nor restarts', async () => {
  const { hooks } = await record(1, 4, { steps: 3, starts: 5, fooledAt: 1 })
  expect(hooks).toEqual([['open', 'judge 0', 'step 0', 'judge 1']])
})

test('an attack without restart ends at its first final point', async () => {
  const judged: number[] = []
  await runIterativeAttack(batchedTask(1, 16), {
    open: (row) => ({ row, point: Float32Array.of(0), step: 0, steps: 1 }),
    evaluate: async (active) => active.map(evaluationOf),
    judge: ({ step }) => judged.push(step) === 0,
    step: () => {},
  })
  expect(judged).toEqual([0, 1])
})

test('every example runs the same hooks for any batch size, in full batches', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 12 }),
      fc.record({ steps: fc.nat(3), starts: fc.integer({ min: 1, max: 3 }) }),
      async (count, batchSize, work) => {
        const alone = await record(count, 1, work)
        const { hooks, batches } = await record(count, batchSize, work)
        expect(hooks).toEqual(alone.hooks)
        // All attempts take equally long, so that only the last batches are not full.
        expect(batches[0]).toHaveLength(Math.min(count, batchSize))
        expect(batches.flat()).toHaveLength(count * work.starts * (work.steps + 1))
      },
    ),
    { numRuns: 50 },
  )
})

test('an aborted signal stops the attack before its first pass', async () => {
  const { task } = await linearTask({ classes: 2, count: 1, size: 2 }, 'Linf')
  const signal = AbortSignal.abort(new Error('enough'))
  const run = runIterativeAttack(
    { ...task, signal },
    {
      open: (row) => ({ row, point: Float32Array.of(0), step: 0, steps: 1 }),
      evaluate: () => expect.unreachable('no pass'),
      judge: () => true,
      step: () => {},
    },
  )
  await expect(run).rejects.toThrow('enough')
})

describe('passes', () => {
  const shape = { classes: 3, count: 5, size: 4 }

  test('gradient passes come first, and results keep the order of the attempts', async () => {
    const { task } = await linearTask(shape, 'Linf')
    const order: string[] = []
    const attempts = [2, 0, 1, 2].map((step, row) => ({
      row,
      point: Float32Array.of(row),
      step,
      steps: 2,
    }))
    const evaluations = await evaluateActive(attempts, {
      async gradient(moving) {
        order.push(`gradient of ${moving.map(({ row }) => row).join(' and ')}`)
        return moving.map(evaluationOf)
      },
      async forward(final) {
        order.push(`forward of ${final.map(({ row }) => row).join(' and ')}`)
        return final.map(evaluationOf)
      },
    })
    expect(order).toEqual(['gradient of 1 and 2', 'forward of 0 and 3'])
    expect(evaluations.map(({ loss }) => loss)).toEqual([0, 1, 2, 3])
    expect(task.model.passes.backward).toBe(0)
  })

  test('losses are those of the logits, and each sample is one pass per attempt', async () => {
    const { task } = await linearTask(shape, 'Linf')
    const { model, inputs, labels } = task
    const loss = attackLosses.margin
    const prepare = (samples: number) =>
      preparePasses<Attempt>({
        model,
        exampleShape: inputs.shape.slice(1),
        loss,
        label: ({ row }) => labels[row]!,
        samples,
      })
    const attempts = Array.from(labels, (_, row) => ({
      row,
      point: inputs.data.slice(row * shape.size, (row + 1) * shape.size),
      step: 0,
      steps: 1,
    }))
    const once = await prepare(1).gradient(attempts)
    const before = { ...model.passes }
    const thrice = await prepare(3).gradient(attempts)
    expect(model.passes.forward - before.forward).toBe(3 * shape.count)
    expect(model.passes.backward - before.backward).toBe(3 * shape.count)
    once.forEach(({ logits, loss: value, gradient }, row) => {
      expect(value).toBe(loss.value(logits, labels[row]!))
      // The mean of equal numbers is exact up to the rounding of their sum.
      expect(thrice[row]!.loss).toBeCloseTo(value, 12)
      expect(thrice[row]!.gradient).toBeAllclose(gradient!, { rtol: 1e-7 })
    })
    const [first] = await prepare(1).forward(attempts)
    expect(first).toEqual({ logits: once[0]!.logits, loss: once[0]!.loss })
  })
})
