/** Names of operators with their domain. */

/** The name in the table of operators: `Conv`, `com.microsoft.FusedConv`. */
export function qualifiedName({
  op,
  domain,
}: {
  readonly op: string
  readonly domain: string
}): string {
  return domain === '' ? op : `${domain}.${op}`
}

/** The operator and its domain, which is empty for standard operators. */
export function splitName(name: string): { readonly op: string; readonly domain: string } {
  const at = name.lastIndexOf('.')
  return { op: name.slice(at + 1), domain: name.slice(0, Math.max(at, 0)) }
}
