/** The papers that the built-in plugins implement. */
import type { PluginSource } from '../core/api/plugin.ts'

/**
 * One record per paper, keyed by first author and year. Docstrings cite them as "Croce and Hein
 * 2020" or "Li et al. 2024", with the year given here.
 */
export const papers = {
  andriushchenko2019: {
    authors: 'Andriushchenko, Croce, Flammarion, Hein',
    year: 2019,
    title: 'Square attack: a query-efficient black-box adversarial attack via random search',
    url: 'https://arxiv.org/abs/1912.00049',
  },
  athalye2017: {
    authors: 'Athalye, Engstrom, Ilyas, Kwok',
    year: 2017,
    title: 'Synthesizing robust adversarial examples',
    url: 'https://arxiv.org/abs/1707.07397',
  },
  athalye2018: {
    authors: 'Athalye, Carlini, Wagner',
    year: 2018,
    title:
      'Obfuscated gradients give a false sense of security: circumventing defenses to ' +
      'adversarial examples',
    url: 'https://arxiv.org/abs/1802.00420',
  },
  brendel2017: {
    authors: 'Brendel, Rauber, Bethge',
    year: 2017,
    title:
      'Decision-based adversarial attacks: reliable attacks against black-box machine learning ' +
      'models',
    url: 'https://arxiv.org/abs/1712.04248',
  },
  carlini2016: {
    authors: 'Carlini, Wagner',
    year: 2016,
    title: 'Towards evaluating the robustness of neural networks',
    url: 'https://arxiv.org/abs/1608.04644',
  },
  chambolle2004: {
    authors: 'Chambolle',
    year: 2004,
    title: 'An algorithm for total variation minimization and applications',
    url: 'https://doi.org/10.1023/B:JMIV.0000011325.36760.1e',
  },
  chen2019: {
    authors: 'Chen, Jordan, Wainwright',
    year: 2019,
    title: 'HopSkipJumpAttack: a query-efficient decision-based attack',
    url: 'https://arxiv.org/abs/1904.02144',
  },
  chen2021: {
    authors: 'Chen, Peng, Ma, Li, Du, Tian',
    year: 2021,
    title:
      'Amplitude-phase recombination: rethinking robustness of convolutional neural networks in ' +
      'frequency domain',
    url: 'https://arxiv.org/abs/2108.08487',
  },
  cohen2019: {
    authors: 'Cohen, Rosenfeld, Kolter',
    year: 2019,
    title: 'Certified adversarial robustness via randomized smoothing',
    url: 'https://arxiv.org/abs/1902.02918',
  },
  cina2024: {
    authors: 'Cinà, Villani, Pintor, Schönherr, Biggio, Pelillo',
    year: 2024,
    title: 'σ-zero: gradient-based optimization of ℓ0-norm adversarial examples',
    url: 'https://arxiv.org/abs/2402.01879',
  },
  croce2019: {
    authors: 'Croce, Hein',
    year: 2019,
    title: 'Minimally distorted adversarial examples with a fast adaptive boundary attack',
    url: 'https://arxiv.org/abs/1907.02044',
  },
  croce2020: {
    authors: 'Croce, Hein',
    year: 2020,
    title:
      'Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free ' +
      'attacks',
    url: 'https://arxiv.org/abs/2003.01690',
  },
  dong2017: {
    authors: 'Dong, Liao, Pang, Su, Zhu, Hu, Li',
    year: 2017,
    title: 'Boosting adversarial attacks with momentum',
    url: 'https://arxiv.org/abs/1710.06081',
  },
  dong2019: {
    authors: 'Dong, Pang, Su, Zhu',
    year: 2019,
    title: 'Evading defenses to transferable adversarial examples by translation-invariant attacks',
    url: 'https://arxiv.org/abs/1904.02884',
  },
  dosovitskiy2020: {
    authors:
      'Dosovitskiy, Beyer, Kolesnikov, Weissenborn, Zhai, Unterthiner, Dehghani, Minderer, ' +
      'Heigold, Gelly, Uszkoreit, Houlsby',
    year: 2020,
    title: 'An image is worth 16x16 words: transformers for image recognition at scale',
    url: 'https://arxiv.org/abs/2010.11929',
  },
  dziugaite2016: {
    authors: 'Dziugaite, Ghahramani, Roy',
    year: 2016,
    title: 'A study of the effect of JPG compression on adversarial images',
    url: 'https://arxiv.org/abs/1608.00853',
  },
  engstrom2019: {
    authors: 'Engstrom, Tran, Tsipras, Schmidt, Madry',
    year: 2019,
    title: 'Exploring the landscape of spatial robustness',
    url: 'https://arxiv.org/abs/1712.02779',
  },
  gao2023: {
    authors: 'Gao, Zhao, Yao, Zhang, Mao, Yao',
    year: 2023,
    title: 'Robust deep learning models against semantic-preserving adversarial attack',
    url: 'https://arxiv.org/abs/2304.03955',
  },
  goodfellow2014: {
    authors: 'Goodfellow, Shlens, Szegedy',
    year: 2014,
    title: 'Explaining and harnessing adversarial examples',
    url: 'https://arxiv.org/abs/1412.6572',
  },
  guo2017: {
    authors: 'Guo, Rana, Cisse, van der Maaten',
    year: 2017,
    title: 'Countering adversarial images using input transformations',
    url: 'https://arxiv.org/abs/1711.00117',
  },
  he2015: {
    authors: 'He, Zhang, Ren, Sun',
    year: 2015,
    title: 'Deep residual learning for image recognition',
    url: 'https://arxiv.org/abs/1512.03385',
  },
  he2016: {
    authors: 'He, Zhang, Ren, Sun',
    year: 2016,
    title: 'Identity mappings in deep residual networks',
    url: 'https://arxiv.org/abs/1603.05027',
  },
  hendrycks2019: {
    authors: 'Hendrycks, Dietterich',
    year: 2019,
    title: 'Benchmarking neural network robustness to common corruptions and perturbations',
    url: 'https://arxiv.org/abs/1903.12261',
  },
  hong2022: {
    authors: 'Hong, Hong, Kong',
    year: 2022,
    title: 'An eye for an eye: defending against gradient-based attacks with gradients',
    url: 'https://arxiv.org/abs/2202.01117',
  },
  ilyas2018: {
    authors: 'Ilyas, Engstrom, Athalye, Lin',
    year: 2018,
    title: 'Black-box adversarial attacks with limited queries and information',
    url: 'https://arxiv.org/abs/1804.08598',
  },
  kurakin2016: {
    authors: 'Kurakin, Goodfellow, Bengio',
    year: 2016,
    title: 'Adversarial examples in the physical world',
    url: 'https://arxiv.org/abs/1607.02533',
  },
  li2024: {
    authors: 'Li, Li, Wu, Tian, Zhou',
    year: 2024,
    title:
      'DAT: improving adversarial robustness via generative amplitude mix-up in frequency domain',
    url: 'https://arxiv.org/abs/2410.12307',
  },
  lin2019: {
    authors: 'Lin, Song, He, Wang, Hopcroft',
    year: 2019,
    title: 'Nesterov accelerated gradient and scale invariance for adversarial attacks',
    url: 'https://arxiv.org/abs/1908.06281',
  },
  madry2017: {
    authors: 'Madry, Makelov, Schmidt, Tsipras, Vladu',
    year: 2017,
    title: 'Towards deep learning models resistant to adversarial attacks',
    url: 'https://arxiv.org/abs/1706.06083',
  },
  mmcat2023: {
    authors: 'MMCAT, IEEE TSC',
    year: 2023,
    title: 'Securing deep learning as a service against adaptive high frequency attacks with MMCAT',
    url: 'https://aminer.cn/pub/6525201d939a5f408228aa51',
  },
  moosavi2015: {
    authors: 'Moosavi-Dezfooli, Fawzi, Frossard',
    year: 2015,
    title: 'DeepFool: a simple and accurate method to fool deep neural networks',
    url: 'https://arxiv.org/abs/1511.04599',
  },
  papernot2016: {
    authors: 'Papernot, McDaniel, Goodfellow',
    year: 2016,
    title:
      'Transferability in machine learning: from phenomena to black-box attacks using ' +
      'adversarial samples',
    url: 'https://arxiv.org/abs/1605.07277',
  },
  pintor2021: {
    authors: 'Pintor, Roli, Brendel, Biggio',
    year: 2021,
    title: 'Fast minimum-norm adversarial attacks through adaptive norm constraints',
    url: 'https://arxiv.org/abs/2102.12827',
  },
  rony2018: {
    authors: 'Rony, Hafemann, Oliveira, Ben Ayed, Sabourin, Granger',
    year: 2018,
    title:
      'Decoupling direction and norm for efficient gradient-based L2 adversarial attacks and ' +
      'defenses',
    url: 'https://arxiv.org/abs/1811.09600',
  },
  shafahi2018: {
    authors: 'Shafahi, Najibi, Xu, Dickerson, Davis, Goldstein',
    year: 2018,
    title: 'Universal adversarial training',
    url: 'https://arxiv.org/abs/1811.11304',
  },
  simonyan2014: {
    authors: 'Simonyan, Zisserman',
    year: 2014,
    title: 'Very deep convolutional networks for large-scale image recognition',
    url: 'https://arxiv.org/abs/1409.1556',
  },
  uesato2018: {
    authors: "Uesato, O'Donoghue, van den Oord, Kohli",
    year: 2018,
    title: 'Adversarial risk and the dangers of evaluating against weak attacks',
    url: 'https://arxiv.org/abs/1802.05666',
  },
  wang2020: {
    authors: 'Wang, Zou, Yi, Bailey, Ma, Gu',
    year: 2020,
    title: 'Improving adversarial robustness requires revisiting misclassified examples',
    url: 'https://openreview.net/forum?id=rklOg6EFwS',
  },
  wong2020: {
    authors: 'Wong, Rice, Kolter',
    year: 2020,
    title: 'Fast is better than free: revisiting adversarial training',
    url: 'https://arxiv.org/abs/2001.03994',
  },
  xie2017: {
    authors: 'Xie, Wang, Zhang, Ren, Yuille',
    year: 2017,
    title: 'Mitigating adversarial effects through randomization',
    url: 'https://arxiv.org/abs/1711.01991',
  },
  xie2018: {
    authors: 'Xie, Zhang, Zhou, Bai, Wang, Ren, Yuille',
    year: 2018,
    title: 'Improving transferability of adversarial examples with input diversity',
    url: 'https://arxiv.org/abs/1803.06978',
  },
  xu2017: {
    authors: 'Xu, Evans, Qi',
    year: 2017,
    title: 'Feature squeezing: detecting adversarial examples in deep neural networks',
    url: 'https://arxiv.org/abs/1704.01155',
  },
  zagoruyko2016: {
    authors: 'Zagoruyko, Komodakis',
    year: 2016,
    title: 'Wide residual networks',
    url: 'https://arxiv.org/abs/1605.07146',
  },
  zhang2019: {
    authors: 'Zhang, Yu, Jiao, Xing, El Ghaoui, Jordan',
    year: 2019,
    title: 'Theoretically principled trade-off between robustness and accuracy',
    url: 'https://arxiv.org/abs/1901.08573',
  },
  zhong2024: {
    authors: 'Zhong, Huang, Liu',
    year: 2024,
    title:
      'Towards efficient training and evaluation of robust models against l0 bounded adversarial ' +
      'perturbations',
    url: 'https://arxiv.org/abs/2405.05075',
  },
} as const satisfies Record<string, PluginSource>
