/** Projected gradient ascent on the device of the model: several steps in one run. */
import { attackLosses, checkGradient, roundDown, roundUp } from '../../../core/api/attack.ts'
import type { AttackTask, Attempt, Ball } from '../../../core/api/attack.ts'
import { g, prepareLeap, stepExpressions as e } from '../../../core/api/graph.ts'
import type {
  Leap,
  OpenSteps,
  StepDefinition,
  StepExpression,
  StepFeeds,
  StepOutcome,
  StepPass,
  StepResults,
  Value,
} from '../../../core/api/graph.ts'
import type { ProjectedGradientOptions } from './projected-gradient-options.ts'

/** One example of the ascent. */
export interface AscentAttempt extends Attempt {
  readonly ball: Ball
  readonly iterate: Float32Array
  readonly velocity: Float64Array
  /** The best point of all starts so far, and its score. */
  readonly best: Float32Array
  bestScore: number
  /** Whether `best` reaches the goal. */
  reached: boolean
  restart: number
  /** The class whose loss is raised or lowered. */
  label: number
}

/** The ascent, as its steps on the device need it. */
export interface DeviceAscent<State extends AscentAttempt> {
  readonly task: AttackTask
  readonly options: ProjectedGradientOptions
  /** The signed length of a step. */
  lengthOf(attempt: State, step: number): number
  /** Records the logits of the point that the device saved as the best. */
  record(attempt: State, logits: Float32Array): void
  /** Whether logits finish an attempt. */
  isFinished(attempt: State, logits: Float32Array): boolean
}

/** What a graph of steps depends on. */
export interface AscentKind {
  readonly norm: 'Linf' | 'L2'
  readonly loss: ProjectedGradientOptions['loss']
  readonly targeted: boolean
  readonly stops: boolean
  readonly hasMomentum: boolean
}

/** Whether the loss is that of a target, to be lowered, and not that of the true class. */
export function isTargeted(task: AttackTask, { row, label }: AscentAttempt): boolean {
  return label !== task.labels[row]
}

/**
 * Prepares the steps of an ascent, without transforms of gradients and points; undefined for other
 * norms. In Linf, points are those of the host's steps bit for bit where the device computes in
 * float64 and its passes round alike. In L2, sums are added in another order, so that points can
 * differ in their last bits.
 */
export function deviceAscent<State extends AscentAttempt>(
  open: OpenSteps,
  ascent: DeviceAscent<State>,
): Leap<State> | undefined {
  const { task, options } = ascent
  const { norm } = task.threatModel
  if (norm !== 'Linf' && norm !== 'L2') return undefined
  const kind = {
    norm,
    loss: options.loss,
    targeted: options.goal === 'targeted',
    stops: options.stopWhenFooled !== false,
    hasMomentum: Boolean(options.momentum),
  }
  return prepareLeap(open, {
    definition: ascentDefinition(kind),
    steps: options.steps,
    feed: (attempts, steps, feeds) => feed(ascent, kind, attempts, steps, feeds),
    read: (attempt, results, steps) => read(ascent, kind, attempt, results, steps),
  })
}

function feed<State extends AscentAttempt>(
  { task, options, lengthOf }: DeviceAscent<State>,
  { norm, targeted, hasMomentum }: AscentKind,
  attempts: readonly State[],
  steps: number,
  feeds: StepFeeds,
): void {
  const shape = task.inputs.shape.slice(1)
  const { epsilon, bounds } = task.threatModel
  const points = (name: string, of: (attempt: State) => Float32Array): void =>
    feeds.points(name, attempts.map(of), shape)
  const all = (value: number): number[] => attempts.map(() => value)
  points('inputs', ({ iterate }) => iterate)
  points('best', ({ best }) => best)
  if (norm === 'Linf') {
    points('lower', ({ ball }) => ball.corners![0])
    points('upper', ({ ball }) => ball.corners![1])
  } else {
    points('center', ({ ball }) => ball.center)
    feeds.numbers('epsilon', all(epsilon))
    feeds.numbers('low', all(roundUp(bounds[0])))
    feeds.numbers('high', all(roundDown(bounds[1])))
  }
  if (hasMomentum) {
    feeds.precisePoints(
      'velocity',
      attempts.map(({ velocity }) => velocity),
      shape,
    )
    feeds.numbers('momentum', all(options.momentum!))
  }
  const labels = attempts.map(({ label }) => label)
  feeds.classes('labels', labels)
  feeds.classes('goal', targeted ? labels : attempts.map(({ row }) => task.labels[row]!))
  feeds.numbers(
    'sign',
    attempts.map((attempt) => (isTargeted(task, attempt) ? -1 : 1)),
  )
  feeds.numbers(
    'bestScore',
    attempts.map(({ bestScore }) => bestScore),
  )
  feeds.flags(
    'reached',
    attempts.map(({ reached }) => reached),
  )
  feeds.flags('finished', all(0))
  feeds.flags('chosen', all(-1))
  for (let index = 0; index < steps; index++) {
    feeds.flags(`index/${index}`, all(index))
    feeds.flags(
      `moves/${index}`,
      attempts.map((attempt) => attempt.step + index < attempt.steps),
    )
    feeds.numbers(
      `length/${index}`,
      attempts.map((attempt) => lengthOf(attempt, attempt.step + index)),
    )
  }
}

