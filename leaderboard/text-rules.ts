/** What text and links of an entry may contain. */
import { invisible } from '../core/base/visible-text.ts'

/**
 * Characters that do not show, or that change the order in which others show: those of
 * `invisible`, all other controls and formats, unassigned and private ones, and separators of lines.
 */
const hidden = new RegExp(`[${invisible}\\p{Cc}\\p{Cf}\\p{Cn}\\p{Co}\\p{Cs}\\p{Zl}\\p{Zp}]`, 'u')

/** Text in which nothing can be disguised. */
const plain = /^[\x20-\x7E]*$/

/** Scripts in ordinary use. `Common` and `Inherited` are shared by several. */
const scripts = (
  'Common Inherited Latin Greek Cyrillic Armenian Georgian Hebrew Arabic Devanagari Bengali ' +
  'Gurmukhi Gujarati Oriya Tamil Telugu Kannada Malayalam Sinhala Thai Lao Khmer Myanmar Tibetan ' +
  'Ethiopic Han Hiragana Katakana Hangul Bopomofo Mongolian Thaana'
).split(' ')

/** Letters of other scripts. */
const rare = new RegExp(
  `(?![${scripts.map((name) => `\\p{Script=${name}}`).join('')}])[\\p{L}\\p{M}\\p{N}]`,
  'u',
)

/** Phonetic letters and small capitals, but not those of the alphabets of living languages. */
const phonetic =
  /(?![\u0253\u0254\u0256\u0257\u0259\u025B\u0263\u0272])[\u0250-\u02AF\u1D00-\u1DBF\u2C60-\u2C7F\uA720-\uA7FF\uAB30-\uAB6F]/u

/** Figures above and below the line, fractions, and signs whose plain form has letters. */
const usualForms =
  /[\u00B2\u00B3\u00B5\u00B9\u00BC-\u00BE\u2070-\u2089\u2113\u2116\u2122\u2150-\u215E]/u

/** Signs that look like the mark of a checked entry. */
const checkMark = /[\u2611\u2705\u2713\u2714\u{1F5F8}\u{1F5F9}]/u

/** Letters of other alphabets that look like Latin ones. */
const cyrillicTwins = 'АВЕЅІЈКМНОРСТУХавеѕіјкмнорстух'
const greekTwins = 'ΑΒΕΖΗΙΚΜΝΟΡΤΥΧορ'
const twins = `\\p{Script=Cyrillic}\\p{Script=Armenian}${greekTwins}`

/** A word with letters of two alphabets that look alike. */
const mixedWord = new RegExp(
  `\\p{Script=Latin}[\\p{L}\\p{M}]*[${twins}]|[${twins}][\\p{L}\\p{M}]*\\p{Script=Latin}`,
  'u',
)

/** Words of letters like Latin ones. They are usual in a text that shows its alphabet elsewhere. */
const lookalikes = [
  { script: 'Cyrillic', letters: cyrillicTwins },
  { script: 'Greek', letters: greekTwins.replace('ρ', '') },
].map(({ script, letters }) => ({
  word: new RegExp(`(?<!\\p{L})[${letters}]+(?!\\p{L})`, 'u'),
  other: new RegExp(`(?![${letters}])\\p{Script=${script}}{2}`, 'u'),
}))

/**
 * What is disguised in texts of a JSON value, keys included, each with its position: hidden
 * characters, letters that look like others, and signs that look like marks of the board.
 */
export function disguises(value: unknown, place = ''): string[] {
  if (typeof value === 'string') {
    const found = disguiseOf(value)
    return found === undefined ? [] : [`${place}: ${found}`]
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, part]) => {
    const found = disguiseOf(key)
    return found === undefined
      ? disguises(part, `${place}/${key}`)
      : [`${place}: in a key, ${found}`]
  })
}

/** What is disguised in a text, as the end of a sentence about it; undefined if nothing is. */
function disguiseOf(text: string): string | undefined {
  if (plain.test(text)) return undefined
  const unseen = hidden.exec(text)?.[0]
  if (unseen !== undefined) return `contains the hidden character ${codeOf(unseen)}`
  const mark = checkMark.exec(text)?.[0]
  if (mark !== undefined) return `contains the check mark ${codeOf(mark)}`
  const form = Array.from(text).find(isOtherForm)
  if (form !== undefined) {
    return `"${form}" is not the plain form of its letter (${codeOf(form)})`
  }
  const strange = (rare.exec(text) ?? phonetic.exec(text))?.[0]
  if (strange !== undefined) {
    return `"${strange}" is no letter of an alphabet in ordinary use (${codeOf(strange)})`
  }
  const mixed = mixedWord.exec(text)?.[0]
  if (mixed !== undefined) return `"${mixed}" mixes letters of two alphabets`
  for (const { word, other } of lookalikes) {
    const found = other.test(text) ? undefined : word.exec(text)?.[0]
    if (found !== undefined) return `"${found}" looks like Latin letters, but is not`
  }
  return undefined
}

/** Whether a character is another form of letters or figures: mathematical, enclosed, and so on. */
function isOtherForm(character: string): boolean {
  const usual = character.normalize('NFKC')
  return usual !== character && /[\p{L}\p{N}]/u.test(usual) && !usualForms.test(character)
}

function codeOf(character: string): string {
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`
}

/**
 * Why the host of a link is not what it seems; undefined if it is. Refused are names and passwords
 * before the host, hosts in other alphabets or in Punycode, numeric addresses, local names, ports,
 * and text that browsers read differently than people, such as backslashes.
 */
export function linkObjection(link: string): string | undefined {
  let url: URL
  try {
    url = new URL(link)
  } catch {
    return 'must be an http or https URL'
  }
  const { protocol, hostname, username, password, port } = url
  if (protocol !== 'https:' && protocol !== 'http:') return 'must be an http or https URL'
  if (username !== '' || password !== '') return 'must have no name or password before the host'
  const written = /^https?:\/\/([^/?#]*)/.exec(link)?.[1]
  if (written === undefined || written.toLowerCase() !== url.host) {
    return `must state the host as browsers read it: ${url.host}`
  }
  if (port !== '') return 'must have no port'
  if (/(^|\.)xn--/.test(hostname)) return `must have a host in plain letters, got ${hostname}`
  const isName = /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/.test(hostname)
  return isName ? undefined : `must have the name of a public host, got ${hostname}`
}
