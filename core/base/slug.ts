/** Names as identifiers. */

/** Lower case, with single hyphens for everything but letters and digits; may be empty. */
export function slug(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
}
