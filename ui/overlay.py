"""The picture with its heatmap and a slider, drawn in the browser: moving it asks nobody anything."""

import streamlit as st

from client import Image
from ui.pictures import data_url, paper, shows_anything

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
[hidden] + figcaption { padding-top: 0.5rem; }
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
TOGETHER = "Picture and heatmap as the service drew them together; your DICOM viewer shows the skin below."


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
    _draw(picture, heatmap, f"The uploaded picture, {_size(image)}", caption, key)


def draw_together(picture: bytes, heatmap: bytes, image: Image, *, key: str, caption: str) -> None:
    """Draws a picture that has its heatmap in it; the arguments are those of `draw`."""
    found = f"{TOGETHER} {caption}".rstrip() if shows_anything(heatmap) else NOTHING
    _draw(picture, None, f"The uploaded picture with its heatmap, {_size(image)}", found, key)


def draw_alone(heatmap: bytes, image: Image, *, key: str, caption: str) -> None:
    """Draws a heatmap without its picture; the arguments are those of `draw`."""
    if shows_anything(heatmap):
        _draw(paper(image.width, image.height), heatmap, f"An empty place of {_size(image)}", caption, key)
    else:
        st.caption(NOTHING)


def _size(image: Image) -> str:
    return f"{image.width} by {image.height} pixels"


def _draw(picture: bytes, heatmap: bytes | None, alt: str, caption: str, key: str) -> None:
    _overlay(
        key=key,
        data={
            "picture": data_url(picture, "image/jpeg"),
            "heatmap": None if heatmap is None else data_url(heatmap, "image/png"),
            "alt": alt,
            "caption": caption,
        },
    )
