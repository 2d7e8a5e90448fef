/** Where the people of the sample world live, shop and travel: real countries and cities, positions in degrees (WGS 84). */

export type Country = {
  readonly code: string // ISO 3166-1 alpha-2
  readonly code3: string // ISO 3166-1 alpha-3
  readonly name: string
  readonly currency: string // ISO 4217
  readonly dialling: string // E.164 country code
  readonly locale: string // of people's names and addresses, as faker calls it
}

export type City = {
  readonly name: string
  readonly country: string // alpha-2
  readonly latitude: number
  readonly longitude: number
  readonly utcOffset: number // hours; standard time, all year
}

const country = (
  code: string,
  code3: string,
  name: string,
  currency: string,
  dialling: string,
  locale = 'en',
): Country => ({ code, code3, name, currency, dialling, locale })

export const countries: readonly Country[] = [
  country('US', 'USA', 'United States of America', 'USD', '1'),
  country('CA', 'CAN', 'Canada', 'CAD', '1'),
  country('MX', 'MEX', 'Mexico', 'MXN', '52', 'es'),
  country('BR', 'BRA', 'Brazil', 'BRL', '55', 'pt_BR'),
  country('GB', 'GBR', 'United Kingdom', 'GBP', '44'),
  country('IE', 'IRL', 'Ireland', 'EUR', '353'),
  country('DE', 'DEU', 'Germany', 'EUR', '49', 'de'),
  country('AT', 'AUT', 'Austria', 'EUR', '43', 'de'),
  country('CH', 'CHE', 'Switzerland', 'CHF', '41', 'de'),
  country('FR', 'FRA', 'France', 'EUR', '33', 'fr'),
  country('ES', 'ESP', 'Spain', 'EUR', '34', 'es'),
  country('IT', 'ITA', 'Italy', 'EUR', '39', 'it'),
  country('NL', 'NLD', 'Netherlands', 'EUR', '31', 'nl'),
  country('SE', 'SWE', 'Sweden', 'SEK', '46', 'sv'),
  country('NO', 'NOR', 'Norway', 'NOK', '47', 'nb_NO'),
  country('DK', 'DNK', 'Denmark', 'DKK', '45', 'da'),
  country('PL', 'POL', 'Poland', 'PLN', '48', 'pl'),
  country('CZ', 'CZE', 'Czech Republic', 'CZK', '420', 'cs_CZ'),
  country('ZA', 'ZAF', 'South Africa', 'ZAR', '27'),
  country('KE', 'KEN', 'Kenya', 'KES', '254'),
  country('AE', 'ARE', 'United Arab Emirates', 'AED', '971'),
  country('IN', 'IND', 'India', 'INR', '91'),
  country('SG', 'SGP', 'Singapore', 'SGD', '65'),
  country('JP', 'JPN', 'Japan', 'JPY', '81', 'ja'),
  country('AU', 'AUS', 'Australia', 'AUD', '61'),
  country('NZ', 'NZL', 'New Zealand', 'NZD', '64'),
  // Visited only, and paid in dollars there: there are no exchange rates of their currencies.
  country('PK', 'PAK', 'Pakistan', 'USD', '92'),
  country('GE', 'GEO', 'Georgia', 'USD', '995'),
  country('NA', 'NAM', 'Namibia', 'USD', '264'),
]

const city = (
  name: string,
  country: string,
  latitude: number,
  longitude: number,
  utcOffset: number,
): City => ({ name, country, latitude, longitude, utcOffset })

