/** APGD's steps in Linf and L2 on the device of the model: several steps in one run. */
import { checkGradient, roundDown, roundUp } from '../../../core/api/attack.ts'
import type { AttackTask } from '../../../core/api/attack.ts'
import { g, margin, prepareLeap, stepExpressions as e } from '../../../core/api/graph.ts'
import type {
  Leap,
  OpenSteps,
  StepDefinition,
  StepExpression,
  StepFeeds,
  StepOutcome,
  StepPass,
  StepPrecision,
  StepResults,
  Value,
} from '../../../core/api/graph.ts'
import type { TargetedLoss } from '../../../core/api/plugin.ts'
import { checkpoints, newWeight, requiredShare } from './apgd-state.ts'
import type { ApgdState } from './apgd-state.ts'

/** One example: the state of its ascent, its target, and its run. */
export interface DeviceAttempt extends ApgdState {
  readonly row: number
  target: number
  run: number
}

/** APGD, as its steps on the device need it. */
export interface DeviceApgd {
  readonly task: AttackTask
  readonly loss: TargetedLoss
  readonly steps: number
  /** Whether the loss has targets. */
  readonly targeted: boolean
  /** The largest margin of an example so far. */
  marginOf(row: number): number
  /** The point that is returned for an example. */
  pointOf(row: number): Float32Array
  /** Records a point with its logits. Returns true if the example is finished. */
  record(row: number, point: Float32Array, logits: Float32Array): boolean
}

/** The numbers of the state, and the masks. */
const numberNames = ['bestLoss', 'lastLoss', 'rises', 'bestLossBefore', 'stepSize'] as const

/**
 * Prepares steps; undefined for other norms. Decisions are those of the host, as far as the device
 * computes in float64 and its passes round alike.
 */
export function deviceApgd<State extends DeviceAttempt>(
  open: OpenSteps,
  attack: DeviceApgd,
): Leap<State> | undefined {
  const { norm } = attack.task.threatModel
  if (norm !== 'Linf' && norm !== 'L2') return undefined
  return prepareLeap<State>(open, {
    definition: apgdDefinition(norm, attack.loss),
    steps: attack.steps,
    feed: (attempts, steps, feeds) => feed(attack, attempts, steps, feeds),
    read: (attempt, results, steps) => read(attack, attempt, results, steps),
  })
}

function feed(
  { task, targeted, steps: all, marginOf, pointOf }: DeviceApgd,
  attempts: readonly DeviceAttempt[],
  steps: number,
  feeds: StepFeeds,
): void {
  const { threatModel, labels } = task
  const shape = task.inputs.shape.slice(1)
  const points = (name: string, of: (attempt: DeviceAttempt) => Float32Array): void =>
    feeds.points(name, attempts.map(of), shape)
  const numbers = (name: string, of: (attempt: DeviceAttempt) => number): void =>
    feeds.numbers(name, attempts.map(of))
  const flags = (name: string, of: (attempt: DeviceAttempt) => number | boolean): void =>
    feeds.flags(name, attempts.map(of))
  points('inputs', ({ point }) => point)
  points('previous', ({ previous }) => previous)
  points('best', ({ best }) => best)
  points('bestGradient', ({ bestGradient }) => bestGradient)
  points('kept', ({ row }) => pointOf(row))
  if (threatModel.norm === 'Linf') {
    points('lower', ({ ball }) => ball.corners![0])
    points('upper', ({ ball }) => ball.corners![1])
  } else {
    points('center', ({ ball }) => ball.center)
    numbers('low', () => roundUp(threatModel.bounds[0]))
    numbers('high', () => roundDown(threatModel.bounds[1]))
  }
  numbers('epsilon', () => threatModel.epsilon)
  const rows = attempts.map(({ row }) => labels[row]!)
  feeds.classes('labels', rows)
  if (targeted) {
    feeds.classes(
      'targets',
      attempts.map(({ target }) => target),
    )
  }
  for (const name of numberNames) numbers(name, (attempt) => attempt[name])
  numbers('keptMargin', ({ row }) => marginOf(row))
  flags('halvedBefore', ({ halvedBefore }) => halvedBefore)
  flags('finished', () => 0)
  flags('chosen', () => -1)
  const intervals = intervalsOf(all)
  for (let index = 0; index < steps; index++) {
    flags(`index/${index}`, () => index)
    flags(`moves/${index}`, ({ step }) => step + index < all)
    flags(`first/${index}`, ({ step }) => step + index === 0)
    flags(`reviewed/${index}`, ({ step }) => intervals.has(step + index))
    numbers(`interval/${index}`, ({ step }) => intervals.get(step + index) ?? 0)
  }
}

