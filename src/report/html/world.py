"""Makes world.toml, byte for byte: the outline map of the HTML report and the point that stands for each country.

Natural Earth is in the public domain (https://www.naturalearthdata.com/about/terms-of-use/); the package world-atlas
(npm, ISC licence) carries its 1:110m countries, version 4.1.0, as TopoJSON. Get it with

    npm pack world-atlas@2.0.2

and run `python3 src/report/html/world.py world-atlas-2.0.2.tgz`. Python 3.11 or later, no other package.

The shapes are those of the countries that were ever in the EEA while the GDPR applied; map.rs chooses by the day. Svalbard
is left out of Norway's (it is not in the EEA), French Guiana is in France's, and Malta and Liechtenstein are too small for
1:110m.

The points are made from geoip/outlines.toml: the middle of the largest connected stretch of a country's cells or, where
that is not in the country, the nearest of its cells.
"""

import hashlib
import json
import math
import sys
import tarfile
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUTLINES = HERE.parents[2] / "geoip/outlines.toml"
COMPILED = "2026-11-28"
SHA256 = "032e7765f2ce00edaeafec23ff22bc3b77e42987c257da944cc585b452c05b97"
MEMBER = "package/countries-110m.json"

# Units of the map to a degree (`PER_LONGITUDE`, `PER_LATITUDE`, `NORTH` in map.rs): degrees of longitude are drawn
# narrower than those of latitude, as they are at 37 degrees north.
PER_LONGITUDE = 8
PER_LATITUDE = 10
NORTH = 85
# Land south of this is left out: nobody runs a server there.
SOUTH = -58
PER_DEGREE = 4
# Codes of ISO 3166-1 by its numbers, by which the atlas knows countries.
EEA = {
    "040": "AT", "056": "BE", "100": "BG", "196": "CY", "203": "CZ", "276": "DE", "208": "DK", "233": "EE", "724": "ES",
    "246": "FI", "250": "FR", "826": "GB", "300": "GR", "191": "HR", "348": "HU", "372": "IE", "352": "IS", "380": "IT",
    "440": "LT", "442": "LU", "428": "LV", "528": "NL", "578": "NO", "616": "PL", "620": "PT", "642": "RO", "752": "SE",
    "705": "SI", "703": "SK",
}
# The south of Svalbard.
SVALBARD = 74


def place(longitude, latitude):
    return round((longitude + 180) * PER_LONGITUDE), round((NORTH - latitude) * PER_LATITUDE)


