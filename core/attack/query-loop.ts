/** Attacks that only ask questions: each example's search says which points to judge next, and batches are filled from all of them. */
import { sizeOf, tensor } from '../engine/tensor/tensor.ts'
import { rowOf } from './batch.ts'
import { scheduleBatches } from './batch-scheduler.ts'
import type { AttackTask } from './task.ts'

/**
 * Points that a search wants judged before it goes on. They are made when there is room for them in a batch, so that thousands
 * of them take no memory, and may be spread over several batches; a batch may hold points of several examples.
 */
export interface Question {
  /** How many points, 1 or more; each is a query. */
  readonly count: number
  /** Writes a point; called once for each, in their order. @param index from 0 to count − 1 */
  write(index: number, point: Float32Array): void
  /** Tells the logits `[k]` of a point that was written; once for each, in their order. Neither array is to be kept. */
  read(index: number, point: Float32Array, logits: Float32Array): void
}

/** The search of one example as a coroutine: it yields a question, and goes on when all its points are judged. */
export type QuerySearch<Result = void> = Generator<Question, Result, void>

/** What an example may still ask; falls as its points are judged. */
export interface QueryBudget {
  readonly left: number
}

export interface QueryWork {
  /** Most queries of an example, 1 or more: after the last of them its search is ended wherever it stands. */
  readonly queries: number
  /** The search of an example; it may end by itself. */
  search(row: number, budget: QueryBudget): QuerySearch
}

interface Asker {
  readonly row: number
  readonly search: QuerySearch
  readonly budget: { left: number }
  question: Question
  /** Points of the question that are written, and so judged. */
  asked: number
}

/**
 * Runs the searches of all examples in batches of up to `batchSize` points, and returns the queries that each took `[n]`.
 * As long as a search looks at nothing but its own example, its outcome depends on neither the batches nor the other examples.
 * @throws whatever the signal was aborted with; errors of the model.
 */
export async function runQueries(
  { model, inputs, labels, batchSize, signal, progress }: AttackTask,
  { queries, search }: QueryWork,
): Promise<Int32Array> {
  const exampleShape = inputs.shape.slice(1)
  const size = sizeOf(exampleShape)
  const taken = new Int32Array(labels.length)

  const open = (row: number): Asker | undefined => {
    const budget = { left: queries }
    const started = search(row, budget)
    const { done, value } = started.next()
    return done ? undefined : { row, search: started, budget, question: value, asked: 0 }
  }

  /** True if there is nothing more to ask. */
  const goOn = (asker: Asker): boolean => {
    if (asker.budget.left === 0) {
      asker.search.return()
      return true
    }
    if (asker.asked < asker.question.count) return false
    const { done, value } = asker.search.next()
    if (done) return true
    asker.question = value
    asker.asked = 0
    return false
  }

  const advance = async (active: readonly Asker[]): Promise<boolean[]> => {
    const parts: { readonly asker: Asker; readonly from: number; readonly rows: number }[] = []
    let rows = 0
    for (const asker of active) {
      const { question, asked, budget } = asker
      const part = Math.min(question.count - asked, budget.left, batchSize - rows)
      if (part === 0) break
      parts.push({ asker, from: asked, rows: part })
      rows += part
    }
    const batch = tensor('float32', [rows, ...exampleShape], new Float32Array(rows * size))
    let place = 0
    for (const { asker, from, rows: part } of parts) {
      for (let i = 0; i < part; i++) asker.question.write(from + i, rowOf(batch, place + i))
      place += part
    }
    const logits = await model.logits(batch)
    const finished = new Set<Asker>()
    place = 0
    for (const { asker, from, rows: part } of parts) {
      for (let i = 0; i < part; i++) {
        asker.budget.left -= 1
        asker.question.read(from + i, rowOf(batch, place + i), rowOf(logits, place + i))
      }
      place += part
      asker.asked += part
      taken[asker.row]! += part
      if (goOn(asker)) finished.add(asker)
    }
    return active.map((asker) => finished.has(asker))
  }

  await scheduleBatches({
    count: labels.length,
    batchSize,
    signal,
    progress: (done) => progress(done),
    open,
    advance,
  })
  return taken
}

/** Asks about a single point. @param judge is told its logits `[k]`, and gives the answer */
export function* askAbout<Answer>(
  point: Float32Array,
  judge: (point: Float32Array, logits: Float32Array) => Answer,
): QuerySearch<Answer> {
  const answers: Answer[] = []
  yield {
    count: 1,
    write: (_, output) => output.set(point),
    read: (_, asked, logits) => answers.push(judge(asked, logits)),
  }
  return answers[0]!
}
