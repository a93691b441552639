/** Reads VNN-LIB properties: linear constraints on the inputs X_i and the outputs Y_j of a network. */
import { ConfigError } from '../../base/errors.ts'
import { shortened } from '../../base/json-fault.ts'
import { sumBy } from '../../base/sum.ts'

/** Σ weight · variable + constant ≤ 0. */
export interface LinearConstraint {
  readonly inputs: ReadonlyMap<number, number>
  readonly outputs: ReadonlyMap<number, number>
  readonly constant: number
}

/** A box of inputs, and alternatives of which all constraints of one must hold. */
export interface PropertyCase {
  /** `[inputs]`, float64. */
  readonly lower: Float64Array
  readonly upper: Float64Array
  /** Constraints on outputs only. No alternative: every input of the box counts. */
  readonly alternatives: readonly (readonly LinearConstraint[])[]
}

/** A property: satisfied by a point of any case. */
export interface Property {
  readonly inputs: number
  readonly outputs: number
  readonly cases: readonly PropertyCase[]
}

/** Largest number of alternatives that a property may expand to. */
const maxAlternatives = 10_000

/** Most variables, and most constraints and bounds that the alternatives have together. */
const maxVariables = 10_000_000
const maxConstraints = 20_000_000

/** Deepest nesting of parentheses. */
const maxNesting = 100

type Expression = string | readonly Expression[]

/**
 * Parses a property: `declare-const` of X_0 … and Y_0 …, and `assert` of `and`, `or`, `<=`, `>=`,
 * `<`, `>` over linear terms. Strict comparisons are read as the others, as in the competition.
 * @throws ConfigError ROBENCH_CONFIG for another form, an input without two bounds, or a constraint
 * that mixes inputs and outputs
 */
export function parseVnnlib(text: string, path: string): Property {
  const counts = { X: 0, Y: 0 }
  let branches: LinearConstraint[][] = [[]]
  for (const command of readExpressions(text, path)) {
    const [head, ...rest] = Array.isArray(command) ? command : [command]
    if (head === 'declare-const' || head === 'declare-fun') {
      const [, kind, index] = /^([XY])_(\d+)$/.exec(String(rest[0])) ?? []
      if (!kind) throw refused(path, `expected X_i or Y_j, got ${shownExpression(rest[0])}`)
      const key = kind === 'X' ? 'X' : 'Y'
      counts[key] = Math.max(counts[key], Number(index) + 1)
      if (counts[key] > maxVariables) {
        throw refused(path, `declares ${key}_${index}, expected at most ${maxVariables} variables`)
      }
    } else if (head === 'assert') branches = product(branches, expand(rest[0], path), path)
  }
  if (counts.X === 0 || counts.Y === 0) throw refused(path, 'declares no X_i or no Y_j')
  if (branches.length > 1 && branches.length * counts.X > maxConstraints) {
    throw refused(path, `has ${counts.X} inputs in each of ${branches.length} alternatives`)
  }
  checkIndices(branches, counts, path)
  const cases = new Map<string, PropertyCase & { alternatives: LinearConstraint[][] }>()
  for (const branch of branches) {
    const { lower, upper } = boxOf(branch, counts.X, path)
    const outputs = branch.filter(({ inputs }) => inputs.size === 0)
    const key = `${lower.join()} ${upper.join()}`
    const known = cases.get(key) ?? { lower, upper, alternatives: [] }
    known.alternatives.push(outputs)
    cases.set(key, known)
  }
  return { inputs: counts.X, outputs: counts.Y, cases: [...cases.values()] }
}

/** @throws ConfigError for a constraint on a variable that is not declared */
function checkIndices(
  branches: readonly (readonly LinearConstraint[])[],
  counts: { readonly X: number; readonly Y: number },
  path: string,
): void {
  for (const { inputs, outputs } of branches.flat()) {
    for (const [letter, used] of [
      ['X', inputs],
      ['Y', outputs],
    ] as const) {
      const beyond = [...used.keys()].find((index) => index >= counts[letter])
      if (beyond === undefined) continue
      throw refused(
        path,
        `names ${letter}_${beyond}, which it does not declare (${letter}_0 to ` +
          `${letter}_${counts[letter] - 1})`,
      )
    }
  }
}

/** The alternatives of a formula. */
function expand(expression: Expression | undefined, path: string): LinearConstraint[][] {
  const [head, ...rest] = Array.isArray(expression) ? expression : [expression]
  if (head === 'and') {
    return rest.reduce<LinearConstraint[][]>(
      (branches, part) => product(branches, expand(part, path), path),
      [[]],
    )
  }
  if (head === 'or') return rest.flatMap((part) => expand(part, path))
  const [left, right] = rest
  if (left !== undefined && right !== undefined) {
    if (head === '<=' || head === '<') return [[difference(left, right, path)]]
    if (head === '>=' || head === '>') return [[difference(right, left, path)]]
  }
  throw refused(path, `expected and, or, <=, or >=, got ${shownExpression(expression)}`)
}

