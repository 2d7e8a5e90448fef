import type { Random } from '../random.ts'
import { dayMs, hourMs, isTravelSeason, localTime } from './calendar.ts'
import type { User } from './people.ts'
import { type City, cities, distanceKm, unusualCities } from './reference/places.ts'

const tripsPerPayment = 0.003 // in the months in which most people travel twice as many
const toUnusual = 0.12 // of the trips
const awayAtStart = 0.05 // of the users
const kmPerHour = 750
const atAirportsMs = 3 * hourMs

export type Stay = 'there' | 'under-way'

/** Where the user is at that time: trips begin and end here, and nobody is faster than a plane. */
export function follow(random: Random, user: User, nowMs: number): Stay {
  const { whereabouts, home } = user
  if (nowMs < whereabouts.sinceMs) return 'under-way'
  if (whereabouts.place !== home) {
    if (nowMs < whereabouts.untilMs) return 'there'
    user.whereabouts = {
      place: home,
      sinceMs: arrivalMs(whereabouts.place, home, nowMs),
      untilMs: Number.POSITIVE_INFINITY,
    }
    return 'under-way'
  }
  const season = isTravelSeason(localTime(nowMs, home)) ? 2 : 1
  if (user.isFirm || !random.chance(tripsPerPayment * season)) return 'there'
  const place = destination(random)
  if (place === home) return 'there'
  const sinceMs = arrivalMs(home, place, nowMs)
  user.whereabouts = {
    place,
    sinceMs,
    untilMs: sinceMs + (2 + (longestTripDays - 2) * random.next()) * dayMs,
  }
  return 'under-way'
}

/** Where the user is when a run begins: some are on a trip already. */
export function begin(random: Random, user: User, startMs: number): void {
  const place = user.isFirm || !random.chance(awayAtStart) ? user.home : destination(random)
  const untilMs =
    place === user.home ? Number.POSITIVE_INFINITY : startMs + random.next() * longestTripDays * dayMs
  user.whereabouts = { place, sinceMs: startMs, untilMs }
}

const destination = (random: Random): City => random.pick(random.chance(toUnusual) ? unusualCities : cities)
const longestTripDays = 10

const arrivalMs = (from: City, to: City, nowMs: number): number =>
  nowMs + atAirportsMs + (distanceKm(from, to) / kmPerHour) * hourMs
