"""
The attacks of the four reference packages, by name.

Each is a function `(network, images, labels, request) -> adversarial`.
"""

import logging
import sys
import types

import foolbox
import torch
import torchattacks
from pyautoattack import AutoAttack

# adversarial-library imports visdom, for logs that are not used here. It does not build with
# setuptools 81 and later.
sys.modules.setdefault("visdom", types.ModuleType("visdom"))
from adv_lib.attacks.fast_minimum_norm import fmn  # noqa: E402

# The packages would print thousands of progress messages.
logging.disable(logging.WARNING)
seed = 0


def in_batches(attack, images, labels, size):
    """Applies an attack that takes one batch at a time."""
    parts = [attack(x, y) for x, y in zip(images.split(size), labels.split(size))]
    return torch.cat(parts).detach()


def from_torchattacks(name):
    """torchattacks 3.x. Its AutoAttack is omitted: its APGD and FAB take 10 steps, not 100."""

    def run(network, images, labels, request):
        epsilon, budget = request["epsilon"], request["budget"]
        common = {"norm": request["norm"], "eps": epsilon, "seed": seed}
        momentum = {"eps": epsilon, "alpha": epsilon / 4, "steps": budget, "decay": 1.0}
        make = {
            "fgsm": lambda: torchattacks.FGSM(network, eps=epsilon),
            "pgd": lambda: torchattacks.PGD(network, eps=epsilon, alpha=epsilon / 4, steps=budget),
            "apgd-ce": lambda: torchattacks.APGD(network, steps=budget, loss="ce", **common),
            "apgd-t": lambda: torchattacks.APGDT(network, steps=budget, **common),
            "fab-t": lambda: torchattacks.FAB(network, steps=budget, multi_targeted=True, **common),
            "square": lambda: torchattacks.Square(
                network, n_queries=budget, resc_schedule=False, **common
            ),
            "mim": lambda: torchattacks.MIFGSM(network, **momentum),
            "ni-fgsm": lambda: torchattacks.NIFGSM(network, **momentum),
            "di-fgsm": lambda: torchattacks.DIFGSM(network, **momentum),
            # Without the diverse inputs that the package adds.
            "ti-fgsm": lambda: torchattacks.TIFGSM(network, diversity_prob=0, **momentum),
            "spsa": lambda: torchattacks.SPSA(network, eps=epsilon, nb_iter=budget),
        }
        return in_batches(make[name](), images, labels, request["batchSize"])

    return run


def from_foolbox(name):
    """foolbox 3.x."""

    def run(network, images, labels, request):
        epsilon, budget = request["epsilon"], request["budget"]
        model = foolbox.PyTorchModel(network, bounds=(0, 1), device="cpu")
        make = {
            "fgsm": lambda: foolbox.attacks.LinfFastGradientAttack(),
            "pgd": lambda: foolbox.attacks.LinfPGD(rel_stepsize=1 / 4, steps=budget),
            "deepfool": lambda: foolbox.attacks.L2DeepFoolAttack(steps=budget),
            "ddn": lambda: foolbox.attacks.DDNAttack(steps=budget),
            "fmn-linf": lambda: foolbox.attacks.LInfFMNAttack(steps=budget),
            "carlini-wagner": lambda: foolbox.attacks.L2CarliniWagnerAttack(steps=budget),
            "hop-skip-jump": lambda: foolbox.attacks.HopSkipJumpAttack(steps=budget),
            "boundary": lambda: foolbox.attacks.BoundaryAttack(steps=budget),
        }
        attack = make[name]()
        return in_batches(
            lambda x, y: attack(model, x, y, epsilons=epsilon)[1],
            images,
            labels,
            request["batchSize"],
        )

    return run


def from_autoattack(name):
    """The authors' code, as published in the package pyautoattack."""

    def run(network, images, labels, request):
        version = {"version": "standard"} if name == "standard" else {"version": "custom"}
        attacks = {} if name == "standard" else {"attacks": [name]}
        ensemble = AutoAttack(
            network, norm=request["norm"], eps=request["epsilon"], seed=seed, **version, **attacks
        )
        ensemble.verbose = False
        if name != "standard":
            ensemble.apgd.n_restarts = 1
            ensemble.apgd.n_iter = request["budget"]
            ensemble.apgd_targeted.n_iter = request["budget"]
            ensemble.fab.n_iter = request["budget"]
            ensemble.square.n_queries = request["budget"]
            # As in its standard version.
            for apgd in (ensemble.apgd, ensemble.apgd_targeted):
                apgd.use_largereps = request["norm"] == "L1"
        adversarial, _ = ensemble.run_standard_evaluation(
            images, labels, batch_size=request["batchSize"]
        )
        return adversarial

    return run


def from_adv_lib():
    """FMN by adversarial-library. Foolbox's projection in L2 never projects."""

    def run(network, images, labels, request):
        norm = {"Linf": float("inf"), "L2": 2, "L1": 1}[request["norm"]]
        return in_batches(
            lambda x, y: fmn(network, x, y, norm, steps=request["budget"]),
            images,
            labels,
            request["batchSize"],
        )

    return run


attacks = {
    "adv-lib": {name: from_adv_lib() for name in ("fmn", "fmn-linf")},
    "torchattacks": {
        name: from_torchattacks(name)
        for name in (
            *("fgsm", "pgd", "apgd-ce", "apgd-t", "fab-t", "square"),
            *("mim", "ni-fgsm", "di-fgsm", "ti-fgsm", "spsa"),
        )
    },
    "foolbox": {
        name: from_foolbox(name)
        for name in (
            *("fgsm", "pgd", "deepfool", "ddn", "fmn-linf"),
            *("carlini-wagner", "hop-skip-jump", "boundary"),
        )
    },
    "autoattack": {
        name: from_autoattack(name)
        for name in ("apgd-ce", "apgd-dlr", "apgd-t", "fab-t", "square", "standard")
    },
}
