/**
 * Letters made of lines, for pictures that the build draws without a font: capitals, digits, and
 * some signs.
 */

/** Strokes of a glyph: polylines of points `xy` on a grid, x from 0 to 4, y from 0 (top) to 6. */
const glyphs: Readonly<Record<string, string>> = {
  A: '06 20 46,14 34',
  B: '06 00 30 41 42 33 03,33 44 45 36 06',
  C: '41 30 10 01 05 16 36 45',
  D: '06 00 20 41 45 26 06',
  E: '40 00 06 46,03 33',
  F: '40 00 06,03 33',
  G: '41 30 10 01 05 16 36 45 43 23',
  H: '00 06,40 46,03 43',
  I: '10 30,20 26,16 36',
  J: '40 45 36 16 05',
  K: '00 06,40 03 46',
  L: '00 06 46',
  M: '06 00 23 40 46',
  N: '06 00 46 40',
  O: '10 01 05 16 36 45 41 30 10',
  P: '06 00 30 41 42 33 03',
  Q: '10 01 05 16 36 45 41 30 10,24 46',
  R: '06 00 30 41 42 33 03,23 46',
  S: '41 30 10 01 02 13 33 44 45 36 16 05',
  T: '00 40,20 26',
  U: '00 05 16 36 45 40',
  V: '00 26 40',
  W: '00 16 23 36 40',
  X: '00 46,40 06',
  Y: '00 23 40,23 26',
  Z: '00 40 06 46',
  0: '10 01 05 16 36 45 41 30 10,05 41',
  1: '11 20 26,16 36',
  2: '01 10 30 41 42 06 46',
  3: '01 10 30 41 42 33 44 45 36 16 05,13 33',
  4: '36 30 04 44',
  5: '40 00 02 32 43 45 36 16 05',
  6: '31 20 10 01 05 16 36 45 44 33 03',
  7: '00 40 16',
  8: '10 01 02 13 33 44 45 36 16 05 04 13,33 42 41 30 10',
  9: '15 26 36 45 41 30 10 01 02 13 43',
  '.': '26 26',
  ',': '25 17',
  '-': '13 33',
  '–': '03 43',
  '+': '03 43,21 25',
  '=': '02 42,04 44',
  '/': '06 40',
  '%': '06 40,01 11 10 00 01,35 45 46 36 35',
  '(': '30 11 15 36',
  ')': '10 31 35 16',
  ':': '22 22,25 25',
  "'": '20 21',
  '≤': '40 02 44,05 45',
  '∞': '23 12 02 03 14 23 32 42 43 34 23',
  ' ': '',
}

/** A line segment in glyph units. */
export type Stroke = readonly [x1: number, y1: number, x2: number, y2: number]

/** Advance of a glyph, in glyph units, of which a capital is 6 high. */
export const advance = 5.6

/** Whether every character of a text can be drawn; small letters are drawn as capitals. */
export function canDraw(text: string): boolean {
  return [...text.toUpperCase()].every((character) => Object.hasOwn(glyphs, character))
}

/** The strokes of a text, starting at the origin. Other characters leave a gap. */
export function strokesOf(text: string): Stroke[] {
  return [...text.toUpperCase()].flatMap((character, at) => {
    const lines = Object.hasOwn(glyphs, character) ? glyphs[character]!.split(',') : []
    return lines.flatMap((line) => {
      const points = line
        .split(' ')
        .filter(Boolean)
        .map((point) => [Number(point[0]) + at * advance, Number(point[1])] as const)
      return points.slice(1).map((end, i): Stroke => [...points[i]!, ...end])
    })
  })
}
