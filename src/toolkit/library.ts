// Libraries behind pieces of the toolkit: optional peers, loaded when they are first needed.
// What they send goes the piece's own way, with its deadlines and its errors.
import { CapabilityError } from "../errors.ts";
import type { Piece } from "./piece.ts";

/**
 * Loads a library that is an optional peer.
 *
 * @param piece - what needs it.
 * @param name - the package.
 * @param load - imports it.
 * @returns what it exports.
 * @throws CapabilityError that says what to install.
 */
export async function loadLibrary<T>(piece: Piece, name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new CapabilityError(`${piece.title}: this needs the package ${name}; install it: npm install ${name}`, {
      entity: piece.title,
      cause,
    });
  }
}