/** Steps since the checkpoint before, for each checkpoint. */
function intervalsOf(steps: number): ReadonlyMap<number, number> {
  const places = checkpoints(steps)
  return new Map(places.map((place, i) => [place, place - (places[i - 1] ?? 0)]))
}

function read(
  { record }: DeviceApgd,
  attempt: DeviceAttempt,
  results: StepResults,
  steps: number,
): StepOutcome {
  const { row, run, ball } = attempt
  const chosen = results.next('chosen')[0]!
  let finished = false
  if (chosen >= 0) {
    const kept = new Float32Array(attempt.point.length)
    results.copyPoint('kept', ball, kept)
    finished = record(row, kept, results.report('logits', chosen))
  }
  const taken = finished ? chosen : Math.min(steps, attempt.steps - attempt.step)
  for (let index = 0; index < taken; index++) {
    const step = attempt.step + index
    const place = `row ${row} at step ${step} of run ${run}`
    checkGradient(results.report('check', index), place, { row, step, run })
  }
  results.copyPoint('inputs', ball, attempt.point)
  attempt.previous.set(results.next('previous'))
  attempt.best.set(results.next('best'))
  attempt.bestGradient.set(results.next('bestGradient'))
  for (const name of numberNames) attempt[name] = results.next(name)[0]!
  attempt.halvedBefore = results.next('halvedBefore')[0]! > 0.5
  return { taken, finished }
}

/** Sessions are cached by definition. */
const definitions = {
  Linf: new Map<TargetedLoss, StepDefinition>(),
  L2: new Map<TargetedLoss, StepDefinition>(),
}

/** The step of APGD. */
export function apgdDefinition(norm: 'Linf' | 'L2', loss: TargetedLoss): StepDefinition {
  const known = definitions[norm].get(loss)
  if (known) return known
  const definition: StepDefinition = { loss, build: (pass) => buildStep(norm, loss, pass) }
  definitions[norm].set(loss, definition)
  return definition
}

/** The state as placeholders. */
function placeholders(images: Value, precision: StepPrecision) {
  const points = (name: string): Value => g.input(name, 'float32', images.shape)
  const numbers = (name: string): Value => g.input(name, precision, ['n'])
  const flags = (name: string): Value => g.input(name, 'float32', ['n'])
  return {
    previous: points('previous'),
    best: points('best'),
    bestGradient: points('bestGradient'),
    kept: points('kept'),
    bestLoss: numbers('bestLoss'),
    lastLoss: numbers('lastLoss'),
    rises: numbers('rises'),
    bestLossBefore: numbers('bestLossBefore'),
    stepSize: numbers('stepSize'),
    keptMargin: numbers('keptMargin'),
    epsilon: numbers('epsilon'),
    interval: numbers('interval'),
    halvedBefore: flags('halvedBefore'),
    finished: flags('finished'),
    chosen: flags('chosen'),
    index: flags('index'),
    moves: flags('moves'),
    first: flags('first'),
    reviewed: flags('reviewed'),
  }
}

type Placeholders = ReturnType<typeof placeholders>

