/** The conformance tests that built-in attacks pass: `node --test test.js`. */
import { test } from 'node:test'
import { attackConformance } from 'robench/testing'
import plugins from './index.js'

for (const [id, load] of Object.entries(plugins.attacks)) {
  const plugin = await load()
  for (const check of attackConformance({ plugin })) {
    await test(`${id}: ${check.name}`, check.run)
  }
}
