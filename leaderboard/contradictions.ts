/** Parts of an entry that cannot be true together. */
import { isCorruption } from '../reports/theme/corruptions.ts'
import { checkContradictions } from './check-rules.ts'
import type { LeaderboardEntry } from './entry-type.ts'

/** What contradicts another part of the entry, each with its position. */
export function contradictions(entry: LeaderboardEntry): string[] {
  return [
    ...attackContradictions(entry),
    ...drawContradictions(entry),
    ...curveContradictions(entry),
    ...checkContradictions(entry),
    ...sizeContradictions(entry),
    ...hashContradictions(entry),
  ]
}

function attackContradictions({ attacks, threatModel }: LeaderboardEntry): string[] {
  return attacks.flatMap((attack, at) => {
    const place = `/attacks/${at}`
    const { corrupted, silentSuccesses, draws, robust } = attack
    const found: string[] = []
    if (isCorruption(attack) !== (corrupted !== undefined)) {
      found.push(`${place}/corrupted: must be stated by corruptions, and by no other attack`)
    }
    // Queries are observed unless points are transformed, or predictions are drawn.
    const isObserved = threatModel.transform === undefined && draws === undefined
    if (isObserved !== (silentSuccesses !== undefined)) {
      found.push(
        isObserved
          ? `${place}/silentSuccesses: is missing`
          : `${place}/silentSuccesses: must be missing: nothing observed the queries`,
      )
    }
    if (silentSuccesses !== undefined && silentSuccesses > robust) {
      found.push(`${place}/silentSuccesses: must be at most ${robust}, the robust examples`)
    }
    return found
  })
}

/** All attacks draw as often, and only models whose outputs do not repeat. */
function drawContradictions({ attacks, checks }: LeaderboardEntry): string[] {
  const draws = attacks[0]?.draws
  const at = attacks.findIndex((attack) => attack.draws !== draws)
  if (at >= 0) return [`/attacks/${at}/draws: must be those of attack 0`]
  const repeats = checks.findIndex(
    ({ id, verdict, value }) => id === 'outputs-repeat' && verdict === 'pass' && value === 0,
  )
  return draws !== undefined && repeats >= 0
    ? [`/checks/${repeats}: says that outputs repeat exactly, but attack 0 has draws`]
    : []
}

/** The worst-case curve follows from those of the attacks, up to the overlap of what they break. */
function curveContradictions({
  attacks,
  worstCase,
  clean,
  threatModel,
}: LeaderboardEntry): string[] {
  const curves = attacks.flatMap(({ curve }) => (curve ? [curve] : []))
  const place = '/worstCase/curve'
  const worst = worstCase.curve
  if (!worst) return curves.length > 0 ? [`${place}: is missing`] : []
  const own = threatModel.epsilon
  const sizes = [...new Set([own, ...curves.flatMap(({ epsilons }) => epsilons)])]
  const expected = sizes.toSorted((a, b) => a - b)
  if (expected.join() !== worst.epsilons.join()) {
    return [`${place}/epsilons: must be those of the attacks, ${expected.join(', ')}`]
  }
  return expected.flatMap((epsilon, at) => {
    // Of an attack without a curve, the outcomes are known at the ε of the threat model only.
    const robust = attacks.map((attack) => {
      const known = attack.curve?.epsilons.indexOf(epsilon) ?? -1
      if (known >= 0) return attack.curve!.robust[known]!
      return !attack.curve && epsilon >= own ? attack.robust : undefined
    })
    const stated = robust.filter((count) => count !== undefined)
    const most = Math.min(clean.correct, ...stated)
    const broken = stated.reduce((sum, count) => sum + clean.correct - count, 0)
    const isWhole = stated.length === robust.length
    const least = isWhole ? Math.max(0, clean.correct - broken) : 0
    const got = worst.robust[at]!
    return got >= least && got <= most
      ? []
      : [`${place}/robust/${at}: must be from ${least} to ${most}, as the attacks give, got ${got}`]
  })
}

/** Part of ε by which it may not miss a usual size. */
const nearEpsilon = 0.001

/** ε is a usual size, or far enough from all of them: a hair below 8/255 opens no table. */
function sizeContradictions({ threatModel: { epsilon } }: LeaderboardEntry): string[] {
  const sizes = [255, 10, ...(epsilon < 1 ? [100] : [])].map((parts) => {
    const count = Math.round(epsilon * parts)
    return { size: count / parts, text: parts === 255 ? `${count}/255` : String(count / parts) }
  })
  if (epsilon === 0 || sizes.some(({ size }) => size === epsilon)) return []
  const near = sizes
    .filter(({ size, text }) => (text.endsWith('/255') ? size <= 2 : true))
    .find(({ size }) => size > 0 && Math.abs(size - epsilon) < nearEpsilon * epsilon)
  return near
    ? [`/threatModel/epsilon: must be ${near.text} exactly (${near.size}), got ${epsilon}`]
    : []
}

/** Hashes of different things are different. */
function hashContradictions({ dataset, model, evidence, run }: LeaderboardEntry): string[] {
  const hashes = new Map<string, string>([[dataset.sha256, '/dataset/sha256']])
  const others: readonly (readonly [string, string | undefined])[] = [
    ['/model/sha256', model.sha256],
    ['/run/suite/sha256', run.suite.sha256],
    ['/evidence/result', evidence.result],
    ['/evidence/units', evidence.units],
    ['/evidence/adversarials', evidence.adversarials],
    ...run.packages.map(
      ({ integrity }, at) => [`/run/packages/${at}/integrity`, integrity] as const,
    ),
  ]
  return others.flatMap(([place, hash]) => {
    if (hash === undefined) return []
    const known = hashes.get(hash)
    if (known !== undefined) return [`${place}: is the hash at ${known}`]
    hashes.set(hash, place)
    return /^(.)\1+$/.test(hash) ? [`${place}: is not the hash of anything`] : []
  })
}
