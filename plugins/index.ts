/** The built-in plugins: sorted tables of lazy loaders, in the form that plugin packages export. */
import type { PluginTable } from '../core/api/plugin.ts'

const builtins: PluginTable = {
  attacks: {
    'additive-noise': async () => (await import('./attacks/noise/additive-noise.ts')).additiveNoise,
    'amplitude-mix': async () => (await import('./attacks/spectral/amplitude-mix.ts')).amplitudeMix,
    'apgd-ce': async () => (await import('./attacks/apgd/apgd-ce.ts')).apgdCe,
    'apgd-dlr': async () => (await import('./attacks/apgd/apgd-dlr.ts')).apgdDlr,
    'apgd-t': async () => (await import('./attacks/apgd/apgd-t.ts')).apgdT,
    autoattack: async () => (await import('./attacks/autoattack/autoattack.ts')).autoattack,
    bim: async () => (await import('./attacks/gradient/bim.ts')).bim,
    boundary: async () => (await import('./attacks/decision-based/boundary.ts')).boundary,
    bpda: async () => (await import('./attacks/wrappers/bpda.ts')).bpda,
    'carlini-wagner': async () =>
      (await import('./attacks/minimum-norm/carlini-wagner.ts')).carliniWagner,
    corruption: async () => (await import('./attacks/corruption/corruption.ts')).corruption,
    ddn: async () => (await import('./attacks/minimum-norm/ddn.ts')).ddn,
    deepfool: async () => (await import('./attacks/minimum-norm/deepfool.ts')).deepfool,
    'di-fgsm': async () => (await import('./attacks/gradient/di-fgsm.ts')).diFgsm,
    eot: async () => (await import('./attacks/wrappers/eot.ts')).eot,
    fab: async () => (await import('./attacks/fab/fab.ts')).fab,
    'fab-t': async () => (await import('./attacks/fab/fab-t.ts')).fabT,
    fgsm: async () => (await import('./attacks/gradient/fgsm.ts')).fgsm,
    fmn: async () => (await import('./attacks/minimum-norm/fmn.ts')).fmn,
    'gradient-aware': async () =>
      (await import('./attacks/wrappers/gradient-aware.ts')).gradientAware,
    'high-pass': async () => (await import('./attacks/spectral/high-pass.ts')).highPass,
    'high-pass-sweep': async () =>
      (await import('./attacks/spectral/high-pass-sweep.ts')).highPassSweep,
    'hop-skip-jump': async () =>
      (await import('./attacks/decision-based/hop-skip-jump.ts')).hopSkipJump,
    mim: async () => (await import('./attacks/gradient/mim.ts')).mim,
    nes: async () => (await import('./attacks/score-based/nes.ts')).nes,
    'ni-fgsm': async () => (await import('./attacks/gradient/ni-fgsm.ts')).niFgsm,
    pgd: async () => (await import('./attacks/gradient/pgd.ts')).pgd,
    'sigma-zero': async () => (await import('./attacks/sparse/sigma-zero.ts')).sigmaZero,
    spa: async () => (await import('./attacks/semantic/spa.ts')).spa,
    'sparse-pgd': async () => (await import('./attacks/sparse/sparse-pgd.ts')).sparsePgd,
    spatial: async () => (await import('./attacks/semantic/spatial.ts')).spatial,
    spsa: async () => (await import('./attacks/score-based/spsa.ts')).spsa,
    'spectral-exchange': async () =>
      (await import('./attacks/spectral/spectral-exchange.ts')).spectralExchange,
    square: async () => (await import('./attacks/square/square.ts')).square,
    'ti-fgsm': async () => (await import('./attacks/gradient/ti-fgsm.ts')).tiFgsm,
    transfer: async () => (await import('./attacks/transfer/transfer.ts')).transfer,
    universal: async () => (await import('./attacks/gradient/universal.ts')).universal,
  },
  defenses: {
    apr: async () => (await import('./defenses/apr/apr.ts')).apr,
    'bit-depth': async () => (await import('./defenses/bit-depth/bit-depth.ts')).bitDepth,
    dat: async () => (await import('./defenses/dat/dat.ts')).dat,
    'fgsm-at': async () => (await import('./defenses/fgsm-at/fgsm-at.ts')).fgsmAt,
    'gradient-step': async () =>
      (await import('./defenses/gradient-step/gradient-step.ts')).gradientStep,
    jpeg: async () => (await import('./defenses/jpeg/jpeg.ts')).jpeg,
    mart: async () => (await import('./defenses/mart/mart.ts')).mart,
    median: async () => (await import('./defenses/median/median.ts')).median,
    mmcat: async () => (await import('./defenses/mmcat/mmcat.ts')).mmcat,
    'onnx-model': async () => (await import('./defenses/onnx-model/onnx-model.ts')).onnxModel,
    'pgd-at': async () => (await import('./defenses/pgd-at/pgd-at.ts')).pgdAt,
    'random-resize': async () =>
      (await import('./defenses/random-resize/random-resize.ts')).randomResize,
    'randomized-smoothing': async () =>
      (await import('./defenses/randomized-smoothing/randomized-smoothing.ts')).randomizedSmoothing,
    'spa-at': async () => (await import('./defenses/spa-at/spa-at.ts')).spaAt,
    standard: async () => (await import('./defenses/standard/standard.ts')).standard,
    trn: async () => (await import('./defenses/trn/trn.ts')).trn,
    'total-variation': async () =>
      (await import('./defenses/total-variation/total-variation.ts')).totalVariation,
    trades: async () => (await import('./defenses/trades/trades.ts')).trades,
  },
  networks: {
    'preact-resnet': async () => (await import('./networks/preact-resnet.ts')).preactResnet,
    resnet: async () => (await import('./networks/resnet.ts')).resnet,
    'small-cnn': async () => (await import('./networks/small-cnn.ts')).smallCnn,
    vgg: async () => (await import('./networks/vgg.ts')).vgg,
    'vit-tiny': async () => (await import('./networks/vit-tiny.ts')).vitTiny,
    'wide-resnet': async () => (await import('./networks/wide-resnet.ts')).wideResnet,
  },
}

export default builtins
