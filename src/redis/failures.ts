// What a driver's or server's error proves: not executed, executed perhaps, or refused for good.
// Decided by the error's code word, never by its text, which differs between servers.
import {
  CapabilityError,
  ConnectionError,
  CorruptEntityError,
  type ErrorDetails,
  OutcomeUnknownError,
  type RemoraError,
} from "../errors.ts";

/** What an error proves about the command it answers. */
export type Proof =
  /** Not executed; the same command may be sent again. */
  | "retry"
  /** The script is not loaded; send its text. */
  | "noscript"
  /** Not executed, and sending it again would not help. */
  | "refused"
  /** It may have been executed. */
  | "unknown";

const retryWords = new Set(["LOADING", "BUSY", "MASTERDOWN", "READONLY", "TRYAGAIN", "CLUSTERDOWN"]);
const refusedWords = new Set([
  "NOAUTH",
  "WRONGPASS",
  "NOPERM",
  "OOM",
  "MISCONF",
  "NOREPLICAS",
  "WRONGTYPE",
  "EXECABORT",
  "CROSSSLOT",
  "MOVED",
  "ASK",
  "DENIED",
  "UNKNOWN",
]);

/** What is known of the operation that failed. */
export interface Attempt extends ErrorDetails {
  /** Name of the operation, such as `save`. */
  readonly operation: string;
  /** It changes something. */
  readonly write: boolean;
}

/**
 * Reads what an error proves.
 *
 * @param error - from the driver.
 * @returns the proof.
 */
export function proofOf(error: Error): Proof {
  const word = codeWord(error);
  if (word === "NOSCRIPT") return "noscript";
  if (retryWords.has(word)) return "retry";
  if (refusedWords.has(word)) return "refused";
  // The driver never wrote the command: it had no connection to write to.
  if (error.message.startsWith("Stream isn't writeable")) return "retry";
  return isServerReply(error) && !error.message.includes("script") ? "refused" : "unknown";
}

/**
 * The word by which a server refuses work for now.
 *
 * @param error - from the driver.
 * @returns the word, such as `READONLY`; undefined when there was no answer.
 */
export function refusalWord(error: Error): string | undefined {
  return isServerReply(error) ? codeWord(error) : undefined;
}

function isServerReply(error: Error): boolean {
  return error.name === "ReplyError";
}

function codeWord(error: Error): string {
  const { message } = error;
  // The server wraps errors of commands inside scripts, and keeps the inner code word in front.
  if (/^ERR unknown (command|sub)/i.test(message) || /^unknown command/i.test(message)) return "UNKNOWN";
  if (/^ERR (?:Error )?(?:running|unknown).*(?:NOPERM|permission)/i.test(message)) return "NOPERM";
  if (/^ERR (The user executing the script can't|ACL failure in script)/.test(message)) return "FORBIDDEN";
  // What the JSON module says of a key of another type.
  if (/^Existing key has wrong Redis type/i.test(message)) return "WRONGTYPE";
  return /^[A-Z]+/.exec(message)?.[0] ?? "";
}

/**
 * Turns a driver's or server's error into one of ours; no argument of the command gets into it.
 *
 * @param error - from the driver.
 * @param attempt - the operation.
 * @returns a typed error.
 */
export function toRemoraError(error: Error, attempt: Attempt): RemoraError {
  const { operation, write, entity, id } = attempt;
  const details = { entity, id, cause: withoutArguments(error) };
  const what = entity === undefined ? operation : `${entity}.${operation}`;
  const proof = proofOf(error);
  if (codeWord(error) === "FORBIDDEN" && write) {
    return new OutcomeUnknownError(
      `${what}: the user may not run a command that the script needs; what it wrote before stands, so look and repair`,
      details,
    );
  }
  if (proof === "unknown" && write) {
    return new OutcomeUnknownError(
      `${what}: the connection failed after the command may have left, so it may or may not have been applied; ` +
        "read the entity to find out",
      details,
    );
  }
  switch (codeWord(error)) {
    case "NOAUTH":
    case "WRONGPASS":
      return new ConnectionError(`${what}: the server refuses the login; check user name and password`, details);
    case "NOPERM":
    case "FORBIDDEN":
      return new CapabilityError(`${what}: the user may not run a command or touch a key that this needs`, details);
    case "UNKNOWN":
      return new CapabilityError(`${what}: the server does not have a command that this needs`, details);
    case "WRONGTYPE":
      return new CorruptEntityError(`${what}: a key of another type stands where the mapper keeps its own`, details);
    case "OOM":
    case "MISCONF":
    case "NOREPLICAS":
      return new ConnectionError(
        `${what}: the server refuses writes (${codeWord(error)}); nothing was changed`,
        details,
      );
    case "LOADING":
    case "BUSY":
    case "MASTERDOWN":
    case "READONLY":
      return new ConnectionError(`${what}: the server is not ready (${codeWord(error)}); nothing was changed`, details);
    default:
      return new ConnectionError(
        `${what}: ${proof === "unknown" ? "the connection failed" : `the server answered: ${publicText(error)}`}`,
        details,
      );
  }
}

/**
 * A copy of a driver's error without the command's arguments, which may be secrets.
 *
 * @param error - from the driver.
 * @returns name, message and stack only.
 */
export function withoutArguments(error: Error): Error {
  const copy = new Error(publicText(error));
  copy.name = error.name;
  return copy;
}

// Servers quote the beginning of the arguments back in some messages.
function publicText(error: Error): string {
  return error.message.replace(/,? with args beginning with:.*$/s, "").slice(0, 300);
}
