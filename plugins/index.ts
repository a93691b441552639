/** The built-in plugins: sorted tables of lazy loaders, of the same form as a third party's package exports. */
import type { PluginTable } from '../core/index.ts'

const builtins: PluginTable = {
  attacks: {
    'additive-noise': async () => (await import('./attacks/additive-noise.ts')).additiveNoise,
    'amplitude-mix': async () => (await import('./attacks/amplitude-mix.ts')).amplitudeMix,
    'apgd-ce': async () => (await import('./attacks/apgd-ce.ts')).apgdCe,
    'apgd-dlr': async () => (await import('./attacks/apgd-dlr.ts')).apgdDlr,
    'apgd-t': async () => (await import('./attacks/apgd-t.ts')).apgdT,
    autoattack: async () => (await import('./attacks/autoattack.ts')).autoattack,
    bim: async () => (await import('./attacks/bim.ts')).bim,
    boundary: async () => (await import('./attacks/boundary.ts')).boundary,
    bpda: async () => (await import('./attacks/bpda.ts')).bpda,
    'carlini-wagner': async () => (await import('./attacks/carlini-wagner.ts')).carliniWagner,
    corruption: async () => (await import('./attacks/corruption.ts')).corruption,
    ddn: async () => (await import('./attacks/ddn.ts')).ddn,
    deepfool: async () => (await import('./attacks/deepfool.ts')).deepfool,
    'di-fgsm': async () => (await import('./attacks/di-fgsm.ts')).diFgsm,
    eot: async () => (await import('./attacks/eot.ts')).eot,
    fab: async () => (await import('./attacks/fab.ts')).fab,
    'fab-t': async () => (await import('./attacks/fab-t.ts')).fabT,
    fgsm: async () => (await import('./attacks/fgsm.ts')).fgsm,
    fmn: async () => (await import('./attacks/fmn.ts')).fmn,
    'gradient-aware': async () => (await import('./attacks/gradient-aware.ts')).gradientAware,
    'high-pass': async () => (await import('./attacks/high-pass.ts')).highPass,
    'high-pass-sweep': async () => (await import('./attacks/high-pass-sweep.ts')).highPassSweep,
    'hop-skip-jump': async () => (await import('./attacks/hop-skip-jump.ts')).hopSkipJump,
    mim: async () => (await import('./attacks/mim.ts')).mim,
    nes: async () => (await import('./attacks/nes.ts')).nes,
    'ni-fgsm': async () => (await import('./attacks/ni-fgsm.ts')).niFgsm,
    pgd: async () => (await import('./attacks/pgd.ts')).pgd,
    spa: async () => (await import('./attacks/spa.ts')).spa,
    spatial: async () => (await import('./attacks/spatial.ts')).spatial,
    spsa: async () => (await import('./attacks/spsa.ts')).spsa,
    square: async () => (await import('./attacks/square.ts')).square,
    'ti-fgsm': async () => (await import('./attacks/ti-fgsm.ts')).tiFgsm,
    transfer: async () => (await import('./attacks/transfer.ts')).transfer,
    universal: async () => (await import('./attacks/universal.ts')).universal,
  },
  defenses: {
    'gradient-step': async () => (await import('./defenses/gradient-step.ts')).gradientStep,
    'onnx-model': async () => (await import('./defenses/onnx-model.ts')).onnxModel,
    'pgd-at': async () => (await import('./defenses/pgd-at.ts')).pgdAt,
    standard: async () => (await import('./defenses/standard.ts')).standard,
  },
  networks: {
    resnet: async () => (await import('./networks/resnet.ts')).resnet,
    'small-cnn': async () => (await import('./networks/small-cnn.ts')).smallCnn,
  },
}

export default builtins
