// Decimal numbers as text: of any length, with one spelling each.
// Computed on digits alone, so that nothing is ever rounded.

const pattern = /^(-?)0*(\d+?)(?:\.(\d*?)0*)?$/;

/** What a decimal is written like: digits, with a sign and a fraction where they are needed. */
export const decimalPattern = /^-?\d+(\.\d+)?$/;

/**
 * The one spelling of a decimal: no zeros at its beginning or at the end of its fraction, and no minus before zero.
 *
 * @param text - a decimal.
 * @returns the spelling; the text itself when it is no decimal.
 */
export function canonicalDecimal(text: string): string {
  if (!decimalPattern.test(text)) return text;
  const [, sign = "", whole = "", fraction = ""] = pattern.exec(text) as RegExpExecArray;
  const digits = fraction === "" ? whole : `${whole}.${fraction}`;
  return digits === "0" ? "0" : `${sign}${digits}`;
}

/** Added to exponents, so that none is negative. */
const bias = 500_000;

/**
 * Writes a decimal so that byte order is numeric order.
 *
 * @param text - a decimal of up to some hundred thousand digits.
 * @returns sign, exponent and digits; both complemented for negatives, whose digits end with what follows every digit.
 */
export function sortableDecimal(text: string): string {
  const canonical = canonicalDecimal(text);
  if (canonical === "0") return "1";
  const negative = canonical.startsWith("-");
  const [whole = "", fraction = ""] = (negative ? canonical.slice(1) : canonical).split(".");
  const digits = (whole === "0" ? "" : whole) + fraction;
  const leading = digits.length - digits.replace(/^0+/, "").length;
  const exponent = (whole === "0" ? 0 : whole.length) - leading;
  const sortable = String(exponent + bias).padStart(6, "0") + digits.slice(leading).replace(/0+$/, "");
  return negative ? `0${complementOf(sortable)}:` : `2${sortable}`;
}

/**
 * Turns the order of digits round.
 *
 * @param digits - decimal digits.
 * @returns what is missing of each to nine.
 */
export function complementOf(digits: string): string {
  return digits.replace(/\d/g, (digit) => String(9 - Number(digit)));
}
