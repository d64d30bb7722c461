/** Sun at the horizon: its centre 50 arc minutes below, for refraction and radius. */
const HORIZON = -0.833
const DAY_MS = 86_400_000
const J1970 = 2_440_587.5
const J2000 = 2_451_545

const radians = (degrees: number) => (degrees * Math.PI) / 180
const sin = (degrees: number) => Math.sin(radians(degrees))
const cos = (degrees: number) => Math.cos(radians(degrees))

/**
 * Sunrise or sunset, within a minute or two of the almanac between the polar circles.
 * @param dayMs any time of the UTC day
 * @returns ms since 1970, null where the sun does not rise or set that day
 * @see https://en.wikipedia.org/wiki/Sunrise_equation
 */
export function sunTime(kind: "sunrise" | "sunset", dayMs: number, latitude: number, longitude: number): number | null {
  const day = Math.floor(dayMs / DAY_MS) + J1970 + 0.5
  const noon = Math.ceil(day - J2000 + 0.0008) - longitude / 360
  const anomaly = (357.5291 + 0.98560028 * noon) % 360
  const centre = 1.9148 * sin(anomaly) + 0.02 * sin(2 * anomaly) + 0.0003 * sin(3 * anomaly)
  const ecliptic = (anomaly + centre + 180 + 102.9372) % 360
  const transit = J2000 + noon + 0.0053 * sin(anomaly) - 0.0069 * sin(2 * ecliptic)
  const declination = Math.asin(sin(ecliptic) * sin(23.4397))
  const hour = (sin(HORIZON) - sin(latitude) * Math.sin(declination)) / (cos(latitude) * Math.cos(declination))
  if (hour < -1 || hour > 1) return null
  const half = Math.acos(hour) / (2 * Math.PI)
  return Math.round((transit + (kind === "sunrise" ? -half : half) - J1970) * DAY_MS)
}
