/** The plugin table: lazy loaders by id. Ids have the author's name as a prefix. */
export default {
  defenses: {
    'example/nearest-mean': async () => (await import('./nearest-mean.js')).nearestMean,
    'example/smooth-neighbors': async () => (await import('./smooth-neighbors.js')).smoothNeighbors,
  },
}
