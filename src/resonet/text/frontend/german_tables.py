"""Tables of German: short forms, units, currencies, endings of ordinals, and what ends no sentence."""

from __future__ import annotations

from resonet.text.frontend.split import word_set

MONTHS = (
    "januar", "februar", "märz", "april", "mai", "juni", "juli", "august", "september", "oktober", "november",
    "dezember",
)  # fmt: skip
MONTH_NUMBERS = {
    **{name.capitalize(): i for i, name in enumerate(MONTHS, 1)}, "Jänner": 1, "Feber": 2, "Jan.": 1, "Feb.": 2,
    "Mär.": 3, "Mrz.": 3, "Apr.": 4, "Jun.": 6, "Jul.": 7, "Aug.": 8, "Sep.": 9, "Sept.": 9, "Okt.": 10, "Nov.": 11,
    "Dez.": 12,
}  # fmt: skip
WEEKDAYS = ("montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonntag", "sonnabend")

# Key with its dots, without spaces, in lower case.
ABBREVIATIONS = {
    "z.b.": "zum beispiel", "zb.": "zum beispiel", "z.b": "zum beispiel", "d.h.": "das heißt", "u.a.": "unter anderem",
    "u.ä.": "und ähnliches", "o.ä.": "oder ähnliches", "o.g.": "oben genannt", "u.u.": "unter umständen",
    "i.d.r.": "in der regel", "i.a.": "im allgemeinen", "m.e.": "meines erachtens", "z.t.": "zum teil",
    "z.zt.": "zur zeit", "z.z.": "zur zeit", "s.o.": "siehe oben", "s.u.": "siehe unten", "a.d.": "außer dienst",
    "v.a.": "vor allem", "u.v.m.": "und vieles mehr", "u.s.w.": "und so weiter", "v.chr.": "vor christus",
    "n.chr.": "nach christus", "e.v.": "eh vau", "i.v.": "in vertretung", "o.k.": "okay", "k.o.": "kah oh",
    "p.s.": "peh ess", "ü.nn.": "über normalnull", "ü.d.m.": "über dem meer", "i.v.m.": "in verbindung mit",
    "d.m.": "dieses monats", "v.l.n.r.": "von links nach rechts", "i.s.v.": "im sinne von", "d.j.": "der jüngere",
    "d.ä.": "der ältere", "u.s.": "uh ess", "z.hd.": "zu händen", "m.a.": "emm ah", "b.a.": "beh ah",
    "s.a.": "siehe auch", "usw.": "und so weiter", "usf.": "und so fort", "bzw.": "beziehungsweise", "ca.": "zirka",
    "etc.": "et cetera", "dr.": "doktor", "prof.": "professor", "dipl.": "diplom", "ing.": "ingenieur", "hr.": "herr",
    "hrn.": "herrn", "fr.": "frau", "fam.": "familie", "st.": "sankt", "hl.": "heilige", "geb.": "geboren",
    "gest.": "gestorben", "verh.": "verheiratet", "vgl.": "vergleiche", "evtl.": "eventuell", "ggf.": "gegebenenfalls",
    "inkl.": "inklusive", "exkl.": "exklusive", "zzgl.": "zuzüglich", "abzgl.": "abzüglich", "max.": "maximal",
    "min.": "minimal", "mind.": "mindestens", "bspw.": "beispielsweise", "sog.": "sogenannte", "allg.": "allgemein",
    "ehem.": "ehemalig", "eigtl.": "eigentlich", "insb.": "insbesondere", "insbes.": "insbesondere", "lt.": "laut",
    "mio.": "millionen", "mrd.": "milliarden", "tsd.": "tausend", "tel.": "telefon", "std.": "stunden",
    "sek.": "sekunden", "jh.": "jahrhundert", "jhd.": "jahrhundert", "jhdt.": "jahrhundert", "hbf.": "hauptbahnhof",
    "pl.": "platz", "co.": "co", "gmbh.": "geh emm beh hah", "hrsg.": "herausgeber", "bearb.": "bearbeitet",
    "aufl.": "auflage", "red.": "redaktion", "abt.": "abteilung", "gegr.": "gegründet", "erw.": "erweitert",
    "verf.": "verfasser", "v.": "von", "jr.": "junior", "sr.": "senior", "röm.": "römisch", "dt.": "deutsch",
    "engl.": "englisch", "frz.": "französisch", "lat.": "lateinisch", "griech.": "griechisch", "jhs.": "jahrhunderts",
    "ff.": "folgende", "mwst.": "mehrwertsteuer", "ust.": "umsatzsteuer", "univ.": "universitäts", "med.": "medizin",
    "vs.": "gegen", "usw": "und so weiter", "bzw": "beziehungsweise", "ca": "zirka", "dr": "doktor",
    "evtl": "eventuell", "ggf": "gegebenenfalls", "inkl": "inklusive", "mio": "millionen", "mrd": "milliarden",
    "vs": "gegen",
}  # fmt: skip
# Only before a number.
BEFORE_NUMBERS = {
    "nr": "nummer", "nrn": "nummern", "s": "seite", "bd": "band", "bde": "bände", "kap": "kapitel", "abs": "absatz",
    "art": "artikel", "abb": "abbildung", "tab": "tabelle", "tel": "telefon", "hs": "handschrift", "op": "opus",
    "ziff": "ziffer", "bl": "blatt", "sp": "spalte", "z": "zeile", "jg": "jahrgang", "lfd": "laufende",
}  # fmt: skip
NEVER = word_set(
    "z.b zb d.h u.u z.t v.a i.d.r i.a m.e s.o s.u z.zt z.hd z.z i.s.v d.j d.ä dr prof dipl ing hr hrn fr fam st hl "
    "geb gest vgl evtl ggf inkl exkl zzgl abzgl max mind bspw sog allg ehem eigtl insb insbes lt ca bzw hrsg verf "
    "röm dt engl frz lat griech vs str-nr"
)
MAYBE = word_set(
    "usw usf etc u.a u.ä o.ä u.v.m u.s.w v.chr n.chr e.v mio mrd tsd std min sek jh jhd hbf str tel co abt jr sr "
    "o.k a.d mo di mi do sa so jan feb mär apr jun jul aug sep sept okt nov dez u.s"
)
STARTERS = word_set(
    "der die das dem den des ein eine einer einem er sie es wir ich du ihr man in im am an auf aus bei beim mit "
    "nach von vom vor zu zum zur und aber oder doch denn dann da dort hier heute gestern morgen als wenn weil ob "
    "wie was wer wo warum wieso nun so auch nur noch schon sein seine seinen ihre ihren mein meine unser unsere "
    "kein keine alle viele einige manche dies diese dieser dieses damit dabei danach dazu darum dagegen trotzdem "
    "deshalb daher deswegen jedoch außerdem zudem später seit bis durch für gegen ohne um während wegen nachdem "
    "bevor obwohl sowie sogar ist sind war waren hat haben hatte wird werden wurde kann können soll muss ja nein "
    "jetzt immer nie niemand jeder jede beide"
)
JOINS = word_set("und aber oder denn sondern dass weil wenn als ob während obwohl nachdem bevor damit sowie wobei")

