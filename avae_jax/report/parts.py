"""HTML skeletons of the interactive parts; the script fills them."""

from avae_jax.report import explorer
from avae_jax.report.findings import Exploration, Findings

FILTER = """
<form class="filter" aria-label="Which examples are shown">
<label>Label <select class="by-label"></select></label>
<label>Pose <select class="by-doubt"><option value="">sure and doubtful</option>
<option value="sure">sure</option><option value="doubtful">doubtful</option></select></label>
<output class="count" aria-live="polite"></output>
</form>"""


def turning(findings: Findings) -> str:
    """The part that turns an input by hand; nothing without an exploration."""
    explored = findings.exploration
    if explored is None:
        return ""
    verb, done = explorer.VERBS.get(explored.kind, explorer.OTHER)
    what = _what(explored, findings)
    ring = " (stronger blue on the ring)" if explored.kind == "rotation" else ""
    return f"""<section id="turning" hidden>
<h2>{verb} an input by hand</h2>
<p>Choose a held-out input, then {what}. The model encodes the moved input and decodes an object;
the object is moved back and compared with the input. The loss is low where the two
agree{ring}: the search looks for the lowest point of the curve, and you can look for it too.
Inputs marked <b class="doubt">?</b> are doubtful: another pose explains them nearly as well, less
than {explored.doubtful:g} nats worse.</p>
{FILTER}
<div class="strip" role="group" aria-label="Held-out inputs"></div>
<div class="bench">
<div class="try">
<div class="stations">
<figure><div class="pad"><canvas class="input" role="img"></canvas></div>
<figcaption><b>1 input</b><span>in its original pose</span></figcaption></figure>
<figure class="dial"><div class="pad"></div>
<figcaption><b>2 <span class="by"></span></b><span>the input of the encoder</span></figcaption>
</figure>
<figure><div class="pad"><canvas class="drawn" role="img"></canvas></div>
<figcaption><b>3 object</b><span>decoded by the model</span></figcaption></figure>
<figure><div class="pad"><canvas class="back" role="img"></canvas></div>
<figcaption><b>4 reconstruction</b><span>the object, {done} back</span></figcaption></figure>
</div>
<p class="loss"></p>
<div class="curve"></div>
<input class="stop" type="range" min="0" step="1" aria-label="The input {done} by">
</div>
<div class="kept"><h3>Poses that the search kept <i class="ring-mark"></i></h3>
<p class="whose"></p><ol></ol></div>
</div>
</section>"""


def _what(explored: Exploration, findings: Findings) -> str:
    """The reader's action, in words."""
    if explored.kind != "rotation":
        return "drag the slider or along the curve"
    if findings.gallery.observation.ndim == 5:
        return "drag the ring (or the slider) to turn it about its upright axis from the found pose"
    return "drag the ring (or the slider) to turn it"


def atlas(findings: Findings) -> str:
    """The map of latent codes; nothing without an exploration."""
    if findings.exploration is None:
        return ""
    first, second = (100 * share for share in findings.exploration.atlas.shares)
    return f"""<section id="atlas" hidden>
<h2>The map of objects</h2>
<p>Every picture is the object decoded from one held-out input. Similar objects are close to each
other, whatever the poses of their inputs. Point at one, or walk with the arrow keys, to see its
input. Positions are latent codes along their two principal axes, {first:.0f} % and {second:.0f} %
of their variance; dots are objects that would cover others.</p>
{FILTER}
<ul class="legend"></ul>
<div class="bench">
<div class="field" role="group" aria-label="Map of objects"></div>
<div class="pointed" aria-live="polite"></div>
</div>
</section>"""


def moments(findings: Findings) -> str:
    """The slider over training; nothing without an exploration."""
    if findings.exploration is None:
        return ""
    return """<section id="training" hidden>
<h2>Training, moment by moment</h2>
<p>Drag through training. The pictures are the same inputs at every moment, each moved by the pose
that the search found for it at that time. At first the poses are arbitrary; in the end objects of a
label share one pose.</p>
<div class="when">
<input class="moment" type="range" min="0" step="1" aria-label="Moment of training">
<div class="steps" aria-hidden="true"></div>
<p class="at" aria-live="polite"></p></div>
<div class="inputs"></div>
<div class="roses"></div>
</section>"""


def script(findings: Findings) -> str:
    """The data and the script; nothing without an exploration."""
    if findings.exploration is None:
        return ""
    return (
        f'<script type="application/json" id="explored">{explorer.data(findings)}</script>\n'
        f'<script type="module">{explorer.script()}</script>'
    )
