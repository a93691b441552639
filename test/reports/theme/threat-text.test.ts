/** Threat models as titles and as sentences. */
import { describe, expect, test } from 'vitest'
import type { ThreatModel } from '../../../core/threat/threat-model.ts'
import type { Transform } from '../../../core/threat/transforms/table.ts'
import { threatModelSentence, threatModelText } from '../../../reports/theme/threat-text.ts'

function threat(epsilon: number, transform?: Transform): ThreatModel {
  return { norm: 'Linf', epsilon, bounds: [0, 1], ...(transform && { transform }) }
}

const ranges = { scale: [0.9, 1.1], rotation: [-10, 10], translationX: [-2, 0] } as const

describe('threatModelText', () => {
  test.each<[Transform | undefined, string]>([
    [undefined, 'L∞ ≤ 2/255'],
    [
      { kind: 'attribute', ranges },
      'L∞ ≤ 2/255 + attributes (rotation ±10°, scale 0.9 to 1.1, horizontal shift −2 to 0 px)',
    ],
    [{ kind: 'amplitude', mix: 0.3, scale: 0.1 }, 'L∞ ≤ 2/255 + amplitude (λ ≤ 0.3, ρ ≤ 0.1)'],
    [{ kind: 'corruption' }, 'L∞ ≤ 2/255 + common corruptions'],
  ])('with the transform %j', (transform, text) => {
    expect(threatModelText(threat(2 / 255, transform))).toBe(text)
  })

  test('L0 counts pixels', () => {
    const pixels = (epsilon: number): ThreatModel => ({ ...threat(epsilon), norm: 'L0' })
    expect(threatModelText(pixels(10))).toBe('L0 ≤ 10 pixels')
    expect(threatModelText(pixels(1))).toBe('L0 ≤ 1 pixel')
    expect(threatModelSentence(pixels(10))).toBe(
      'The attacker may change at most 10 pixels of an input, staying within [0, 1].',
    )
  })

  test('an empty ball is left out, whatever its norm', () => {
    const transform = { kind: 'amplitude', mix: 0.3, scale: 0.1 } as const
    expect(threatModelText(threat(0, transform))).toBe('amplitude (λ ≤ 0.3, ρ ≤ 0.1)')
    expect(threatModelText(threat(0, { kind: 'corruption' }))).toBe('common corruptions')
  })
})

describe('threatModelSentence', () => {
  test.each<[number, Transform | undefined, string]>([
    [
      8 / 255,
      undefined,
      'The attacker may change every component of an input by at most 8/255, ' +
        'staying within [0, 1].',
    ],
    [
      8 / 255,
      { kind: 'attribute', ranges: { brightness: [-8 / 255, 8 / 255] } },
      'The attacker may first change natural attributes of an image (brightness ±8/255), then ' +
        'change every component of the result by at most 8/255, staying within [0, 1].',
    ],
    [
      0,
      { kind: 'amplitude', mix: 0.3, scale: 0.1 },
      'The attacker may mix the Fourier amplitude of an image with that of another one (λ ≤ 0.3) ' +
        'and scale each amplitude by up to ±0.1, its phase untouched, staying within [0, 1].',
    ],
    [
      0,
      { kind: 'amplitude', mix: 0, scale: 0.1 },
      'The attacker may scale each Fourier amplitude of an image by up to ±0.1, ' +
        'its phase untouched, staying within [0, 1].',
    ],
    [
      0,
      { kind: 'corruption' },
      'No attacker: images are corrupted by noise, blur, weather, and processing, ' +
        'regardless of the model, and stay within [0, 1].',
    ],
  ])('for ε = %f with %j', (epsilon, transform, sentence) => {
    expect(threatModelSentence(threat(epsilon, transform))).toBe(sentence)
  })
})
