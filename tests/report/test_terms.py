"""Tests of `avae_jax.report.terms`: definitions that pages link to."""

import re

import numpy as np
import pytest

from avae_jax import report
from avae_jax.report import folder, page, terms
from avae_jax.report.content import content
from tests.support.report_samples import alignment, exploration, measured


@pytest.mark.standard
def test_every_link_of_a_page_leads_somewhere_and_every_term_is_linked():
    settled = report.LabelAgreement(0, 60, 0.95, 0.0, 0.97, 0.95, 0.0)
    agreed = report.Agreement(np.full(60, 4.0), (settled,), 2)
    found = measured(exploration=exploration(), agreement=agreed)
    for text, words in (
        (page.html(found, content(found)), terms.TERMS),
        (folder.html(alignment()), terms.OF_FOLDERS),
    ):
        places = set(re.findall(r' id="([^"]+)"', text))
        links = set(re.findall(r'href="#([^"]+)"', text))
        assert links <= places
        defined = {place for place in places if place.startswith("term-")}
        assert defined == {terms.anchor(word) for word in words}
        assert {link for link in links if link.startswith("term-")} == defined


def test_anchor_of_an_unknown_term_is_an_error():
    assert terms.anchor("latent code") == "term-latent-code"
    with pytest.raises(KeyError, match="phase"):
        terms.anchor("phase")
