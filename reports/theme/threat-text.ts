/** How threat models are written for people: in short for titles, and as a sentence. */
import { attributeNames } from '../../core/threat/attributes.ts'
import type { AttributeName } from '../../core/threat/attributes.ts'
import type {
  AmplitudeTransform,
  AttributeRanges,
  Norm,
  ThreatModel,
  Transform,
} from '../../core/threat/threat-model.ts'
import { epsilonText } from './figures.ts'

const normSymbols = { Linf: 'L∞', L2: 'L2', L1: 'L1' } as const satisfies Record<Norm, string>

/** What an attribute is called, and the unit that follows its value. */
const attributeWords = {
  rotation: { name: 'rotation', unit: '°' },
  scale: { name: 'scale', unit: '' },
  translationX: { name: 'horizontal shift', unit: ' px' },
  translationY: { name: 'vertical shift', unit: ' px' },
  hue: { name: 'hue', unit: '°' },
  saturation: { name: 'saturation', unit: '' },
  contrast: { name: 'contrast', unit: '' },
  brightness: { name: 'brightness', unit: '' },
} as const satisfies Record<AttributeName, { readonly name: string; readonly unit: string }>

/** A norm as a symbol: `L∞`. */
export function normText(norm: Norm): string {
  return normSymbols[norm]
}

/**
 * A threat model in short: `L∞ ≤ 8/255`, `L∞ ≤ 2/255 + attributes (rotation ±10°, scale 0.9 to 1.1)`,
 * `amplitude (λ ≤ 0.3, ρ ≤ 0.1)`, `common corruptions`.
 */
export function threatModelText({ norm, epsilon, transform }: ThreatModel): string {
  const ball = `${normText(norm)} ≤ ${epsilonText(epsilon)}`
  if (!transform) return ball
  return epsilon === 0 ? transformText(transform) : `${ball} + ${transformText(transform)}`
}

/** A threat model as a sentence, for those who meet it the first time. */
export function threatModelSentence({ norm, epsilon, bounds, transform }: ThreatModel): string {
  const within = `[${bounds[0]}, ${bounds[1]}]`
  if (transform?.kind === 'corruption') {
    return `Nobody attacks: images are corrupted by noise, blur, weather and processing, whatever the model, and stay within ${within}.`
  }
  const size = epsilonText(epsilon)
  const object = transform ? 'the result' : 'an input'
  const move = {
    Linf: `change every component of ${object} by at most ${size}`,
    L2: `move ${object} by a Euclidean distance of at most ${size}`,
    L1: `move the components of ${object} by at most ${size} in all`,
  } as const satisfies Record<Norm, string>
  const steps = [
    ...(transform ? [transformPhrase(transform)] : []),
    ...(epsilon === 0 ? [] : [move[norm]]),
  ]
  return `The attacker may ${steps.length > 1 ? 'first ' : ''}${steps.join(', then ')}, staying within ${within}.`
}

/** What surviving everything is called: corruptions are nobody's attack, and their worst case is stricter than published means. */
export function worstCaseLabel({ transform }: ThreatModel): string {
  return transform?.kind === 'corruption' ? 'Worst case over corruptions' : 'Worst case'
}

function transformText(transform: Transform): string {
  if (transform.kind === 'attribute') return `attributes (${attributesText(transform.ranges)})`
  if (transform.kind === 'amplitude') {
    return `amplitude (λ ≤ ${epsilonText(transform.mix)}, ρ ≤ ${epsilonText(transform.scale)})`
  }
  transform.kind satisfies 'corruption'
  return 'common corruptions'
}

function transformPhrase(transform: Exclude<Transform, { readonly kind: 'corruption' }>): string {
  return transform.kind === 'attribute'
    ? `change natural attributes of an image (${attributesText(transform.ranges)})`
    : amplitudePhrase(transform)
}

function amplitudePhrase({ mix, scale }: AmplitudeTransform): string {
  const changes = [
    ...(mix > 0
      ? [`mix the Fourier amplitude of an image with that of another one (λ ≤ ${epsilonText(mix)})`]
      : []),
    ...(scale > 0
      ? [
          `scale ${mix > 0 ? 'each amplitude' : 'each Fourier amplitude of an image'} by up to ±${epsilonText(scale)}`,
        ]
      : []),
  ]
  return changes.length === 0
    ? 'leave the Fourier amplitude of an image as it is'
    : `${changes.join(' and ')}, its phase untouched`
}

/** In the order in which they are applied: `rotation ±10°, scale 0.9 to 1.1`. */
function attributesText(ranges: AttributeRanges): string {
  return attributeNames
    .flatMap((attribute) => {
      const range = ranges[attribute]
      if (!range) return []
      const { name, unit } = attributeWords[attribute]
      return [`${name} ${rangeText(range)}${unit}`]
    })
    .join(', ')
}

function rangeText([low, high]: readonly [low: number, high: number]): string {
  return low === -high && high > 0
    ? `±${epsilonText(high)}`
    : `${signedText(low)} to ${signedText(high)}`
}

function signedText(value: number): string {
  return value < 0 ? `−${epsilonText(-value)}` : epsilonText(value)
}