DETERMINERS = word_set(
    "der die das dem den des am im vom zum zur beim ins ans ein eine einen einem einer eines jeder jede jedes "
    "jeden jedem dieser diese dieses diesen diesem mein meine meinen meinem meiner dein deine sein seine seinen "
    "seinem seiner ihr ihre ihren ihrem ihrer unser unsere unseren unserem euer eure kein keine keinen keinem ab "
    "seit bis jenes jener als"
)
PREPOSITIONS = word_set(
    "in an auf aus bei mit nach seit von zu vor unter über neben zwischen hinter wegen während trotz ab außer "
    "gegenüber innerhalb außerhalb anhand aufgrund anfang mitte ende laut samt nebst"
)
# What an ordinal takes behind `dritte`.
ENDINGS = {
    **dict.fromkeys(
        word_set(
            "die das diese dieses jede jedes eine keine meine deine seine ihre unsere eure jene jenes welche ans ins "
            "fürs"
        ),
        "",
    ),
    **dict.fromkeys(
        word_set(
            "am im vom zum zur beim dem den des einen einem einer eines diesen diesem jeden jedem keinen keinem meinen "
            "meinem meiner deinen deinem deiner seinen seinem seiner ihren ihrem ihrer unseren unserem unserer ab bis "
            "seit nach vor von für gegen mit über um zu per"
        ),
        "n",
    ),
    **dict.fromkeys(word_set("ein kein mein dein sein ihr unser euer als"), "r"),
}
# Nouns that ordinals stand before, and the ending that one without an article takes (e: none).
ORDINAL_NOUNS = {
    "jahrhundert": "s", "jahrhunderts": "n", "jahrtausend": "s", "mal": "s", "platz": "r", "klasse": "e",
    "auflage": "e", "kapitel": "s", "teil": "r", "band": "r", "stock": "r", "etage": "e", "obergeschoss": "s",
    "untergeschoss": "s", "og": "s", "ug": "s", "geschoss": "s", "weltkrieg": "r", "liga": "e", "bundesliga": "e",
    "tag": "r", "woche": "e", "monat": "r", "semester": "s", "quartal": "s", "schuljahr": "s", "geburtstag": "r",
    "runde": "e", "spieltag": "r", "mannschaft": "e", "reich": "s", "republik": "e", "akt": "r", "szene": "e",
    "satz": "r", "symphonie": "e", "sinfonie": "e", "advent": "r", "rang": "r", "halbzeit": "e", "minute": "e",
    "stunde": "e", "sekunde": "e", "lebensjahr": "s", "jahr": "s", "jahrestag": "r", "preis": "r", "versuch": "r",
    "ausgabe": "e", "folge": "e", "staffel": "e", "fc": "r", "person": "e", "grad": "r", "bezirk": "r", "welle": "e",
    "generation": "e", "instanz": "e", "hälfte": "e", "drittel": "s", "kreis": "r", "armee": "e", "division": "e",
    "infanterie-division": "e", "wahlperiode": "e", "legislaturperiode": "e", "parteitag": "r", "kongress": "r",
    "buch": "s", "gebot": "s", "wahlgang": "r", "satzung": "e", "stufe": "e", "etappe": "e", "ziffer": "e",
}  # fmt: skip
PARTS = word_set(
    "nummer seite kapitel teil band platz klasse artikel absatz paragraph paragraf abbildung tabelle raum zimmer "
    "gleis linie haus bahnsteig gruppe stufe typ version akt szene buch phase kategorie stadion rang weltkrieg "
    "anlage zeile level tor fall heft blatt nr s bd kap art abs note plus minus mal"
)
RULERS = word_set(
    "ludwig heinrich friedrich wilhelm karl otto konrad rudolf ferdinand franz joseph josef maximilian leopold "
    "georg jakob edward eduard elisabeth maria katharina peter alexander nikolaus paul johannes pius benedikt leo "
    "gregor clemens innozenz urban julius sixtus bonifatius albrecht ernst august christian philipp napoleon "
    "gustav adolf richard viktor emanuel umberto ramses ptolemaios dareios xerxes iwan sigismund ottokar ruprecht "
    "margarethe"
)
QUEENS = word_set("elisabeth maria katharina margarethe viktoria victoria anna isabella sophie charlotte")
RULERS |= QUEENS
# A word for one with its article, then for many; a single form where both are alike.
UNITS = {
    "nm": "nanometer", "μm": "mikrometer", "mm": "millimeter", "cm": "zentimeter", "dm": "dezimeter", "m": "meter",
    "km": "kilometer", "μg": "mikrogramm", "mg": "milligramm", "g": "gramm", "kg": "kilogramm",
    "t": "eine tonne|tonnen", "ml": "milliliter", "cl": "zentiliter", "dl": "deziliter", "l": "liter", "L": "liter",
    "hl": "hektoliter", "ha": "hektar", "ms": "eine millisekunde|millisekunden", "s": "eine sekunde|sekunden",
    "sek": "eine sekunde|sekunden", "Sek": "eine sekunde|sekunden", "min": "eine minute|minuten",
    "Min": "eine minute|minuten", "h": "eine stunde|stunden", "Std": "eine stunde|stunden", "Hz": "hertz",
    "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "mW": "milliwatt", "W": "watt", "kW": "kilowatt",
    "MW": "megawatt", "GW": "gigawatt", "Wh": "eine wattstunde|wattstunden",
    "kWh": "eine kilowattstunde|kilowattstunden", "MWh": "eine megawattstunde|megawattstunden", "mV": "millivolt",
    "V": "volt", "kV": "kilovolt", "mA": "milliampere", "mAh": "eine milliamperestunde|milliamperestunden",
    "PS": "peh ess", "kJ": "kilojoule", "kcal": "eine kilokalorie|kilokalorien", "Pa": "pascal", "hPa": "hektopascal",
    "kPa": "kilopascal", "bar": "bar", "dB": "dezibel", "KB": "kilobyte", "kB": "kilobyte", "MB": "megabyte",
    "GB": "gigabyte", "TB": "terabyte", "Mbit/s": "megabit pro sekunde", "kbit/s": "kilobit pro sekunde",
    "°C": "grad celsius", "° C": "grad celsius", "°F": "grad fahrenheit", "°": "grad", "km/h": "kilometer pro stunde",
    "m/s": "meter pro sekunde", "m/s²": "meter pro sekunde zum quadrat", "Ω": "ohm", "‰": "promille", "px": "pixel",
    "mg/l": "milligramm pro liter", "g/l": "gramm pro liter", "l/100 km": "liter auf hundert kilometer",
    "€/h": "euro pro stunde", "U/min": "eine umdrehung pro minute|umdrehungen pro minute", "lx": "lux", "lm": "lumen",
    "Zoll": "zoll",
}  # fmt: skip
for _unit in ("mm", "cm", "dm", "m", "km"):
    for _power, _name in (("²", "quadrat"), ("2", "quadrat"), ("^2", "quadrat"), ("³", "kubik"), ("3", "kubik")):
        UNITS[_unit + _power] = _name + UNITS[_unit]
