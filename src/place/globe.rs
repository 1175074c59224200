//! Points and patches of the globe, and how far they are apart at the least.
//!
//! Input: degrees of latitude and longitude (WGS84). Output: distances in kilometres that are never too long.
//! Must not: know a country or a city.

/// A point on the globe, by its degrees of latitude and longitude (WGS84).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Point {
    latitude: f64,
    longitude: f64,
}

impl Point {
    /// The point at this latitude (-90 to 90, north positive) and longitude (-180 to 180, east positive).
    pub fn new(latitude: f64, longitude: f64) -> Result<Self, PointError> {
        if !(-90.0..=90.0).contains(&latitude) {
            return Err(PointError::Latitude(latitude));
        }
        if !(-180.0..=180.0).contains(&longitude) {
            return Err(PointError::Longitude(longitude));
        }
        Ok(Self { latitude, longitude })
    }

    /// Degrees north of the equator, -90 to 90.
    #[must_use]
    pub fn latitude(self) -> f64 {
        self.latitude
    }

    /// Degrees east of Greenwich, -180 to 180.
    #[must_use]
    pub fn longitude(self) -> f64 {
        self.longitude
    }
}

/// The numbers are no point on the globe.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PointError {
    /// Not between the poles.
    #[error("latitude {0} is not between -90 and 90 (latitude comes first)")]
    Latitude(f64),
    /// Not once round the globe.
    #[error("longitude {0} is not between -180 and 180")]
    Longitude(f64),
}

/// The great-circle distance of two points in kilometres, on a sphere that makes it never longer than the shortest way
/// on the WGS84 ellipsoid (see [`LEAST_RADIUS_KM`]) and at most 1.0 % shorter.
#[must_use]
pub fn distance_km(from: Point, to: Point) -> f64 {
    let half_sine = |degrees: f64| (degrees.to_radians() / 2.0).sin();
    let north = half_sine(to.latitude - from.latitude);
    let east = half_sine(to.longitude - from.longitude);
    let breadths = from.latitude.to_radians().cos() * to.latitude.to_radians().cos();
    let haversine = north.mul_add(north, breadths * east * east);
    2.0 * haversine.clamp(0.0, 1.0).sqrt().asin() * LEAST_RADIUS_KM
}

/// The radius of the sphere on which distances are taken, in kilometres.
///
/// A step on the ellipsoid from latitude f is `M(f)` long for each radian north and `N(f) cos f` for each radian east. Both
/// radii are nowhere less than `M(0) = a (1 - e²) = b²/a`, with a = 6378.137 km and b = 6356.752 km: on a sphere of that
/// radius every way is at most as long as on the ellipsoid, so the shortest one is too. (The mean radius is 6371.0 km.)
pub const LEAST_RADIUS_KM: f64 = 6335.439;

/// What lies between two latitudes and between two longitudes: a cell, a run of cells, a box round several, or a point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patch {
    south: Parallel,
    north: Parallel,
    /// The western edge in degrees, and how far the patch reaches east of it, 0 to 360.
    west: f64,
    width: f64,
}

impl Patch {
    /// The patch with these edges in degrees; `west` is not greater than `east`.
    pub(super) fn new(south: f64, west: f64, north: f64, east: f64) -> Self {
        Self { south: Parallel::at(south), north: Parallel::at(north), west, width: east - west }
    }

    /// The patch that is one point.
    pub(super) fn at(point: Point) -> Self {
        let parallel = Parallel::at(point.latitude);
        Self { south: parallel, north: parallel, west: point.longitude, width: 0.0 }
    }

    /// The least patch that holds both.
    pub(super) fn with(self, other: Self) -> Self {
        let (west, east) = (self.west.min(other.west), self.east().max(other.east()));
        let south = if other.south.degrees < self.south.degrees { other.south } else { self.south };
        let north = if other.north.degrees > self.north.degrees { other.north } else { self.north };
        Self { south, north, west, width: east - west }
    }

    /// The middle, as degrees of latitude and longitude.
    pub(super) fn middle(&self) -> [f64; 2] {
        [self.south.degrees.midpoint(self.north.degrees), self.width.mul_add(0.5, self.west)]
    }

