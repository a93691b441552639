/** Texts that people read: titles, for example. */

/**
 * A character that shows: no blank, control, or filler, and none that only changes others, such as
 * those of zero width, selectors of variants, and tags.
 */
const shows =
  '[^\\s\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5' +
  '\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u2800\\u3164\\ud800-\\udfff' +
  '\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb\\u{e0000}-\\u{e0fff}]'

/** JSON Schema of a text with at least one character that shows. */
export const visibleText = {
  type: 'string',
  pattern: shows,
  description: 'a text that is not blank',
} as const
