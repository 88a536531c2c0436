"""From written text, or SSML, to the units that a voice speaks.

`front` is the whole; `split` finds sentences, `rules` and a file a language turn figures and signs into words, `words`
and its children words into units, `layout` units into pieces, `ssml` reads markup.
"""

from __future__ import annotations

from resonet.text.frontend.front import FrontEnd, voice_symbols
from resonet.text.frontend.sentence import Control, Sentence, SpokenWord

__all__ = ["Control", "FrontEnd", "Sentence", "SpokenWord", "voice_symbols"]