function read<State extends AscentAttempt>(
  { record, isFinished }: DeviceAscent<State>,
  { hasMomentum }: AscentKind,
  attempt: State,
  results: StepResults,
  steps: number,
): StepOutcome {
  const { row, restart } = attempt
  const left = Math.min(steps, attempt.steps - attempt.step)
  let taken = 0
  let finished = false
  while (taken < left) {
    finished = isFinished(attempt, results.report('logits', taken))
    if (finished) break
    const step = attempt.step + taken
    const where = `row ${row} at step ${step} of restart ${restart}`
    checkGradient(results.report('check', taken), where, { row, step, restart })
    taken += 1
  }
  const chosen = results.next('chosen')[0]!
  if (chosen >= 0) {
    results.copyPoint('best', attempt.ball, attempt.best)
    record(attempt, results.report('logits', chosen))
  }
  results.copyPoint('inputs', attempt.ball, attempt.iterate)
  if (hasMomentum) attempt.velocity.set(results.next('velocity'))
  return { taken, finished }
}

/** Sessions are cached by definition. */
const definitions = new Map<string, StepDefinition>()

/** The step of a kind of ascent. */
export function ascentDefinition(kind: AscentKind): StepDefinition {
  const key = JSON.stringify(kind)
  const known = definitions.get(key)
  if (known) return known
  const definition: StepDefinition = {
    loss: attackLosses[kind.loss].expression,
    build: (pass) => buildStep(kind, pass),
  }
  definitions.set(key, definition)
  return definition
}

/** Judges the point as the host does, saves it if it is the best so far, and moves it. */
function buildStep(kind: AscentKind, pass: StepPass): StepExpression {
  const { images, labels, logits, gradient, precision } = pass
  const rows = (name: string): Value => g.input(name, 'float32', ['n'])
  const numbers = (name: string): Value => g.input(name, precision, ['n'])
  const best = g.input('best', 'float32', images.shape)
  const velocity = g.input('velocity', precision, images.shape)
  const [bestScore, length] = [numbers('bestScore'), numbers('length')]
  const [reachedBefore, finishedBefore, chosen] = [
    rows('reached'),
    rows('finished'),
    rows('chosen'),
  ]
  const [index, moves] = [rows('index'), rows('moves')]

  const isGoal = e.isPredicted(logits, g.input('goal', 'int64', ['n']))
  const reached = kind.targeted ? isGoal : e.not(isGoal)
  const { expression } = attackLosses[kind.loss]
  const score = g.mul(numbers('sign'), expression(g.cast(logits, precision), labels))
  const isBetter = e.either(
    e.both(e.isSame(reached, reachedBefore), e.isGreater(score, bestScore)),
    e.both(reached, e.not(reachedBefore)),
  )
  const isOpen = e.both(moves, e.not(finishedBefore))
  const saves = e.both(isBetter, isOpen)
  const finished = kind.stops ? e.either(finishedBefore, e.both(isOpen, reached)) : finishedBefore
  const isMoving = e.both(isOpen, e.not(finished))

  const moved = kind.hasMomentum ? e.accumulate(velocity, numbers('momentum'), gradient) : undefined
  const stepped = move(kind, images, moved ?? gradient, length)
  return {
    next: new Map([
      [images, e.choose(isMoving, stepped, images)],
      [best, e.choose(saves, images, best)],
      [bestScore, e.choose(saves, score, bestScore)],
      [reachedBefore, e.choose(saves, reached, reachedBefore)],
      [finishedBefore, finished],
      [chosen, e.choose(saves, index, chosen)],
      ...(moved ? ([[velocity, e.choose(isMoving, moved, velocity)]] as const) : []),
    ]),
    perStep: [index, moves, length],
    reports: { logits, check: e.checkFinite(gradient) },
  }
}

function move({ norm }: AscentKind, point: Value, direction: Value, length: Value): Value {
  if (norm === 'Linf') {
    const [lower, upper] = ['lower', 'upper'].map((name) => g.input(name, 'float32', point.shape))
    return e.ontoBox(e.addSigns(point, length, direction), lower!, upper!)
  }
  const numbers = (name: string): Value => g.input(name, length.dtype, ['n'])
  return e.ontoL2Ball(e.addNormalized(point, length, direction), {
    center: g.input('center', 'float32', point.shape),
    epsilon: numbers('epsilon'),
    low: numbers('low'),
    high: numbers('high'),
  })
}
