// Starts a server in a container, through testcontainers, where a Docker daemon answers.
// testcontainers is an optional peer and loaded only here; its reaper ends the container with this process.
import type * as Testcontainers from "testcontainers";

import { CapabilityError } from "../errors.ts";
import { moduleFiles, type Flavour } from "./artefacts.ts";
import type { Running } from "./launch.ts";
import { waitUntilReady } from "./probe.ts";
import { run } from "./run.ts";

const PORT = 6379;
const DAEMON_MS = 20_000;
const START_MS = 300_000;
const READY_MS = 20_000;

/** The image behind a flavour, and where its server and its modules lie. */
interface Image {
  readonly name: string;
  readonly program: string;
  /** Undefined where the image has no search module. */
  readonly moduleFolder: string | undefined;
}

const images: Readonly<Record<Flavour, Image>> = {
  redis70: { name: "redis:7.0.15", program: "redis-server", moduleFolder: undefined },
  stack74: {
    name: "redis/redis-stack-server:7.4.0-v1",
    program: "/opt/redis-stack/bin/redis-server",
    moduleFolder: "/opt/redis-stack/lib",
  },
  redis82: {
    name: "redis:8.2.3",
    program: "redis-server",
    moduleFolder: "/usr/local/lib/redis/modules",
  },
  valkey91: { name: "valkey/valkey:9.1.2", program: "valkey-server", moduleFolder: undefined },
};

/** The image used for a flavour, for messages. */
export function imageOf(flavour: Flavour): string {
  return images[flavour].name;
}

/** Why no container can be started here, or undefined when a Docker daemon answers. */
export async function dockerProblem(): Promise<string | undefined> {
  const { ok, complaint } = await run("docker", ["info"], { timeout: DAEMON_MS });
  if (ok) return undefined;
  return `no Docker daemon answers "docker info" (${complaint.split("\n").at(-1) ?? ""})`;
}

/** Starts the image of a flavour and waits until it answers; throws CapabilityError when it cannot. */
export async function startContainer(
  flavour: Flavour,
  modules: boolean,
  args: readonly string[],
  log: (line: string) => void,
): Promise<Running> {
  const image = images[flavour];
  const folder = image.moduleFolder;
  if (modules && folder === undefined) throw new CapabilityError(`${image.name} has no search module`);
  const problem = await dockerProblem();
  if (problem !== undefined) throw new CapabilityError(problem);
  const { GenericContainer, Wait } = await loadTestcontainers();
  log(`starting the container image ${image.name}`);
  const configured = new GenericContainer(image.name)
    // The images' own entry points add modules and settings of their own; the bare server adds none.
    .withEntrypoint([image.program])
    .withCommand([
      // Inside a container the loopback address and its protection would shut us out.
      ...["--save", "", "--appendonly", "no", "--protected-mode", "no", "--enable-debug-command", "yes"],
      ...(modules ? moduleFiles.flatMap((file) => ["--loadmodule", `${folder}/${file}`]) : []),
      ...args,
    ])
    .withExposedPorts(PORT)
    .withWaitStrategy(Wait.forLogMessage("Ready to accept connections"))
    .withStartupTimeout(START_MS);
  let container: Awaited<ReturnType<typeof configured.start>>;
  try {
    container = await configured.start();
  } catch (cause) {
    throw new CapabilityError(`The image ${image.name} does not start: ${messageOf(cause)}`, { cause });
  }
  const url = `redis://${container.getHost()}:${container.getMappedPort(PORT)}`;
  let stopped: Promise<unknown> | undefined;
  const stop = async (): Promise<void> => {
    stopped ??= container.stop();
    await stopped;
  };
  if (await waitUntilReady(url, () => false, READY_MS)) return { url, pid: undefined, stop };
  await stop();
  throw new CapabilityError(`The container of ${image.name} does not answer at ${url}.`);
}

async function loadTestcontainers(): Promise<typeof Testcontainers> {
  try {
    return await import("testcontainers");
  } catch (cause) {
    throw new CapabilityError('the package "testcontainers" is not installed', { cause });
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
