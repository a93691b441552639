/** Selects the outcomes that a claim compares, for a pair of models. */
import { worstCaseOutcomes, robustAccuracy } from '../../core/bench/metrics/accuracy.ts'
import type { Outcomes } from '../../core/bench/metrics/accuracy.ts'
import { canonicalJson } from '../../core/base/hash.ts'
import type { AttackIdentity, CompletedAttack } from '../../core/bench/result/result.ts'
import { describeTests, matchesOptions } from './claim.ts'
import type { AttackSelector, Claim } from './claim.ts'
import { attackKey, identityKey } from './rows.ts'
import type { RowModel } from './rows.ts'

/** A model of each side. */
export interface ModelPair {
  readonly higher: RowModel
  readonly lower: RowModel
}

/** The outcomes of one side, and the attacks that they come from. */
export interface SideOutcomes {
  readonly outcomes: Outcomes
  readonly attacks: readonly AttackIdentity[]
}

/** The outcomes of both sides. */
export interface PairOutcomes {
  /** Equal for the same attacks on other models. */
  readonly key: string
  readonly higher: SideOutcomes
  readonly lower: SideOutcomes
}

/** The attack of each side; several candidates differ in options. */
interface Candidate {
  readonly higher: CompletedAttack
  readonly lower: CompletedAttack
}

/** The outcomes that test the claim, or a reason why there are none, without a period. */
export function selectOutcomes(claim: Claim, pair: ModelPair): PairOutcomes | string {
  const { higher, lower } = claim
  for (const [{ defense, attack }, model] of [
    [higher, pair.higher],
    [lower, pair.lower],
  ] as const) {
    const missing = missingPlugin(attack, model)
    if (missing === undefined) continue
    const options = describeTests(attack.options)
    return `${defense.label} was not attacked by ${missing}${options && ` with ${options}`}`
  }
  const candidates = claim.pairing === 'row' ? strongestOfEach(claim, pair) : equal(claim, pair)
  const [first] = candidates
  if (!first) {
    return `the attacks on ${higher.defense.label} and ${lower.defense.label} have other options`
  }
  if (higher.attack.combine === 'union') return unionOf(claim, candidates)
  const accuracy = (candidate: Candidate): number => {
    const { higher: a, lower: b } = outcomesOf(claim, candidate)
    return robustAccuracy(a) + robustAccuracy(b)
  }
  const strongest = candidates.reduce((best, candidate) =>
    accuracy(candidate) < accuracy(best) ? candidate : best,
  )
  return pairOutcomes(claim, [strongest])
}

function missingPlugin(selector: AttackSelector, model: RowModel): string | undefined {
  const found = new Set(matching(selector, model).map(({ attack }) => attack.plugin))
  if (selector.combine === 'union') return selector.plugins.find((plugin) => !found.has(plugin))
  return found.size === 0 ? selector.plugins.join(' or ') : undefined
}

function matching({ plugins, options }: AttackSelector, { attacks }: RowModel): CompletedAttack[] {
  return attacks.filter(
    ({ attack }) => plugins.includes(attack.plugin) && matchesOptions(attack.options, options),
  )
}

/** Attacks with equal options on both models, or with an equal wrapped attack for `transfer`. */
function equal(claim: Claim, pair: ModelPair): Candidate[] {
  const opponents = matching(claim.lower.attack, pair.lower)
  return matching(claim.higher.attack, pair.higher).flatMap((higher) => {
    const lower = opponents.find((other) =>
      claim.pairing === 'transfer'
        ? isTransferOf(higher, other, pair.lower.name)
        : attackKey(other) === attackKey(higher),
    )
    return lower ? [{ higher, lower }] : []
  })
}

/** Whether the attack transfers `other` from the model of that name alone. */
function isTransferOf({ attack }: CompletedAttack, other: CompletedAttack, name: string): boolean {
  const { surrogates, attack: inner } = attack.options
  if (canonicalJson(surrogates) !== canonicalJson([name])) return false
  const { id, version, options } = inner as {
    readonly id: string
    readonly version: number
    readonly options: AttackIdentity['options']
  }
  return identityKey({ plugin: id, version, options }) === identityKey(other.attack)
}

function strongestOfEach(claim: Claim, { higher, lower }: ModelPair): Candidate[] {
  const strongest = (selector: AttackSelector, model: RowModel): CompletedAttack =>
    matching(selector, model).reduce((best, attack) =>
      attack.robustAccuracy < best.robustAccuracy ? attack : best,
    )
  return [
    {
      higher: strongest(claim.higher.attack, higher),
      lower: strongest(claim.lower.attack, lower),
    },
  ]
}

function unionOf(claim: Claim, candidates: readonly Candidate[]): PairOutcomes | string {
  const missing = claim.higher.attack.plugins.find((plugin) =>
    candidates.every(({ higher }) => higher.attack.plugin !== plugin),
  )
  if (missing !== undefined) {
    const names = `${claim.higher.defense.label} and ${claim.lower.defense.label}`
    return `${missing} has other options on ${names}`
  }
  return pairOutcomes(claim, candidates)
}

function pairOutcomes(claim: Claim, candidates: readonly Candidate[]): PairOutcomes {
  const side = (name: 'higher' | 'lower'): SideOutcomes => ({
    outcomes: worstCaseOutcomes(candidates.map((each) => outcomesOf(claim, each)[name]))!,
    attacks: candidates.map((each) => each[name].attack),
  })
  const keys = candidates.map((each) => [attackKey(each.higher), attackKey(each.lower)])
  return { key: canonicalJson(keys), higher: side('higher'), lower: side('lower') }
}

function outcomesOf(
  { higher, lower }: Claim,
  candidate: Candidate,
): { readonly higher: Outcomes; readonly lower: Outcomes } {
  return {
    higher: stageOutcomes(higher.attack, candidate.higher),
    lower: stageOutcomes(lower.attack, candidate.lower),
  }
}

function stageOutcomes({ stages = [] }: AttackSelector, attack: CompletedAttack): Outcomes {
  for (const name of stages) {
    const stage = attack.stages?.find((each) => each.name === name)
    if (stage) return stage.outcomes
  }
  return attack.corrupted ? correctOnAll(attack.corrupted.correct) : attack.outcomes
}

/** Outcomes on changed images of all examples, including those that were misclassified before. */
function correctOnAll(correct: string): Outcomes {
  return correct.replaceAll('1', 'r').replaceAll('0', 'b')
}
