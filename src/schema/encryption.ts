// Encryption of single values: AES-256-GCM with keys that can be rotated, and blind terms to compare them by.
// What is written is bound to its entity type and field: moved anywhere else, it cannot be read.
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { DefinitionError } from "../errors.ts";
import type { Converted, StoredForm } from "./shape.ts";

/** Keys of encrypted fields, each of 32 bytes or their base64. */
export interface EncryptionKeys {
  /** The name of the key that new values are encrypted with. */
  readonly current: string;
  /** Every key that stored values may be encrypted with, by its name: letters, digits, `_` and `-`. */
  readonly keys: Readonly<Record<string, Uint8Array | string>>;
  /** What blind terms are made with: for `exact()` and unique values; it stays the same while the others change. */
  readonly index?: Uint8Array | string;
}

/** How one field is encrypted. */
export interface Encryption {
  readonly stored: StoredForm;
  /** What indexes and unique values hold; undefined without a key for that. */
  readonly blind: ((value: unknown) => Converted) | undefined;
}

const version = "v1";
const keyBytes = 32;
const ivBytes = 12;
const tagBytes = 16;
const namePattern = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Checks the keys, and prepares encrypting by them.
 *
 * @param given - the keys.
 * @returns what gives the encryption of one field: of an entity type by its name, at a dotted path.
 * @throws DefinitionError when a key is not of 32 bytes, has no proper name, or the current one is not among them.
 */
export function encryptionBy({ current, keys, index }: EncryptionKeys): (entity: string, path: string) => Encryption {
  const known = new Map(Object.entries(keys).map(([name, key]) => [name, keyOf(name, key)]));
  const key = known.get(current);
  if (key === undefined)
    throw new DefinitionError(`encrypted(): the current key ${JSON.stringify(current)} is not among the keys`);
  const indexKey = index === undefined ? undefined : keyOf("index", index);
  return (entity, path) => {
    const context = JSON.stringify([entity, path]);
    return {
      stored: {
        shape: Object.freeze({ kind: "string", optional: false, nullable: false }),
        encode: (value) => ({ ok: true, value: encrypt(value as string, current, key, context) }),
        decode: (text) => decrypt(text, known, context),
        same: (left, right) =>
          isSame(decrypt(left, known, context), decrypt(right, known, context)) && keyName(left) === keyName(right),
      },
      blind: indexKey && blindBy(indexKey, context),
    };
  };
}

function keyOf(name: string, given: Uint8Array | string): KeyObject {
  const bytes = typeof given === "string" ? Buffer.from(given, "base64") : Buffer.from(given);
  if (!namePattern.test(name)) {
    throw new DefinitionError(
      `encrypted(): the name of a key is letters, digits, _ and -, not ${JSON.stringify(name)}`,
    );
  }
  if (bytes.length !== keyBytes) {
    throw new DefinitionError(`encrypted(): the key ${name} has ${bytes.length} bytes instead of ${keyBytes}`);
  }
  return createSecretKey(bytes);
}

function encrypt(value: string, name: string, key: KeyObject, context: string): string {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(context));
  const body = Buffer.concat([iv, cipher.update(value, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return `${version}.${name}.${body.toString("base64url")}`;
}

// No message says anything of the value, nor of the text.
function decrypt(text: unknown, keys: ReadonlyMap<string, KeyObject>, context: string): Converted {
  const [written, name = "", body = "", more] = typeof text === "string" ? text.split(".") : [];
  const bytes = Buffer.from(body, "base64url");
  if (written !== version || more !== undefined || bytes.length < ivBytes + tagBytes) {
    return { ok: false, message: "it is not encrypted" };
  }
  const key = keys.get(name);
  if (key === undefined)
    return { ok: false, message: `the key ${JSON.stringify(name.slice(0, 64))} is not among the keys` };
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, ivBytes))
      .setAAD(Buffer.from(context))
      .setAuthTag(bytes.subarray(-tagBytes));
    const clear = Buffer.concat([decipher.update(bytes.subarray(ivBytes, -tagBytes)), decipher.final()]);
    return { ok: true, value: clear.toString("utf8") };
  } catch {
    return { ok: false, message: "it was changed, belongs to another field, or was encrypted with another key" };
  }
}

function isSame(left: Converted, right: Converted): boolean {
  return left.ok && right.ok && left.value === right.value;
}

function keyName(text: unknown): string | undefined {
  return String(text).split(".")[1];
}

// A key for each field, so that nobody sees which values of two fields are equal.
function blindBy(key: KeyObject, context: string): (value: unknown) => Converted {
  const own = createSecretKey(Buffer.from(hkdfSync("sha256", key, "", `remora blind index ${context}`, keyBytes)));
  return (value) =>
    typeof value === "string"
      ? { ok: true, value: createHmac("sha256", own).update(value, "utf8").digest("base64url") }
      : { ok: false, message: "it is no string" };
}
