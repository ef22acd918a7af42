import { invalidParam } from '../../protocol/matrix-error.ts';

/** What kinds of third-party identifiers there are (Appendices, "3PID Types"). */
export type Medium = 'email' | 'msisdn';

/** An address or a phone number, as it is compared and kept. */
export interface Threepid {
  readonly medium: Medium;
  readonly address: string;
}

// RFC 5321 allows 254 octets for an address with 64 for what stands before the @.
const EMAIL = /^[^\s@<>(),;:\\"[\]\p{Cc}]{1,64}@[^\s@<>(),;:\\"[\]\p{Cc}]{1,189}$/u;

/** A mail address in the form in which it is kept: small letters. Undefined for what is none. */
export function parseEmail(text: string): Threepid | undefined {
  const address = text.trim().toLowerCase();
  return EMAIL.test(address) && !address.includes('..') ? { medium: 'email', address } : undefined;
}

/**
 * As `parseEmail`.
 *
 * @throws MatrixError 400 M_INVALID_PARAM for what is no mail address.
 */
export function emailThreepid(text: string): Threepid {
  const threepid = parseEmail(text);
  if (!threepid) throw invalidParam('"email" must be one mail address, such as alice@example.org');
  return threepid;
}

/**
 * A phone number in the form in which it is kept: digits with the country's code (E.164 without the plus). Undefined for
 * what is no number of the country.
 *
 * @param country two capital letters; how a number without a country's code is read.
 * @throws MatrixError 400 M_INVALID_PARAM for what is no country.
 */
export async function parsePhone(country: string, number: string): Promise<Threepid | undefined> {
  const { parsePhoneNumberFromString, isSupportedCountry } = await import('libphonenumber-js/min');
  const region = country.toUpperCase();
  if (!isSupportedCountry(region)) throw invalidParam('"country" must be two letters, such as GB');
  const parsed = number.length <= 64 ? parsePhoneNumberFromString(number, region) : undefined;
  return parsed?.isValid() === true ? { medium: 'msisdn', address: parsed.number.slice(1) } : undefined;
}

/**
 * As `parsePhone`.
 *
 * @throws MatrixError 400 M_INVALID_PARAM.
 */
export async function phoneThreepid(country: string, number: string): Promise<Threepid> {
  const threepid = await parsePhone(country, number);
  if (!threepid) throw invalidParam('"phone_number" is no phone number of this country');
  return threepid;
}

/**
 * An identifier that is given by medium and address.
 *
 * @throws MatrixError 400 M_INVALID_PARAM for another medium or an address that is none.
 */
export function threepidOf(medium: string, address: string): Threepid {
  if (medium === 'email') return emailThreepid(address);
  if (medium !== 'msisdn') throw invalidParam('"medium" must be email or msisdn');
  const digits = address.replace(/^\+/, '');
  if (!/^[1-9][0-9]{4,14}$/.test(digits))
    throw invalidParam('"address" must be a number with its country code');
  return { medium, address: digits };
}
