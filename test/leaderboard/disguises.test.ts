/** Texts that look like others, and texts that do not. */
import { describe, expect, test } from 'vitest'
import { disguises } from '../../leaderboard/text-rules.ts'

describe('texts', () => {
  test.for([
    'Good\uFE0F',
    'Good\u{E0100}',
    'Go\u034Fod',
    'Go\u180Bod',
    'Good\u17B4',
    'Go\u200Bod',
    '\uA4D4\uA4E3\uA4D0\uA4E1',
    '\u2CA2\u2C8A\u2C86',
    '\u{1041B}\u{1042C}',
    '\u1D00\u1D1C\u1D1B\u1D0F',
    '\u1D40\u1D3F\u1D2C',
    '\u211Bobust',
    '\u24AF\u24AD\u249C',
    'TRADES \u0410',
    'TR\u0251DES',
    '\u03C1gd',
    'TRADES \u2164',
    '\u13AAuto',
    'checked \u2713',
    'checked \u2714',
    'checked \u2705',
    'checked \u2611',
  ])('disguised as others: %s', (text) => {
    expect(disguises({ title: text })).toHaveLength(1)
    expect(disguises({ [text]: 1 })).toHaveLength(1)
  })

  test('in ordinary alphabets are no disguise', () => {
    const texts = [
      'TRADES, β = 6 – 張偉',
      'Ə. Əliyev, Müller, Łukasz, Nguyễn, Ó Súilleabháin, ɗan',
      '🙂 30 µs',
      'А. Мадры',
      'Атака с шумом',
      'Ηλίας Ποντίκης',
      'ℓ∞ training, ε² = 8, β′, Ω, x₁, 10⁻³, ½',
      'שלום',
      'مرحبا',
      'नमस्ते',
      'สวัสดี',
      'বাংলা',
      'தமிழ்',
      'ქართული',
      'Հայերեն',
      '한국어',
      'ひらがなカタカナー',
      '№ 1, ™, 25 °C, “quoted”, a…',
      'Kapaʻa, O’Neil',
    ]
    expect(disguises(texts)).toEqual([])
  })
})
