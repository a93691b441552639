/** Names as ids for files and suites. */

/** A name as an id: lowercase ASCII letters and digits, joined by single hyphens; may be empty. */
export function slugOf(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
}
