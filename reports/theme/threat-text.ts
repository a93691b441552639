/** Threat models as text: short for titles, and as a sentence. */
import { formatEpsilon } from '../../core/threat/epsilon.ts'
import type { Norm, ThreatModel } from '../../core/threat/threat-model.ts'
import { transformRecord } from '../../core/threat/transforms/table.ts'

const normSymbols = { Linf: 'L∞', L2: 'L2', L1: 'L1', L0: 'L0' } as const satisfies Record<
  Norm,
  string
>

/** A norm as a symbol: `L∞`. */
export function normText(norm: Norm): string {
  return normSymbols[norm]
}

/**
 * A threat model as a title: `L∞ ≤ 8/255`, `amplitude (λ ≤ 0.3, ρ ≤ 0.1)`, `common corruptions`,
 * `L∞ ≤ 2/255 + attributes (rotation ±10°, scale 0.9 to 1.1)`.
 */
export function threatModelText(threatModel: ThreatModel): string {
  const { target, given } = threatModel
  const text = given ? givenText(given) : limitText(threatModel)
  return target === undefined ? text : `${text}, target ${targetText(target)}`
}

function limitText({ norm, epsilon, transform }: ThreatModel): string {
  const size = formatEpsilon(epsilon)
  const unit = norm !== 'L0' ? '' : size === '1' ? ' pixel' : ' pixels'
  const ball = `${normText(norm)} ≤ ${size}${unit}`
  if (!transform) return ball
  const { title } = transformRecord(transform.kind).describe(transform)
  return epsilon === 0 ? title : `${ball} + ${title}`
}

/** Limits that the data gives, as words. */
function givenText(given: NonNullable<ThreatModel['given']>): string {
  return { epsilons: 'ε of each image', box: 'box of each image' }[given]
}

/** A target as words: `class 3`, `least likely`. */
function targetText(target: NonNullable<ThreatModel['target']>): string {
  return typeof target === 'number' ? `class ${target}` : target.replace('-', ' ')
}

/** A threat model as a sentence, for readers who do not know it. */
export function threatModelSentence(threatModel: ThreatModel): string {
  const { target, given, bounds } = threatModel
  const within = `staying within [${bounds[0]}, ${bounds[1]}]`
  const text = given
    ? given === 'box'
      ? `The attacker may change each component within its box, which the data gives, ${within}.`
      : `The attacker may move an input by its own ε in ${normText(threatModel.norm)}, which the data gives, ${within}.`
    : limitSentence(threatModel)
  if (target === undefined) return text
  const which = {
    next: 'the class after its own',
    'least-likely': 'the class that is least likely at the input',
    random: 'a wrong class drawn at random',
    given: 'the class that the data gives',
  }
  const wanted = typeof target === 'number' ? `class ${target}` : which[target]
  return `${text} An example is broken if it is predicted as ${wanted}.`
}

function limitSentence({ norm, epsilon, bounds, transform }: ThreatModel): string {
  const within = `[${bounds[0]}, ${bounds[1]}]`
  const record = transform && transformRecord(transform.kind)
  const phrase = transform && record?.describe(transform).phrase
  if (record?.adversarial === false) return `${phrase} and stay within ${within}.`
  const size = formatEpsilon(epsilon)
  const object = transform ? 'the result' : 'an input'
  const move = {
    Linf: `change every component of ${object} by at most ${size}`,
    L2: `move ${object} by a Euclidean distance of at most ${size}`,
    L1: `move the components of ${object} by at most ${size} in all`,
    L0: `change at most ${size} ${size === '1' ? 'pixel' : 'pixels'} of ${object}`,
  } as const satisfies Record<Norm, string>
  const steps = [...(phrase === undefined ? [] : [phrase]), ...(epsilon === 0 ? [] : [move[norm]])]
  const moves = `${steps.length > 1 ? 'first ' : ''}${steps.join(', then ')}`
  return `The attacker may ${moves}, staying within ${within}.`
}

/**
 * The label of the accuracy under all attacks. Corruptions have their own label: they are not
 * attacks, and their worst case is stricter than published means.
 */
export function worstCaseLabel({ transform }: ThreatModel): string {
  const worstCase = transform && transformRecord(transform.kind).describe(transform).worstCase
  return worstCase ?? 'Worst case'
}
