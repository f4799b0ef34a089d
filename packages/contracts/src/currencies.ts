/** The codes of ISO 4217 for money with two decimals, without funds, metals and test codes. */
const codes = `
  AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP
  CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR
  KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN
  PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD
  TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG`;

const twoDecimals: ReadonlySet<string> = new Set(codes.trim().split(/\s+/));

/** Whether amounts in a currency can be expressed in minor units here: its minor unit must be a hundredth. */
export function hasTwoDecimals(currencyCode: string): boolean {
  return twoDecimals.has(currencyCode);
}