UNITS["qm"] = "quadratmeter"

CURRENCIES = {
    "€": ("euro", "cent"), "EUR": ("euro", "cent"), "Euro": ("euro", "cent"), "$": ("dollar", "cent"),
    "US$": ("uh ess dollar", "cent"), "USD": ("uh ess dollar", "cent"), "Dollar": ("dollar", "cent"),
    "£": ("pfund", "pence"), "GBP": ("britische pfund", "pence"), "CHF": ("franken", "rappen"),
    "Franken": ("franken", "rappen"), "¥": ("yen", ""), "ct": ("cent", ""), "Ct": ("cent", ""), "Cent": ("cent", ""),
    "¢": ("cent", ""), "DM": ("eine mark|mark", ""), "₽": ("rubel", "kopeken"), "₿": ("bitcoin", ""),
}  # fmt: skip
SCALES = {
    **dict.fromkeys(("Mio.", "Mio", "Million", "Millionen"), "eine million|millionen"),
    **dict.fromkeys(("Mrd.", "Mrd", "Milliarde", "Milliarden"), "eine milliarde|milliarden"),
    **dict.fromkeys(("Tsd.", "Tsd", "Tausend"), "eintausend|tausend"),
    **dict.fromkeys(("Billion", "Billionen", "Bio."), "eine billion|billionen"),
}
VULGAR = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5), "⅘": (4, 5),
    "⅙": (1, 6), "⅚": (5, 6), "⅐": (1, 7), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8), "⅑": (1, 9),
    "⅒": (1, 10),
}  # fmt: skip

