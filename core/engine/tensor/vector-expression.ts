/** Expressions of vector loops. */

/** A number per component: an array element, a scalar, a constant, or the result of an operator. */
export type Term =
  | { readonly kind: 'array' | 'scalar'; readonly name: string }
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'operator'; readonly operator: TermOperator; readonly operands: Operands }

/** A condition per component. */
export interface Condition {
  readonly kind: 'condition'
  readonly operator: ConditionOperator
  readonly operands: Operands
}

/** Operators whose results are numbers. */
export type TermOperator =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'min'
  | 'max'
  | 'abs'
  | 'sqrt'
  | 'round'
  | 'select'
  | 'when'
  | 'unless'
/** Operators whose results are conditions. */
export type ConditionOperator = 'less' | 'atMost' | 'equal'
/** A node of an expression. */
export type Node = Term | Condition
type Operands = readonly Node[]

/** A term, or a number for a constant. */
export type Operand = Term | number

/**
 * The constructors of expressions, each one or a few instructions. Their results are given in
 * JavaScript, special values included.
 */
export const v = {
  /** a + b */
  add: (a: Operand, b: Operand): Term => term('add', a, b),
  /** a − b */
  sub: (a: Operand, b: Operand): Term => term('sub', a, b),
  /** a · b */
  mul: (a: Operand, b: Operand): Term => term('mul', a, b),
  /** a / b */
  div: (a: Operand, b: Operand): Term => term('div', a, b),
  /** b < a ? b : a, so the result is a if both are equal or either is NaN. */
  min: (a: Operand, b: Operand): Term => term('min', a, b),
  /** a < b ? b : a, so the result is a if both are equal or either is NaN. */
  max: (a: Operand, b: Operand): Term => term('max', a, b),
  /** Math.abs(a) */
  abs: (a: Operand): Term => term('abs', a),
  /** Math.sqrt(a) */
  sqrt: (a: Operand): Term => term('sqrt', a),
  /** Math.fround(a): rounded to float32. */
  round: (a: Operand): Term => term('round', a),
  /** Number(a > 0) − Number(a < 0): 0 for both zeros and NaN. */
  sign: (a: Operand): Term => v.sub(v.when(v.less(0, a), 1), v.when(v.less(a, 0), 1)),
  /** a < low ? low : a > high ? high : a, for low ≤ high */
  clip: (a: Operand, low: Operand, high: Operand): Term => v.min(v.max(a, low), high),
  /** condition ? a : b */
  select: (condition: Condition, a: Operand, b: Operand): Term => ({
    kind: 'operator',
    operator: 'select',
    operands: [condition, termOf(a), termOf(b)],
  }),
  /** condition ? a : 0 */
  when: (condition: Condition, a: Operand): Term => ({
    kind: 'operator',
    operator: 'when',
    operands: [condition, termOf(a)],
  }),
  /** condition ? 0 : a */
  unless: (condition: Condition, a: Operand): Term => ({
    kind: 'operator',
    operator: 'unless',
    operands: [condition, termOf(a)],
  }),
  /** a < b */
  less: (a: Operand, b: Operand): Condition => condition('less', a, b),
  /** a ≤ b */
  atMost: (a: Operand, b: Operand): Condition => condition('atMost', a, b),
  /** a === b */
  equal: (a: Operand, b: Operand): Condition => condition('equal', a, b),
}

/** The nodes and everything that they depend on, each once, in topological order. */
export function topologicalOrder(roots: readonly Node[]): readonly Node[] {
  const found = new Set<Node>()
  const visit = (node: Node): void => {
    if (found.has(node)) return
    operandsOf(node).forEach(visit)
    found.add(node)
  }
  roots.forEach(visit)
  return [...found]
}

/** The operands of an operator; empty for other nodes. */
export function operandsOf(node: Node): readonly Node[] {
  return 'operands' in node ? node.operands : []
}

function term(operator: TermOperator, ...operands: readonly Operand[]): Term {
  return { kind: 'operator', operator, operands: operands.map(termOf) }
}

function condition(operator: ConditionOperator, ...operands: readonly Operand[]): Condition {
  return { kind: 'condition', operator, operands: operands.map(termOf) }
}

function termOf(operand: Operand): Term {
  return typeof operand === 'number' ? { kind: 'constant', value: operand } : operand
}
