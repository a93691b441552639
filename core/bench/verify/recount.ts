/** Recomputes the figures of a result from its outcomes, without the code that made them. */
import type { AttackResult, CompletedAttack, ResultEntry, RunResult } from '../result/result.ts'

/** Collects what differs. */
interface Recount {
  checked: number
  readonly differences: string[]
}

/**
 * Compares every accuracy of a result with its outcomes.
 * @returns the number of figures, and one text per figure that differs
 */
export function recountResult({ entries }: RunResult): {
  readonly checked: number
  readonly differences: readonly string[]
} {
  const recount: Recount = { checked: 0, differences: [] }
  for (const entry of entries) recountEntry(entry, recount)
  return recount
}

/** `defense "a", L∞ …` is not enough if a suite has several threat models: norm and ε follow. */
export function nameOfEntry({ defense, threatModel }: NamedEntry): string {
  const { norm, epsilon, transform } = threatModel
  const change = transform ? `, ${transform.kind}` : ''
  return `defense "${defense.name}" (${norm} ${Number(epsilon.toPrecision(4))}${change})`
}

/** What `nameOfEntry` needs. */
export type NamedEntry = Pick<ResultEntry, 'threatModel'> & {
  readonly defense: { readonly name: string }
}

/** `attack "pgd"`, with the seed unless it is 0. */
export function nameOfAttack({ attack, seed }: Pick<AttackResult, 'attack' | 'seed'>): string {
  return `attack "${attack.name}"${seed === 0 ? '' : ` seed ${seed}`}`
}

function recountEntry(entry: ResultEntry, recount: Recount): void {
  const where = nameOfEntry(entry)
  const { examples } = entry.dataset
  const clean = [...entry.cleanOutcomes]
  compare(recount, `${where}: clean outcomes`, entry.cleanOutcomes.length, examples)
  compare(recount, `${where}: clean accuracy`, entry.cleanAccuracy, share(clean, '1'))
  const unbroken = clean.map((mark) => mark === '1')
  const curves: (readonly (number | null)[])[] = []
  let completed = 0
  for (const attack of entry.attacks) {
    if (attack.state !== 'completed') continue
    completed += 1
    const place = `${where}, ${nameOfAttack(attack)}`
    const marks = [...attack.outcomes]
    marks.forEach((mark, i) => {
      if (mark === 'b') unbroken[i] = false
    })
    const matching = marks.filter((mark, i) => (mark === 'w') === (clean[i] === '0')).length
    compare(recount, `${place}: examples whose clean outcome agrees`, matching, examples)
    recountAttack(attack, place, recount)
    curves.push(breakingPoints(attack, entry.threatModel.epsilon))
  }
  if (completed > 0) {
    const robust = unbroken.filter(Boolean).length / examples
    compare(recount, `${where}: worst case`, entry.worstCaseRobustAccuracy ?? NaN, robust)
  }
  const curve = entry.worstCaseCurve
  curve?.epsilons.forEach((epsilon, at) => {
    const robust = clean.filter((_, i) => curves.every((points) => isRobustAt(points[i], epsilon)))
    const stated = curve.robustAccuracies[at] ?? NaN
    compare(recount, `${where}: worst case at ε ${epsilon}`, stated, robust.length / examples)
  })
}

function recountAttack(attack: CompletedAttack, where: string, recount: Recount): void {
  const { outcomes, stages = [], curve, corrupted, draws } = attack
  const marks = [...outcomes]
  compare(recount, `${where}: robust accuracy`, attack.robustAccuracy, share(marks, 'r'))
  for (const stage of stages) {
    const robust = share([...stage.outcomes], 'r')
    compare(recount, `${where}, stage ${stage.name}`, stage.robustAccuracy, robust)
  }
  curve?.epsilons.forEach((epsilon, at) => {
    const points = curve.breakingEpsilons
    const robust = points.filter((point) => isRobustAt(point, epsilon)).length / points.length
    compare(recount, `${where}: at ε ${epsilon}`, curve.robustAccuracies[at] ?? NaN, robust)
  })
  if (corrupted) {
    const correct = share([...corrupted.correct], '1')
    compare(recount, `${where}: corrupted accuracy`, corrupted.accuracy, correct)
  }
  if (draws) {
    const counted = draws.correct.filter((_, i) => marks[i] !== 'w')
    const mean = counted.reduce((sum, n) => sum + n, 0) / draws.count / marks.length
    compare(recount, `${where}: mean over draws`, draws.mean.robustAccuracy, mean)
    const any = counted.filter((n) => n === draws.count).length / marks.length
    compare(recount, `${where}: any of the draws`, draws.any.robustAccuracy, any)
  }
}

function breakingPoints({ outcomes, curve }: CompletedAttack, epsilon: number) {
  if (curve) return curve.breakingEpsilons
  return [...outcomes].map((mark) => (mark === 'w' ? 0 : mark === 'b' ? epsilon : null))
}

function isRobustAt(point: number | null | undefined, epsilon: number): boolean {
  return point === null || (point !== undefined && point > epsilon)
}

function share(marks: readonly string[], wanted: string): number {
  return marks.filter((mark) => mark === wanted).length / marks.length
}

function compare(recount: Recount, what: string, stated: number, counted: number): void {
  recount.checked += 1
  if (Math.abs(stated - counted) < 1e-9) return
  recount.differences.push(`${what} is ${stated} in the result, the outcomes give ${counted}`)
}
