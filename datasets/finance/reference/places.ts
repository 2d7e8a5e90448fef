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
]

const city = (name: string, country: string, latitude: number, longitude: number): City => ({
  name,
  country,
  latitude,
  longitude,
})

/** The larger a city's weight in the sample, the earlier it stands. */
export const cities: readonly City[] = [
  city('New York', 'US', 40.7128, -74.006),
  city('London', 'GB', 51.5074, -0.1278),
  city('Berlin', 'DE', 52.52, 13.405),
  city('Paris', 'FR', 48.8566, 2.3522),
  city('Los Angeles', 'US', 34.0522, -118.2437),
  city('Madrid', 'ES', 40.4168, -3.7038),
  city('Toronto', 'CA', 43.6532, -79.3832),
  city('Tokyo', 'JP', 35.6762, 139.6503),
  city('São Paulo', 'BR', -23.5505, -46.6333),
  city('Mumbai', 'IN', 19.076, 72.8777),
  city('Sydney', 'AU', -33.8688, 151.2093),
  city('Amsterdam', 'NL', 52.3676, 4.9041),
  city('Chicago', 'US', 41.8781, -87.6298),
  city('München', 'DE', 48.1351, 11.582),
  city('Hamburg', 'DE', 53.5511, 9.9937),
  city('Milano', 'IT', 45.4642, 9.19),
  city('Roma', 'IT', 41.9028, 12.4964),
  city('Barcelona', 'ES', 41.3874, 2.1686),
  city('Manchester', 'GB', 53.4808, -2.2426),
  city('Dublin', 'IE', 53.3498, -6.2603),
  city('Wien', 'AT', 48.2082, 16.3738),
  city('Zürich', 'CH', 47.3769, 8.5417),
  city('Lyon', 'FR', 45.764, 4.8357),
  city('Stockholm', 'SE', 59.3293, 18.0686),
  city('Oslo', 'NO', 59.9139, 10.7522),
  city('København', 'DK', 55.6761, 12.5683),
  city('Warszawa', 'PL', 52.2297, 21.0122),
  city('Kraków', 'PL', 50.0647, 19.945),
  city('Praha', 'CZ', 50.0755, 14.4378),
  city('San Francisco', 'US', 37.7749, -122.4194),
  city('Houston', 'US', 29.7604, -95.3698),
  city('Vancouver', 'CA', 49.2827, -123.1207),
  city('Ciudad de México', 'MX', 19.4326, -99.1332),
  city('Rio de Janeiro', 'BR', -22.9068, -43.1729),
  city('Cape Town', 'ZA', -33.9249, 18.4241),
  city('Nairobi', 'KE', -1.2921, 36.8219),
  city('Dubai', 'AE', 25.2048, 55.2708),
  city('Bengaluru', 'IN', 12.9716, 77.5946),
  city('Singapore', 'SG', 1.3521, 103.8198),
  city('Osaka', 'JP', 34.6937, 135.5023),
  city('Auckland', 'NZ', -36.8509, 174.7645),
]

/** Cities of the countries in `highRiskCountries`: nobody of the sample lives there. */
export const highRiskCities: readonly City[] = [
  city('Pyongyang', 'KP', 39.0392, 125.7625),
  city('Tehran', 'IR', 35.6892, 51.389),
  city('Yangon', 'MM', 16.8409, 96.1735),
]
