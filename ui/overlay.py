"""The picture with its heatmap and a slider, drawn in the browser: moving it asks nobody anything."""

import streamlit as st

from client import Image
from ui.pictures import data_url, shows_anything

_HTML = """
<figure>
  <div class="stack"><img class="picture" alt=""><img class="heat" alt=""></div>
  <div class="control"><label for="opacity">Heatmap</label>
    <input id="opacity" type="range" min="0" max="100" step="5" value="60"><output for="opacity"></output></div>
  <figcaption></figcaption>
</figure>
"""

_CSS = """
figure { margin: 0; color: var(--st-text-color); font-family: var(--st-font); }
.stack { position: relative; line-height: 0; }
img { width: 100%; height: auto; border-radius: var(--st-base-radius); }
.heat { position: absolute; inset: 0; height: 100%; }
.control { display: flex; gap: 0.75rem; align-items: center; padding: 0.75rem 0 0.25rem; }
input { flex: 1; min-width: 0; height: 1.75rem; accent-color: var(--st-primary-color); }
input:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: 2px; }
output { min-width: 3rem; text-align: right; }
figcaption { font-size: 0.875rem; line-height: 1.4; }
[hidden] { display: none; }
"""

_JS = """
export default function({ parentElement, data }) {
  const find = (selector) => parentElement.querySelector(selector);
  const [picture, heat, slider, output] = [".picture", ".heat", "input", "output"].map(find);
  picture.src = data.picture;
  picture.alt = data.alt;
  heat.hidden = find(".control").hidden = !data.heatmap;
  if (data.heatmap) heat.src = data.heatmap;
  find("figcaption").textContent = data.caption;
  const show = () => {
    heat.style.opacity = slider.value / 100;
    output.textContent = slider.value + " %";
  };
  slider.oninput = show;
  show();
}
"""

_overlay = st.components.v2.component("melanoserve_overlay", html=_HTML, css=_CSS, js=_JS)

CAPTION = (
    "Blue: where the network found evidence for malignancy, the strongest place of this picture most opaque. It "
    "compares places of one picture, and is no outline of the lesion."
)
NOTHING = "The network found no evidence for malignancy in any place of this picture."


def draw(picture: bytes, heatmap: bytes | None, image: Image, *, key: str, caption: str) -> None:
    """Draws the upright picture, under its heatmap if there is one.

    Args:
        picture: A JPEG.
        heatmap: A PNG of the same aspect ratio, transparent where there is no evidence.
        image: What the service says of the picture.
        key: Unlike that of any other on the page.
        caption: What the heatmap shows.
    """
    if heatmap is None:
        caption = ""
    elif not shows_anything(heatmap):
        heatmap, caption = None, NOTHING
    _overlay(
        key=key,
        data={
            "picture": data_url(picture, "image/jpeg"),
            "heatmap": None if heatmap is None else data_url(heatmap, "image/png"),
            "alt": f"The uploaded picture, {image.width} by {image.height} pixels",
            "caption": caption,
        },
    )
