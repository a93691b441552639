/** The plugin table: lazy loaders by id. Ids have the author's name as a prefix. */
export default {
  attacks: {
    'example/one-step': async () => (await import('./one-step.js')).oneStep,
    'example/random-corner': async () => (await import('./random-corner.js')).randomCorner,
  },
}
