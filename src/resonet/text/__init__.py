"""Text: normalisation, units, lexicon, grapheme-to-phone, transcripts and subtitles."""