/** The larger a city's weight in the sample, the earlier it stands. */
export const cities: readonly City[] = [
  city('New York', 'US', 40.7128, -74.006, -5),
  city('London', 'GB', 51.5074, -0.1278, 0),
  city('Berlin', 'DE', 52.52, 13.405, 1),
  city('Paris', 'FR', 48.8566, 2.3522, 1),
  city('Los Angeles', 'US', 34.0522, -118.2437, -8),
  city('Madrid', 'ES', 40.4168, -3.7038, 1),
  city('Toronto', 'CA', 43.6532, -79.3832, -5),
  city('Tokyo', 'JP', 35.6762, 139.6503, 9),
  city('São Paulo', 'BR', -23.5505, -46.6333, -3),
  city('Mumbai', 'IN', 19.076, 72.8777, 5.5),
  city('Sydney', 'AU', -33.8688, 151.2093, 10),
  city('Amsterdam', 'NL', 52.3676, 4.9041, 1),
  city('Chicago', 'US', 41.8781, -87.6298, -6),
  city('München', 'DE', 48.1351, 11.582, 1),
  city('Hamburg', 'DE', 53.5511, 9.9937, 1),
  city('Milano', 'IT', 45.4642, 9.19, 1),
  city('Roma', 'IT', 41.9028, 12.4964, 1),
  city('Barcelona', 'ES', 41.3874, 2.1686, 1),
  city('Manchester', 'GB', 53.4808, -2.2426, 0),
  city('Dublin', 'IE', 53.3498, -6.2603, 0),
  city('Wien', 'AT', 48.2082, 16.3738, 1),
  city('Zürich', 'CH', 47.3769, 8.5417, 1),
  city('Lyon', 'FR', 45.764, 4.8357, 1),
  city('Stockholm', 'SE', 59.3293, 18.0686, 1),
  city('Oslo', 'NO', 59.9139, 10.7522, 1),
  city('København', 'DK', 55.6761, 12.5683, 1),
  city('Warszawa', 'PL', 52.2297, 21.0122, 1),
  city('Kraków', 'PL', 50.0647, 19.945, 1),
  city('Praha', 'CZ', 50.0755, 14.4378, 1),
  city('San Francisco', 'US', 37.7749, -122.4194, -8),
  city('Houston', 'US', 29.7604, -95.3698, -6),
  city('Vancouver', 'CA', 49.2827, -123.1207, -8),
  city('Ciudad de México', 'MX', 19.4326, -99.1332, -6),
  city('Rio de Janeiro', 'BR', -22.9068, -43.1729, -3),
  city('Cape Town', 'ZA', -33.9249, 18.4241, 2),
  city('Nairobi', 'KE', -1.2921, 36.8219, 3),
  city('Dubai', 'AE', 25.2048, 55.2708, 4),
  city('Bengaluru', 'IN', 12.9716, 77.5946, 5.5),
  city('Singapore', 'SG', 1.3521, 103.8198, 8),
  city('Osaka', 'JP', 34.6937, 135.5023, 9),
  city('Auckland', 'NZ', -36.8509, 174.7645, 12),
]

/** Where travellers rarely go, without any risk in it: of Pakistan the listing as a high-risk country ended in 2022. */
export const unusualCities: readonly City[] = [
  city('Lahore', 'PK', 31.5204, 74.3587, 5),
  city('Tbilisi', 'GE', 41.7151, 44.8271, 4),
  city('Windhoek', 'NA', -22.5609, 17.0658, 2),
]

/** Cities of the countries in `highRiskCountries`: nobody of the sample lives there. */
export const highRiskCities: readonly City[] = [
  city('Pyongyang', 'KP', 39.0392, 125.7625, 9),
  city('Tehran', 'IR', 35.6892, 51.389, 3.5),
  city('Yangon', 'MM', 16.8409, 96.1735, 6.5),
]

const countryByCode = new Map(countries.map((country) => [country.code, country]))

/** The country of a city; for a high-risk city, one that only its code is known of. */
export const countryOf = ({ country: code }: City): Country =>
  countryByCode.get(code) ?? country(code, code, code, 'USD', '')

/** Along the surface of the earth, a sphere of 6,371 km. */
export function distanceKm(from: City, to: City): number {
  const radians = Math.PI / 180
  const haversine = (degrees: number) => Math.sin((degrees * radians) / 2) ** 2
  const across =
    haversine(to.latitude - from.latitude) +
    Math.cos(from.latitude * radians) *
      Math.cos(to.latitude * radians) *
      haversine(to.longitude - from.longitude)
  return 2 * 6371 * Math.asin(Math.sqrt(across))
}
