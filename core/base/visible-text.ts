/** Texts that people read: titles, for example. */

/** Those of `invisible` in the first plane of Unicode. */
const plane0 =
  '\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5' +
  '\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u2800\\u3164\\ud800-\\udfff' +
  '\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb'

/**
 * Characters that do not show, as the inside of a class of a regular expression with the flag `u`:
 * controls, fillers, and what only changes others, such as characters of zero width, selectors of
 * variants, and tags.
 */
export const invisible = `${plane0}\\u{e0000}-\\u{e0fff}`

/**
 * A character that shows, and is no blank: the pattern for JSON Schema in any language, because
 * `\\u{…}` is of JavaScript alone.
 */
const shows = `[^\\s${plane0}]`
const showsAnywhere = new RegExp(`[^\\s${invisible}]`, 'u')
const showsInPlane0 = new RegExp(shows, 'u')

/** The name of the format that `visibleText` states; other validators ignore it. */
export const visibleFormat = 'robench-visible-text'

/** Whether a text that the pattern accepts has more than tags and selectors of other planes. */
export function isVisibleFormat(text: string): boolean {
  return !showsInPlane0.test(text) || showsAnywhere.test(text)
}

/** JSON Schema of a text with at least one character that shows. */
export const visibleText = {
  type: 'string',
  pattern: shows,
  format: visibleFormat,
  description: 'a text that is not blank',
} as const
