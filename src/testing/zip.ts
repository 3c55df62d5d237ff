// Reads single files out of a zip archive (wheels are zips), so that fetching a server needs no dependency.
// Only what wheels use: stored and deflated entries, sizes from the central directory, no zip64.
import { promisify } from "node:util";
import { crc32, inflateRaw } from "node:zlib";

import { CapabilityError } from "../errors.ts";

/** One file of an archive. */
export interface ZipEntry {
  readonly name: string;
  /** Size in bytes once unpacked. */
  readonly size: number;
  /** Unpacks the file and compares its checksum. */
  readonly read: () => Promise<Buffer>;
}

const inflate = promisify(inflateRaw);

const END = 0x06_05_4b_50;
const CENTRAL = 0x02_01_4b_50;
const LOCAL = 0x04_03_4b_50;
const END_SIZE = 22;
const LONGEST_COMMENT = 0xff_ff;

/** Lists the files of an archive by name; throws CapabilityError when it is damaged. */
export function readZip(archive: Buffer): ReadonlyMap<string, ZipEntry> {
  const entries = new Map<string, ZipEntry>();
  const end = findEnd(archive);
  const count = archive.readUInt16LE(end + 10);
  let at = archive.readUInt32LE(end + 16);
  for (let i = 0; i < count; i += 1) {
    if (at + 46 > archive.length || archive.readUInt32LE(at) !== CENTRAL) throw damaged("its directory is cut");
    const nameLength = archive.readUInt16LE(at + 28);
    const name = archive.toString("utf8", at + 46, at + 46 + nameLength);
    entries.set(name, entryAt(archive, at, name));
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  return entries;
}

/** The end record is last, but a comment of any length may follow it. */
function findEnd(archive: Buffer): number {
  const lowest = Math.max(0, archive.length - END_SIZE - LONGEST_COMMENT);
  for (let at = archive.length - END_SIZE; at >= lowest; at -= 1) {
    if (archive.readUInt32LE(at) === END) return at;
  }
  throw damaged("it has no directory");
}

function entryAt(archive: Buffer, at: number, name: string): ZipEntry {
  const method = archive.readUInt16LE(at + 10);
  const checksum = archive.readUInt32LE(at + 16);
  const packed = archive.readUInt32LE(at + 20);
  const size = archive.readUInt32LE(at + 24);
  const local = archive.readUInt32LE(at + 42);
  const read = async (): Promise<Buffer> => {
    if (local + 30 > archive.length || archive.readUInt32LE(local) !== LOCAL) throw damaged(`${name} is missing`);
    const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
    const content = await unpack(archive.subarray(start, start + packed), method, size, name);
    if (content.length !== size || crc32(content) !== checksum) throw damaged(`${name} has a wrong checksum`);
    return content;
  };
  return { name, size, read };
}

async function unpack(data: Buffer, method: number, size: number, name: string): Promise<Buffer> {
  if (method === 0) return data;
  if (method !== 8) throw damaged(`${name} is packed by the unknown method ${method}`);
  try {
    return await inflate(data, { maxOutputLength: Math.max(1, size) });
  } catch (cause) {
    throw damaged(`${name} cannot be unpacked`, cause);
  }
}

function damaged(what: string, cause?: unknown): CapabilityError {
  return new CapabilityError(`The archive is damaged: ${what}.`, { cause });
}
