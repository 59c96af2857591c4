"""Terms of the pages and what they mean: each page links the terms it uses to its definitions."""

TERMS = {
    "calibration": "The factors by which stated deviations and probabilities of the poses are made "
    "larger, so that true poses lie in stated regions as often as is said.",
    "canonical frame": "The pose in which the model encodes and decodes objects. Training chooses "
    "it; no direction of it is preferred.",
    "common pose": "The mean pose, after alignment, of the examples of a label. It is estimated on "
    "other examples than those that are compared with it.",
    "doubtful": "Another, clearly different pose explains the example nearly as well.",
    "forward pass": "One evaluation of the whole model for one example at one pose: the unit of "
    "the cost of a search.",
    "gap": "The loss at the next clearly different pose less that at the best one.",
    "half-turn symmetric": "The examples of the label look nearly alike upside down: two poses "
    "half a turn apart are both right.",
    "held-out": "The model was not trained on these examples.",
    "kl": "The part of the loss that counts how much the latent code says beyond the prior "
    "(Kullback-Leibler divergence).",
    "latent code": "The few numbers from which the model decodes an object. They describe the "
    "object and not its pose.",
    "loss": "The negative evidence lower bound (ELBO), nll plus kl, for one example. Lower is "
    "better.",
    "nats": "The unit of the loss: 1.44 bits each.",
    "nll": "The negative log-likelihood: the part of the loss that counts how well the pixels are "
    "explained.",
    "pose": "The transform between an example and the canonical frame: a rotation, and what else "
    "the family allows.",
    "resultant length": "How far the aligned poses of a label agree: 1 if all are the same, near 0 "
    "if they are spread evenly.",
    "search": "The minimisation of the loss over the poses of an example.",
    "settled": "At least 80 % of the examples of the label lie within 20 degrees of its common "
    "pose.",
    "two poses": "At least 80 % of the examples of the label lie within 20 degrees of one of two "
    "poses half a turn apart, and fewer near the common pose.",
}
# Those that the page of an alignment uses.
OF_FOLDERS = ("doubtful", "gap", "loss", "nats", "pose")


def anchor(term: str) -> str:
    """The id of the definition of a term, on every page.

    Raises:
      KeyError: it has no definition.
    """
    TERMS[term]
    return "term-" + term.replace(" ", "-")
