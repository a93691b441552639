/** What a vector loop computes of each component, as an expression. */

/** A number of each component: what an array holds there, a scalar, a constant, or what an operator makes of others. */
export type Term =
  | { readonly kind: 'array' | 'scalar'; readonly name: string }
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'operator'; readonly operator: TermOperator; readonly operands: Operands }

/** A statement about each component. */
export interface Condition {
  readonly kind: 'condition'
  readonly operator: ConditionOperator
  readonly operands: Operands
}

export type TermOperator =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'min'
  | 'max'
  | 'abs'
  | 'round'
  | 'select'
  | 'when'
  | 'unless'
export type ConditionOperator = 'less' | 'atMost' | 'equal'
export type Node = Term | Condition
type Operands = readonly Node[]

/** A number stands for a constant. */
export type Operand = Term | number

/** The way to write them. Each is one or a few instructions; what it gives is stated in JavaScript, special values included. */
export const v = {
  /** a + b */
  add: (a: Operand, b: Operand): Term => term('add', a, b),
  /** a − b */
  sub: (a: Operand, b: Operand): Term => term('sub', a, b),
  /** a · b */
  mul: (a: Operand, b: Operand): Term => term('mul', a, b),
  /** a / b */
  div: (a: Operand, b: Operand): Term => term('div', a, b),
  /** b < a ? b : a, so that a stays where it equals b or either is NaN. */
  min: (a: Operand, b: Operand): Term => term('min', a, b),
  /** a < b ? b : a, so that a stays where it equals b or either is NaN. */
  max: (a: Operand, b: Operand): Term => term('max', a, b),
  /** Math.abs(a) */
  abs: (a: Operand): Term => term('abs', a),
  /** Math.fround(a): what a float32 array would hold. */
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

/** What nodes depend on, and they themselves: each once, and after all that it depends on. */
export function inOrder(roots: readonly Node[]): readonly Node[] {
  const found = new Set<Node>()
  const visit = (node: Node): void => {
    if (found.has(node)) return
    operandsOf(node).forEach(visit)
    found.add(node)
  }
  roots.forEach(visit)
  return [...found]
}

/** Of an operator; others have none. */
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
