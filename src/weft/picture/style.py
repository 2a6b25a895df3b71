"""Colours and fonts of the SVG picture, for light and dark.

Rules: no custom properties and no `light-dark()`, which converters do not know. Buses have hues of middling lightness
that stand on both grounds, one for each network in turn; the last is the host's.
"""

from __future__ import annotations

from collections.abc import Mapping

from weft.picture.view import Condition

_NETWORK_HUES = ("#3b82f6", "#12a187", "#a15cf0", "#dd7a35", "#d6498f", "#7f9a25")
_HOST_HUE = "#7d8590"
HUES = len(_NETWORK_HUES)

_LIGHT = {
    Condition.UP: "#1a7f37",
    Condition.NO_CARRIER: "#818b98",
    Condition.CHANGED: "#8250df",
    Condition.DOWN: "#9a6700",
    Condition.MISSING: "#cf222e",
}
_DARK = {
    Condition.UP: "#3fb950",
    Condition.NO_CARRIER: "#848d97",
    Condition.CHANGED: "#ab7df8",
    Condition.DOWN: "#d29922",
    Condition.MISSING: "#f85149",
}


def _grounds(ground: str, box: str, line: str, text: str, quiet: str) -> str:
    return (
        f".ground,.card{{fill:{ground}}}.box{{fill:{box}}}.box,.card{{stroke:{line}}}"
        f"text{{fill:{text}}}.told{{fill:{quiet}}}.wire{{stroke:{quiet}}}"
    )


def _conditions(colours: Mapping[Condition, str]) -> str:
    dots = "".join(f".dot.{condition.value}{{fill:{colour}}}" for condition, colour in colours.items())
    edges = "".join(
        f".card.{condition.value},.box.{condition.value}{{stroke:{colour}}}"
        for condition, colour in colours.items()
        if condition not in (Condition.UP, Condition.NO_CARRIER)
    )
    hollow = f".dot.no-carrier{{fill:none;stroke:{colours[Condition.NO_CARRIER]};stroke-width:1.5}}"
    return dots + edges + hollow


_HUE_RULES = "".join(f".h{number}{{stroke:{hue}}}" for number, hue in enumerate((*_NETWORK_HUES, _HOST_HUE)))

STYLE = (
    'text{font:11px ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace}'
    "text.title{font-size:13px;font-weight:600}text.scope{font-size:18px;font-weight:600}text.name{font-weight:600}"
    "tspan.told{font-size:11px;font-weight:400}"
    ".bus{stroke-width:4;stroke-linecap:round;fill:none}.drop{stroke-width:1.5;fill:none;stroke-opacity:.55}"
    ".wire{stroke-width:1.5;stroke-linecap:round;fill:none}.card.missing{stroke-dasharray:4 3}"
    f"{_grounds('#ffffff', '#f6f8fa', '#d1d9e0', '#1f2328', '#59636e')}{_HUE_RULES}{_conditions(_LIGHT)}"
    f"@media(prefers-color-scheme:dark){{{_grounds('#0d1117', '#151b23', '#3d444d', '#f0f6fc', '#9198a1')}"
    f"{_conditions(_DARK)}}}"
)
