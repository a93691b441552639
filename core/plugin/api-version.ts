/** The version of the plugin contract. */

/**
 * The newest contract that this robench supports. Plugins state theirs as a literal: if they
 * imported this constant, the comparison would always succeed.
 */
export const hostApiVersion = 1