/** Records the point, updates the best one, reviews the step size, and moves. */
function buildStep(norm: 'Linf' | 'L2', loss: TargetedLoss, pass: StepPass): StepExpression {
  const { images, labels, targets, logits, gradient, precision } = pass
  const state = placeholders(images, precision)
  const { index, moves, first, reviewed, interval, finished } = state
  const precise = g.cast(logits, precision)
  const isFooled = e.not(e.isPredicted(logits, labels))
  const isOpen = e.both(moves, e.not(finished))
  const ownMargin = margin(precise, labels)
  const keeps = e.both(isOpen, e.either(isFooled, e.isGreater(ownMargin, state.keptMargin)))
  const isMoving = e.both(isOpen, e.not(isFooled))

  const updated = update(state, images, gradient, loss(precise, labels, targets))
  const after = review(state, updated, images, gradient)
  const moved = move(norm, state, after)
  const changes: [Value, Value][] = [
    [images, moved],
    [state.previous, after.point],
    [state.best, updated.best],
    [state.bestGradient, updated.bestGradient],
    [state.bestLoss, updated.bestLoss],
    [state.lastLoss, updated.lastLoss],
    [state.rises, after.rises],
    [state.bestLossBefore, after.bestLossBefore],
    [state.stepSize, after.stepSize],
    [state.halvedBefore, after.halved],
  ]
  return {
    next: new Map([
      ...changes.map(([from, to]) => [from, e.choose(isMoving, to, from)] as const),
      [state.kept, e.choose(keeps, images, state.kept)],
      [state.keptMargin, e.choose(keeps, ownMargin, state.keptMargin)],
      [state.chosen, e.choose(keeps, index, state.chosen)],
      [finished, e.either(finished, e.both(isOpen, isFooled))],
    ]),
    perStep: [index, moves, first, reviewed, interval],
    reports: { logits, check: e.checkFinite(gradient) },
  }
}

/** Losses, gradients, and the best point of the run. */
function update(state: Placeholders, point: Value, gradient: Value, loss: Value) {
  const { first, best, bestGradient, bestLoss, lastLoss, rises } = state
  const rise = g.cast(e.isGreater(loss, lastLoss), rises.dtype)
  const improves = e.either(first, e.isGreater(loss, bestLoss))
  return {
    best: e.choose(improves, point, best),
    bestGradient: e.choose(improves, gradient, bestGradient),
    bestLoss: e.choose(improves, loss, bestLoss),
    lastLoss: loss,
    rises: e.choose(first, g.mul(rises, 0), g.add(rises, rise)),
  }
}

/** Starts a run in its first step; at a checkpoint, halves the step size if progress stopped. */
function review(
  state: Placeholders,
  { best, bestGradient, bestLoss, rises }: ReturnType<typeof update>,
  point: Value,
  gradient: Value,
) {
  const { first, reviewed, interval } = state
  const stepSize = e.choose(first, g.mul(state.epsilon, 2), state.stepSize)
  const halvedBefore = e.either(first, state.halvedBefore)
  const bestLossBefore = e.choose(first, bestLoss, state.bestLossBefore)
  const isStuck = e.both(e.not(halvedBefore), e.not(e.isGreater(bestLoss, bestLossBefore)))
  const isSlow = e.not(e.isGreater(rises, g.mul(interval, requiredShare)))
  const halves = e.both(reviewed, e.either(isStuck, isSlow))
  return {
    point: e.choose(halves, best, point),
    gradient: e.choose(halves, bestGradient, gradient),
    stepSize: e.choose(halves, g.div(stepSize, 2), stepSize),
    halved: e.choose(reviewed, halves, halvedBefore),
    bestLossBefore: e.choose(reviewed, bestLoss, bestLossBefore),
    rises: e.choose(reviewed, g.mul(rises, 0), rises),
  }
}

/** The projected step, with momentum after the first one. */
function move(
  norm: 'Linf' | 'L2',
  { first, previous, epsilon }: Placeholders,
  { point, gradient, stepSize }: ReturnType<typeof review>,
): Value {
  const { dtype } = stepSize
  const project = projection(norm, point, epsilon)
  const step = norm === 'Linf' ? e.addSigns : e.addNormalized
  const target = project(step(point, stepSize, gradient))
  const [from, to, before] = [point, target, previous].map((value) => g.cast(value, dtype))
  const renewed = g.add(from!, g.mul(g.sub(to!, from!), newWeight))
  const carried = g.mul(g.sub(from!, before!), 1 - newWeight)
  return e.choose(first, target, project(g.add(renewed, carried)))
}

function projection(norm: 'Linf' | 'L2', point: Value, epsilon: Value): (point: Value) => Value {
  const points = (name: string): Value => g.input(name, 'float32', point.shape)
  if (norm === 'Linf') {
    const [lower, upper] = [points('lower'), points('upper')]
    return (moved) => e.ontoBox(moved, lower, upper)
  }
  const numbers = (name: string): Value => g.input(name, epsilon.dtype, ['n'])
  const ball = { center: points('center'), epsilon, low: numbers('low'), high: numbers('high') }
  return (moved) => e.ontoL2Ball(moved, ball)
}