    /// The size from south to north and from west to east, in degrees.
    pub(super) fn size(&self) -> [f64; 2] {
        [self.north.degrees - self.south.degrees, self.width]
    }

    fn east(&self) -> f64 {
        self.west + self.width
    }

    /// The cosine of the angle between the nearest points of two patches: 1 where they touch, -1 where each is one point
    /// and they are opposite.
    pub(super) fn closeness(&self, other: &Self) -> f64 {
        let apart = self.degrees_east_or_west(other);
        if apart <= 0.0 {
            let gap =
                (other.south.degrees - self.north.degrees).max(self.south.degrees - other.north.degrees);
            return gap.max(0.0).to_radians().cos();
        }
        // The nearest points are on the meridians that face each other, and at least one of them is at an end: away from
        // the ends of both, the angle has no minimum but the poles.
        let turn = apart.to_radians().cos();
        let from_ends = [(self.south, other), (self.north, other), (other.south, self), (other.north, self)];
        from_ends.iter().map(|(end, patch)| patch.closeness_on_meridian(end, turn)).fold(-1.0, f64::max)
    }

    /// How far the patches are apart from west to east, the shorter way round; 0 where a meridian meets both.
    fn degrees_east_or_west(&self, other: &Self) -> f64 {
        let offset = (other.west - self.west).rem_euclid(360.0);
        let (eastward, westward) = (offset - self.width, 360.0 - offset - other.width);
        eastward.min(westward).max(0.0)
    }

    /// The cosine of the least angle between a point at `end` and the points of this patch on one meridian, where `turn`
    /// is the cosine of the angle between that meridian and the point's.
    fn closeness_on_meridian(&self, end: &Parallel, turn: f64) -> f64 {
        let (up, out) = (end.sin, end.cos * turn);
        let closeness = |at: &Parallel| up * at.sin + out * at.cos;
        let slope = |at: &Parallel| up * at.cos - out * at.sin;
        if slope(&self.south) > 0.0 && slope(&self.north) < 0.0 {
            return up.hypot(out);
        }
        closeness(&self.south).max(closeness(&self.north))
    }
}

/// The kilometres of a [`Patch::closeness`].
pub(super) fn kilometres(closeness: f64) -> f64 {
    closeness.clamp(-1.0, 1.0).acos() * LEAST_RADIUS_KM
}

/// A latitude with its sine and cosine.
#[derive(Clone, Copy, Debug)]
struct Parallel {
    degrees: f64,
    sin: f64,
    cos: f64,
}

impl Parallel {
    fn at(degrees: f64) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        Self { degrees, sin, cos }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn point(latitude: f64, longitude: f64) -> Point {
        Point::new(latitude, longitude).unwrap()
    }

    fn apart(one: &Patch, other: &Patch) -> f64 {
        kilometres(one.closeness(other))
    }

    #[test]
    fn points_are_on_the_globe() {
        assert!(Point::new(90.0, -180.0).is_ok() && Point::new(-90.0, 180.0).is_ok());
        assert_eq!(Point::new(90.5, 0.0), Err(PointError::Latitude(90.5)));
        assert_eq!(Point::new(0.0, 181.0), Err(PointError::Longitude(181.0)));
        assert!(Point::new(f64::NAN, 0.0).is_err() && Point::new(0.0, f64::INFINITY).is_err());
        let shown = Point::new(152.0, 52.0).unwrap_err().to_string();
        assert_eq!(shown, "latitude 152 is not between -90 and 90 (latitude comes first)");
    }

    #[test]
    fn distances_are_at_most_those_on_the_ellipsoid_and_one_percent_less() {
        // The quarter meridian and the equator of WGS84, by its definition; Flinders Peak to Buninyong, the example by
        // which implementations of Vincenty's formulae are checked (54.972 km, on an ellipsoid that differs by 0.003 %).
        let known = [
            (point(0.0, 0.0), point(90.0, 0.0), 10_001.966),
            (point(0.0, 0.0), point(0.0, 90.0), 10_018.754),
            (point(-37.951033, 144.424868), point(-37.652821, 143.926496), 54.972),
        ];
        for (from, to, ellipsoid) in known {
            let least = distance_km(from, to);
            assert!(least <= ellipsoid && least >= ellipsoid * 0.99, "{least} against {ellipsoid}");
        }
    }

