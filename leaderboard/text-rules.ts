/** What text and links of an entry may contain. */

/**
 * Characters that do not show, or that change the order in which others show: controls, formats
 * (zero-width and bidirectional ones), unassigned and private ones, separators of lines, and blanks
 * that are no spaces.
 */
const hidden = /[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Cs}\p{Zl}\p{Zp}\u115F\u1160\u2800\u3164\uFFA0]/u

/** All texts in a JSON value that contain hidden characters, keys included, by position. */
export function hiddenCharacters(value: unknown, place = ''): string[] {
  if (typeof value === 'string') {
    const found = hidden.exec(value)?.[0]
    return found === undefined ? [] : [`${place}: contains the hidden character ${codeOf(found)}`]
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, part]) => {
    const found = hidden.exec(key)?.[0]
    return found === undefined
      ? hiddenCharacters(part, `${place}/${key}`)
      : [`${place}: contains a key with the hidden character ${codeOf(found)}`]
  })
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