# The names of letters, as the letters of words.
LETTERS = {
    "a": "ah", "b": "beh", "c": "zeh", "d": "deh", "e": "eh", "f": "eff", "g": "geh", "h": "hah", "i": "ih",
    "j": "jott", "k": "kah", "l": "ell", "m": "emm", "n": "enn", "o": "oh", "p": "peh", "q": "kuh", "r": "err",
    "s": "ess", "t": "teh", "u": "uh", "v": "vau", "w": "weh", "x": "iks", "y": "ypsilon", "z": "zett", "ä": "äh",
    "ö": "öh", "ü": "üh", "ß": "eszett",
}  # fmt: skip
ACRONYMS = word_set(
    "nato uno nasa aids unesco unicef opec fifa uefa tüv bafög elster edeka ikea haribo aldi sap-a laser radar "
    "pisa gau asean sim din lan pin ram rom rem vip lidl wok radar hartz azubi erasmus iso-a din-a gema schufa "
    "bafin kita euro covid asta kripo stasi"
)
# Words that somebody may write in capitals for weight.
SHORT = word_set(
    "ja nein nicht kein keine nur sehr und der die das den dem ein eine ich du er sie es wir ihr ist sind war hat "
    "muss darf kann soll will nie alle alles mehr ganz neu halt stop stopp los raus rein hier dort jetzt wer wie "
    "wo was so auch aber doch noch mal gut groß viel null eins zwei drei vier fünf acht neun zehn achtung"
)
# Written as one, spelled or said as another.
WORDS = {
    "gmbh": "geh emm beh hah", "lkw": "ell kah weh", "pkw": "peh kah weh", "kfz": "kah eff zett",
    "lkws": "ell kah wehs", "pkws": "peh kah wehs", "e-mail": "ih mehl", "e-mails": "ih mehls", "etc": "et cetera",
    "tv": "teh vau", "wlan": "weh lan", "w-lan": "weh lan", "dvd": "deh vau deh", "kg": "kah geh", "ok": "okay",
    "mwst": "mehrwertsteuer", "ust": "umsatzsteuer",
}  # fmt: skip
NAMES = {
    ".": "punkt", "@": "ät", "/": "schrägstrich", "-": "minus", "_": "unterstrich", ":": "doppelpunkt", "#": "raute",
    "?": "fragezeichen", "=": "gleich", "&": "und", "+": "plus", "%": "prozent", "~": "tilde", ",": "komma",
    ";": "semikolon", "!": "ausrufezeichen", "*": "stern", "'": "apostroph", '"': "anführungszeichen",
    "(": "klammer auf", ")": "klammer zu", "$": "dollar", "\\": "backslash",
}  # fmt: skip
SIGNS = {
    "&": "und", "@": "ät", "%": "prozent", "+": "plus", "=": "gleich", "×": "mal", "÷": "geteilt durch",
    "±": "plus minus", "≈": "ungefähr gleich", "≠": "ungleich", "≤": "kleiner gleich", "≥": "größer gleich",
    "°": "grad", "§": "paragraf", "€": "euro", "$": "dollar", "£": "pfund", "¥": "yen", "¢": "cent", "√": "wurzel aus",
    "∞": "unendlich", "π": "pi", "μ": "mü", "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "λ": "lambda",
    "σ": "sigma", "ω": "omega", "Δ": "delta", "Σ": "sigma", "Ω": "ohm", "№": "nummer", "^": "hoch", "\\": "backslash",
    "‰": "promille", "→": "nach", "∑": "summe", "∈": "in", "²": "quadrat", "³": "hoch drei", "©": "copyright",
}  # fmt: skip