    #[test]
    fn the_shortest_way_may_lead_over_a_pole_or_the_antimeridian() {
        let degree = LEAST_RADIUS_KM.to_radians();
        assert!((distance_km(point(89.0, 0.0), point(89.0, 180.0)) - 2.0 * degree).abs() < 1e-6);
        assert!((distance_km(point(0.0, 179.5), point(0.0, -179.5)) - degree).abs() < 1e-6);
        let (fiji, samoa) = (Patch::new(-1.0, 179.0, 1.0, 180.0), Patch::new(-1.0, -180.0, 1.0, -179.0));
        assert!(apart(&fiji, &samoa) < 1e-3, "they touch");
        let polar = (Patch::new(80.0, 0.0, 85.0, 10.0), Patch::new(80.0, 180.0, 85.0, 190.0));
        assert!((apart(&polar.0, &polar.1) - 10.0 * degree).abs() < 5.0);
    }

    #[test]
    fn patches_that_share_a_meridian_are_apart_by_their_latitudes() {
        let degree = LEAST_RADIUS_KM.to_radians();
        let (south, north) = (Patch::new(10.0, 0.0, 20.0, 30.0), Patch::new(25.0, 20.0, 26.0, 50.0));
        assert!((apart(&south, &north) - 5.0 * degree).abs() < 1e-6);
        assert!(apart(&south, &Patch::at(point(15.0, 15.0))) < 1e-3);
    }

    fn patches() -> impl Strategy<Value = [f64; 4]> {
        (-90.0..90.0, -180.0..180.0, 0.0..40.0, 0.0..60.0).prop_map(|(south, west, height, width)| {
            [south, west, f64::min(south + height, 90.0), f64::min(west + width, 180.0)]
        })
    }

    proptest! {
        #[test]
        fn no_points_of_two_patches_are_nearer_than_the_patches(
            one in patches(), other in patches(), shares in prop::array::uniform4(0.0..=1.0)
        ) {
            let [one_patch, other_patch] = [one, other].map(|[s, w, n, e]| Patch::new(s, w, n, e));
            let least = apart(&one_patch, &other_patch);
            let inside = |[s, w, n, e]: [f64; 4], up: f64, out: f64| point(s + (n - s) * up, w + (e - w) * out);
            let [a, b] = [inside(one, shares[0], shares[1]), inside(other, shares[2], shares[3])];
            prop_assert!(least <= distance_km(a, b) + 1e-3);
            prop_assert!((least - apart(&other_patch, &one_patch)).abs() < 1e-3);
        }

        #[test]
        fn some_points_of_two_patches_are_as_near_as_the_patches(one in patches(), other in patches()) {
            let [one_patch, other_patch] = [one, other].map(|[s, w, n, e]| Patch::new(s, w, n, e));
            let edge = |[s, w, n, e]: [f64; 4]| {
                let shares = (0..=20).map(|n| f64::from(n) / 20.0);
                shares.flat_map(move |t| [[s + (n - s) * t, w], [s + (n - s) * t, e], [s, w + (e - w) * t], [n, w + (e - w) * t]])
            };
            let least = apart(&one_patch, &other_patch);
            prop_assume!(least > 1.0);
            let pairs = edge(one).flat_map(|a| edge(other).map(move |b| distance_km(point(a[0], a[1]), point(b[0], b[1]))));
            // Half a step of either edge: at most 1.5 degrees, 167 km, each.
            prop_assert!(pairs.fold(f64::INFINITY, f64::min) <= least + 335.0);
        }

        #[test]
        fn a_point_is_as_far_from_a_point_as_from_its_patch(
            a in (-90.0..=90.0, -180.0..=180.0), b in (-90.0..=90.0, -180.0..=180.0)
        ) {
            let (a, b) = (point(a.0, a.1), point(b.0, b.1));
            prop_assert!((distance_km(a, b) - apart(&Patch::at(a), &Patch::at(b))).abs() < 1.0);
        }
    }
}
