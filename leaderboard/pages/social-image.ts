/** Pictures that other sites show beside a link, 1200 × 630, as PNG. */
import { PNG } from 'pngjs'
import { percentDigits } from '../../reports/theme/figures.ts'
import { threatModelText } from '../../reports/theme/threat-text.ts'
import type { Proportion } from '../../reports/theme/proportion.ts'
import type { RankedEntry, RankedTable } from '../ranking.ts'
import { advance, canDraw, strokesOf } from './stroke-font.ts'

type Color = readonly [red: number, green: number, blue: number]

const width = 1200
const height = 630
const margin = 80
const colors = {
  page: [247, 247, 245],
  ink: [29, 33, 41],
  muted: [92, 99, 112],
  track: [225, 225, 219],
  clean: [108, 136, 168],
  robust: [18, 118, 111],
} as const satisfies Record<string, Color>

/** The picture of an entry: title, data set, threat model, and two accuracies. */
export function entryImage(row: RankedEntry): Buffer {
  const { entry, clean, worstCase, bestKnown, supplementTo } = row
  const picture = newPicture()
  const place = `${entry.dataset.title}  ${threatModelText(entry.threatModel)}`
  drawText(picture, 'robench leaderboard', margin, 70, 26, colors.muted)
  drawText(picture, canDraw(entry.title) ? entry.title : entry.id, margin, 140, 52, colors.ink)
  drawText(picture, place, margin, 240, 30, colors.muted)
  drawAccuracy(picture, 'Clean', clean, 340, colors.clean)
  const [name, robust] = supplementTo ? ['Best known', bestKnown] : ['Worst case', worstCase]
  drawAccuracy(picture, name, robust, 470, colors.robust)
  return encode(picture)
}

/** The picture of the site: the first entries of its first table. */
export function boardImage([table]: readonly RankedTable[]): Buffer {
  const picture = newPicture()
  drawText(picture, 'robench', margin, 70, 70, colors.ink)
  drawText(picture, 'Accuracy under attack', margin, 180, 32, colors.muted)
  if (table) {
    const place = `${table.dataset.title}  ${threatModelText(table.threatModel)}`
    drawText(picture, place, margin, 250, 26, colors.muted)
    table.rows.slice(0, 5).forEach(({ entry, worstCase }, at) => {
      const y = 320 + 52 * at
      drawText(
        picture,
        canDraw(entry.title) ? entry.title : entry.id,
        margin,
        y,
        22,
        colors.ink,
        500,
      )
      drawBar(picture, 620, y + 2, 380, 18, worstCase.fraction, colors.robust)
      drawText(picture, `${percentDigits(worstCase.fraction)} %`, 1020, y, 22, colors.ink)
    })
  }
  return encode(picture)
}

interface Picture {
  /** `[height, width, 3]` */
  readonly pixels: Uint8Array
}

function newPicture(): Picture {
  const pixels = new Uint8Array(3 * width * height)
  for (let p = 0; p < width * height; p++) pixels.set(colors.page, 3 * p)
  fill({ pixels }, 0, 0, width, 14, colors.robust)
  return { pixels }
}

function encode({ pixels }: Picture): Buffer {
  const options = { width, height, colorType: 2, inputColorType: 2, inputHasAlpha: false } as const
  const png = new PNG(options)
  png.data = Buffer.from(pixels)
  return PNG.sync.write(png, { ...options, deflateLevel: 6, filterType: 0 })
}

function drawAccuracy(
  picture: Picture,
  name: string,
  { fraction }: Proportion,
  y: number,
  color: Color,
): void {
  drawText(picture, name, margin, y, 28, colors.muted)
  const value = `${percentDigits(fraction)} %`
  drawText(picture, value, width - margin - textWidth(value, 44), y - 14, 44, colors.ink)
  drawBar(picture, margin, y + 52, width - 2 * margin, 26, fraction, color)
}

function drawBar(
  picture: Picture,
  x: number,
  y: number,
  length: number,
  thickness: number,
  share: number,
  color: Color,
): void {
  fill(picture, x, y, length, thickness, colors.track)
  fill(picture, x, y, Math.round(share * length), thickness, color)
}

function fill({ pixels }: Picture, x: number, y: number, w: number, h: number, color: Color): void {
  for (let row = y; row < y + h; row++) {
    for (let column = x; column < x + w; column++) pixels.set(color, 3 * (row * width + column))
  }
}

function textWidth(text: string, size: number): number {
  return Math.max(0, [...text].length * advance - 1.6) * (size / 6)
}

/**
 * Draws a line of text with round strokes, cut to `room`.
 * @param size height of a capital in pixels
 */
function drawText(
  picture: Picture,
  text: string,
  x: number,
  y: number,
  size: number,
  color: Color,
  room = width - x - margin,
): void {
  let shown = [...text]
  if (textWidth(text, size) > room) {
    while (textWidth(`${shown.join('')}...`, size) > room) shown = shown.slice(0, -1)
    shown = [...shown, '.', '.', '.']
  }
  const unit = size / 6
  const radius = Math.max(1.2, 0.34 * unit)
  for (const stroke of strokesOf(shown.join(''))) {
    const [x1, y1, x2, y2] = stroke.map((value) => value * unit) as [number, number, number, number]
    drawStroke(picture, [x + x1, y + y1, x + x2, y + y2], radius, color)
  }
}

/** A line with round ends, smoothed over one pixel. */
function drawStroke(
  { pixels }: Picture,
  [x1, y1, x2, y2]: readonly [number, number, number, number],
  radius: number,
  color: Color,
): void {
  const [dx, dy] = [x2 - x1, y2 - y1]
  const length = dx * dx + dy * dy
  const reach = radius + 1
  const top = Math.max(0, Math.floor(Math.min(y1, y2) - reach))
  const bottom = Math.min(height - 1, Math.ceil(Math.max(y1, y2) + reach))
  const left = Math.max(0, Math.floor(Math.min(x1, x2) - reach))
  const right = Math.min(width - 1, Math.ceil(Math.max(x1, x2) + reach))
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const along = length === 0 ? 0 : ((column - x1) * dx + (row - y1) * dy) / length
      const t = Math.min(1, Math.max(0, along))
      const away = Math.hypot(column - x1 - t * dx, row - y1 - t * dy)
      const cover = Math.min(1, Math.max(0, radius + 0.5 - away))
      if (cover === 0) continue
      const place = 3 * (row * width + column)
      for (let c = 0; c < 3; c++) {
        const below = pixels[place + c]!
        // Where strokes meet, the darker one counts, so that joints do not show.
        const own = Math.round(below + cover * (color[c]! - below))
        pixels[place + c] = Math.min(below, own)
      }
    }
  }
}