def arcs(topology):
    (sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append((x * sx + tx, y * sy + ty))
        yield points


def ring(numbers, known):
    points = []
    for number in numbers:
        arc = known[number] if number >= 0 else known[~number][::-1]
        points += arc[1:] if points else arc
    return points


def around(points):
    """Land across the date line in one piece, and once more a whole turn away; what lies outside the map is not seen."""
    whole, turn = [points[0]], 0
    for (before, _), (longitude, latitude) in zip(points, points[1:]):
        turn += 360 * ((before - longitude > 180) - (longitude - before > 180))
        whole.append((longitude + turn, latitude))
    yield whole
    for shift in (-360, 360):
        if any(-180 < longitude + shift < 180 for longitude, _ in whole):
            yield [(longitude + shift, latitude) for longitude, latitude in whole]


def polygons(geometry):
    if geometry["type"] == "Polygon":
        return [geometry["arcs"]]
    if geometry["type"] == "MultiPolygon":
        return geometry["arcs"]
    return [polygon for part in geometry.get("geometries", []) for polygon in polygons(part)]


def path(points, is_closed):
    """Relative steps in whole units; a step of nothing is left out."""
    spots = [place(*point) for point in points]
    out = f"M{spots[0][0]} {spots[0][1]}l"
    steps = []
    for (ax, ay), (bx, by) in zip(spots, spots[1:]):
        if (ax, ay) != (bx, by):
            steps.append(f"{bx - ax}" + (f"{by - ay}" if by < ay else f" {by - ay}"))
    if len(steps) < (3 if is_closed else 1):
        return ""
    for step in steps:
        out += step if step.startswith("-") or out.endswith("l") else " " + step
    return out + ("z" if is_closed else "")


def land(topology, known):
    rings = [r for polygon in polygons(topology["objects"]["land"]) for r in polygon]
    shapes = (ring(r, known) for r in rings)
    return [path(part, True) for s in shapes if max(latitude for _, latitude in s) > SOUTH for part in around(s)]


def borders(topology, known):
    uses = {}
    for country in topology["objects"]["countries"]["geometries"]:
        for number in {n if n >= 0 else ~n for polygon in polygons(country) for r in polygon for n in r}:
            uses[number] = uses.get(number, 0) + 1
    return [path(known[number], False) for number in sorted(uses) if uses[number] > 1]


def shapes(topology, known):
    for country in topology["objects"]["countries"]["geometries"]:
        code = EEA.get(country.get("id"))
        if code is None:
            continue
        rings = (ring(r, known) for polygon in polygons(country) for r in polygon)
        yield code, [path(r, True) for r in rings if min(latitude for _, latitude in r) < SVALBARD]


def cells(text):
    row, found = None, set()
    for word in text.split():
        if ":" in word:
            at, word = word.split(":")
            row = int(at)
        else:
            row += 1
        for run in word.split(","):
            start, _, count = run.partition("+")
            # A country has at most one way around the globe: columns go on past the date line.
            found |= {(row, int(start) + n) for n in range(int(count or 1))}
    return found


def largest(found):
    left, best = set(found), set()
    while left:
        first = min(left)
        left.remove(first)
        part, todo = {first}, [first]
        while todo:
            row, column = todo.pop()
            for near in ((row + a, column + b) for a in (-1, 0, 1) for b in (-1, 0, 1)):
                if near in left:
                    left.remove(near)
                    part.add(near)
                    todo.append(near)
        if len(part) > len(best):
            best = part
    return best


def middle(text):
    part = largest(cells(text))
    spots = [((row + 0.5) / PER_DEGREE - 90, (column + 0.5) / PER_DEGREE - 180) for row, column in sorted(part)]
    weights = [math.cos(math.radians(latitude)) for latitude, _ in spots]
    total = sum(weights)
    latitude, longitude = (sum(s[axis] * w for s, w in zip(spots, weights)) / total for axis in (0, 1))
    held = (math.floor((latitude + 90) * PER_DEGREE), math.floor((longitude + 180) * PER_DEGREE))
    if held not in part:
        far = lambda s: (s[0] - latitude) ** 2 + ((s[1] - longitude) * math.cos(math.radians(latitude))) ** 2
        latitude, longitude = min(spots, key=far)
    return round(latitude, 1), round((longitude + 180) % 360 - 180, 1)


def wrapped(paths):
    """Lines of a path: a line feed is white space to SVG."""
    return "\n".join(p for p in paths if p)


def main():
    archive = Path(sys.argv[1])
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != SHA256:
        sys.exit(f"{archive}: sha256 is {found}, expected {SHA256}")
    with tarfile.open(archive) as tar:
        topology = json.load(tar.extractfile(MEMBER))
    known = list(arcs(topology))
    outlines = tomllib.loads(OUTLINES.read_text("utf-8"))["cells"]
    points = {code: middle(text) for code, text in sorted(outlines.items())}
    text = (
        "# The outline map of the HTML report, and the point that stands for each country on it. Made by world.py, which says how.\n"
        "# A point stands for the whole country: nothing is known of a place in it. Paths are SVG's, in units of world.py.\n\n"
        f'compiled = "{COMPILED}"\n'
        'source = "Natural Earth 4.1.0, 1:110m countries, as in npm world-atlas-2.0.2; points from geoip/outlines.toml"\n'
        'licence = "public domain"\n\n'
        f'land = """\n{wrapped(land(topology, known))}\n"""\n\n'
        f'borders = """\n{wrapped(borders(topology, known))}\n"""\n\n'
        "# Latitude and longitude in degrees.\n[points]\n"
        + "".join(f"{code} = [{lat}, {lon}]\n" for code, (lat, lon) in points.items())
        + "\n# Land of countries that were ever in the EEA.\n[shapes]\n"
        + "".join(f'{code} = "{"".join(p for p in paths)}"\n' for code, paths in sorted(shapes(topology, known)))
    )
    (HERE / "world.toml").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
