// What is sent, as data: commands and script calls.
// Engines make these; only the executor beside this file sends them.
import { createHash } from "node:crypto";

/** One command: its name and its arguments. */
export interface Command {
  readonly name: string;
  readonly args: readonly (string | Buffer)[];
}

/** A command on one key whose other words never change: what follows the key is written once and for all. */
export interface KeyedCommand {
  readonly name: string;
  readonly key: string;
  readonly rest: FixedWords;
}

/** Words that many commands share, ready for the wire. */
export interface FixedWords {
  readonly words: readonly string[];
  /** The protocol's text before the key. */
  readonly head: string;
  /** The protocol's text after the key. */
  readonly tail: string;
}

/** A script: its text and what the server knows it by. */
export interface Script {
  /** What it does, for diagnostics. */
  readonly name: string;
  readonly lua: string;
  readonly sha: string;
  /** It writes nothing, so it may run on a replica. */
  readonly readOnly: boolean;
}

/** A call of a script. */
export interface ScriptCall {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly (string | Buffer)[];
  /** What the keys of notes about operations begin with; a call that has it can carry an operation's id. */
  readonly operations?: string;
  /** Tells others of what it does, and of its operation's id. */
  readonly announces?: boolean;
}

/** Anything that can be sent. */
export type Request = Command | KeyedCommand | ScriptCall;

/** A reply that is an error; other elements of the same batch are not touched by it. */
export class ReplyFailure {
  readonly error: Error;

  /**
   * @param error - the driver's error.
   */
  constructor(error: Error) {
    this.error = error;
  }
}

/** A reply, or the error in its place. */
export type Reply = unknown;

/**
 * Makes a script.
 *
 * @param name - what it does.
 * @param lua - its text, beginning with `#!lua`.
 * @returns the script with its hash.
 */
export function defineScript(name: string, lua: string): Script {
  const sha = createHash("sha1").update(lua).digest("hex");
  return Object.freeze({ name, lua, sha, readOnly: lua.startsWith("#!lua flags=no-writes") });
}

/**
 * Prepares the unchanging part of a command on one key.
 *
 * @param name - the command.
 * @param words - what follows the key.
 * @returns the words and their wire form.
 */
export function fixedWords(name: string, words: readonly string[]): FixedWords {
  return Object.freeze({
    words,
    head: `*${words.length + 2}\r\n${bulk(name)}`,
    tail: words.map(bulk).join(""),
  });
}

/**
 * One word in the protocol's form.
 *
 * @param word - any text.
 * @returns its length and the word.
 */
export function bulk(word: string): string {
  return `$${Buffer.byteLength(word)}\r\n${word}\r\n`;
}

/**
 * A request as one list of words, for explain and diagnostics.
 *
 * @param request - a command or script call.
 * @returns the command's name and arguments; a script by its name.
 */
export function requestWords(request: Request): string[] {
  if ("rest" in request) return [request.name, request.key, ...request.rest.words];
  if ("name" in request) return [request.name, ...request.args.map(String)];
  const { script, keys, args } = request;
  return [script.readOnly ? "EVALSHA_RO" : "EVALSHA", script.name, String(keys.length), ...keys, ...args.map(String)];
}

/**
 * The name of a request's command, for diagnostics.
 *
 * @param request - a command or script call.
 * @returns the command's name; for a script its own name as well.
 */
export function requestName(request: Request): string {
  return "name" in request
    ? request.name
    : `${request.script.readOnly ? "EVALSHA_RO" : "EVALSHA"} ${request.script.name}`;
}