function product(
  left: readonly (readonly LinearConstraint[])[],
  right: readonly (readonly LinearConstraint[])[],
  path: string,
): LinearConstraint[][] {
  if (left.length * right.length > maxAlternatives) {
    throw refused(path, `expands to more than ${maxAlternatives} alternatives`)
  }
  const size = sumBy(left, ({ length }) => length) * right.length
  if (size + sumBy(right, ({ length }) => length) * left.length > maxConstraints) {
    throw refused(path, `expands to more than ${maxConstraints} constraints`)
  }
  if (left.length === 1 && right.length === 1) {
    // A long list of bounds: appended in place, not copied for each of them.
    const only = left[0] as LinearConstraint[]
    only.push(...right[0]!)
    return [only]
  }
  return left.flatMap((a) => right.map((b) => [...a, ...b]))
}

/** left − right ≤ 0 */
function difference(left: Expression, right: Expression, path: string): LinearConstraint {
  const sum = { inputs: new Map<number, number>(), outputs: new Map<number, number>(), constant: 0 }
  addTerm(sum, left, 1, path)
  addTerm(sum, right, -1, path)
  if (sum.inputs.size > 0 && (sum.outputs.size > 0 || sum.inputs.size > 1)) {
    throw refused(path, 'a constraint relates several inputs, or inputs to outputs')
  }
  return sum
}

function addTerm(
  sum: { inputs: Map<number, number>; outputs: Map<number, number>; constant: number },
  term: Expression,
  factor: number,
  path: string,
): void {
  if (typeof term === 'string') {
    const [, kind, index] = /^([XY])_(\d+)$/.exec(term) ?? []
    const number = Number(term)
    if (kind) {
      const weights = kind === 'X' ? sum.inputs : sum.outputs
      weights.set(Number(index), (weights.get(Number(index)) ?? 0) + factor)
    } else if (term.trim() !== '' && Number.isFinite(number)) sum.constant += factor * number
    else throw refused(path, `expected a number, X_i, or Y_j, got ${shortened(term)}`)
    return
  }
  const [head, ...rest] = term
  const [a, b] = rest
  if (head === '+') for (const part of rest) addTerm(sum, part, factor, path)
  else if (head === '-' && rest.length === 1) addTerm(sum, rest[0]!, -factor, path)
  else if (head === '-') {
    rest.forEach((part, place) => addTerm(sum, part, place === 0 ? factor : -factor, path))
  } else if (head === '*' && a !== undefined && b !== undefined && rest.length === 2) {
    const isScaled = typeof a === 'string' && Number.isFinite(Number(a))
    const scale = Number(isScaled ? a : b)
    if (!Number.isFinite(scale)) throw refused(path, `is not linear: ${shownExpression(term)}`)
    addTerm(sum, isScaled ? b : a, factor * scale, path)
  } else throw refused(path, `expected a linear term, got ${shownExpression(term)}`)
}

/** The bounds that the constraints on single inputs set. */
function boxOf(
  branch: readonly LinearConstraint[],
  count: number,
  path: string,
): { readonly lower: Float64Array; readonly upper: Float64Array } {
  const lower = new Float64Array(count).fill(-Infinity)
  const upper = new Float64Array(count).fill(Infinity)
  for (const { inputs, constant } of branch) {
    for (const [index, weight] of inputs) {
      const limit = -constant / weight
      if (weight > 0) upper[index] = Math.min(upper[index]!, limit)
      else if (weight < 0) lower[index] = Math.max(lower[index]!, limit)
    }
  }
  const open = lower.findIndex((low, i) => !(Number.isFinite(low) && Number.isFinite(upper[i])))
  if (open >= 0) throw refused(path, `X_${open} has no lower or no upper bound`)
  return { lower, upper }
}

/** S-expressions; `;` begins a comment. */
function readExpressions(text: string, path: string): Expression[] {
  const stack: Expression[][] = [[]]
  for (const [token] of text.replaceAll(/;[^\n]*/g, '').matchAll(/[()]|[^\s()]+/g)) {
    if (token === '(') {
      if (stack.push([]) > maxNesting) throw refused(path, `nests more than ${maxNesting} levels`)
    } else if (token === ')') {
      const closed = stack.pop()!
      const outer = stack.at(-1)
      if (!outer) throw refused(path, 'has a parenthesis too many')
      outer.push(closed)
    } else stack.at(-1)!.push(token)
  }
  if (stack.length !== 1) throw refused(path, 'a parenthesis is not closed')
  return stack[0]!
}

function shownExpression(expression: Expression | undefined): string {
  if (expression === undefined) return 'nothing'
  return shortened(written(expression))
}

function written(expression: Expression): string {
  return typeof expression === 'string' ? expression : `(${expression.map(written).join(' ')})`
}

function refused(path: string, problem: string): ConfigError {
  return new ConfigError('ROBENCH_CONFIG', `${path}: ${problem}`)
}
