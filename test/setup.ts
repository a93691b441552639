/** Setup of every test file: the matcher `toBeAllclose`, and a fixed seed for property tests. */
import fc from 'fast-check'
import './allclose.ts'

// ROBENCH_PROPERTY_SEED=random looks for new counterexamples; a number repeats a run.
const seed = process.env['ROBENCH_PROPERTY_SEED'] ?? '1'
if (seed !== 'random') fc.configureGlobal({ seed: Number(seed) })
