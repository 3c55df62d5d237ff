// The layers of src, kept by a machine: `npm run layers`.

// Floor first. A room imports only from rooms before it in this list, types included,
// so no cycle of any kind can exist between two rooms.
const rooms = [
  "errors.ts",
  "schema/",
  "codec/",
  "query/",
  "redis/",
  "engines/",
  "repository/",
  "indexes/",
  "leaderboard/",
  "toolkit/",
  "http/",
  "testing/",
  "cli/",
  "database.ts",
  "index.ts",
];

const pattern = (names) => `^src/(${names.join("|").replaceAll(".", "\\.")})`;

const order = rooms.slice(0, -1).map((room, at) => ({
  name: `order-${room.replace(/\/|\.ts$/, "")}`,
  comment: "A room imports only from rooms below it.",
  from: { path: pattern([room]) },
  to: { path: pattern(rooms.slice(at + 1)) },
}));

// A ban on a kind of file: it may neither import nor be imported (knip finds the ones that do neither).
const ban = (name, comment, file) => [
  { name, comment, from: {}, to: file },
  { name, comment, from: file, to: {} },
];

const forbidden = [
  ...order,
  ...["http", "testing", "cli"].map((room) => ({
    name: `${room}-is-a-leaf`,
    comment: `Nothing in src needs ${room}/ to work.`,
    from: { path: `^src/(?!${room}/)` },
    to: { path: `^src/${room}/` },
  })),
  {
    name: "engines-do-not-talk",
    comment: "Engines return commands and read replies as data; only the two files about these are theirs.",
    from: { path: "^src/engines/" },
    to: { path: "^src/redis/", pathNot: "^src/redis/(command|replies)\\.ts$" },
  },
  {
    name: "engines-apart",
    comment: "Neither engine knows the other; what they share lies beside them.",
    from: { path: "^src/engines/(search|scan)/" },
    to: { path: "^src/engines/(search|scan)/", pathNot: "^src/engines/$1/" },
  },
  {
    name: "driver-only-in-redis",
    comment: "The room that talks owns the driver, so that it can be changed in one place.",
    from: { path: "^src/", pathNot: "^src/(redis|testing)/" },
    to: { path: "^node_modules/(ioredis5?|iovalkey)/", dependencyTypesNot: ["type-only"] },
  },
  {
    name: "zod-values-only-in-schema-zod",
    comment: "Three files build schemas: the mapper's own, and what is made of the user's.",
    from: { path: "^src/", pathNot: "^src/schema/zod(-sides|-fields)?\\.ts$" },
    to: { path: "^node_modules/zod/", dependencyTypesNot: ["type-only"] },
  },
  {
    name: "zod-types-only-in-schema",
    comment: "Other rooms take the types that schema/ offers.",
    from: { path: "^src/", pathNot: "^src/schema/" },
    to: { path: "^node_modules/zod/", dependencyTypes: ["type-only"] },
  },
  {
    name: "no-value-cycle",
    comment: "Two files that need each other while loading are one file, or three.",
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
  },
  {
    name: "no-dev-dependency",
    comment: "The bundler would copy it into the package unseen.",
    from: { path: "^src/" },
    to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["npm-peer", "type-only"] },
  },
  {
    name: "src-stands-alone",
    comment: "The package does not reach outside its own folder.",
    from: { path: "^src/" },
    to: { pathNot: ["^src/", "^node_modules/"], dependencyTypesNot: ["core"] },
  },
  ...ban("no-barrel", "Only the published entries are called index.ts.", {
    path: "(^|/)index\\.ts$",
    pathNot: [
      "^src/index\\.ts$",
      "^src/http/index\\.ts$",
      "^src/testing/index\\.ts$",
      "^src/toolkit/index\\.ts$",
      "^node_modules/",
    ],
  }),
  ...ban("no-drawer", "A file is named after what it is about.", {
    path: "(^|/)(utils?|helpers?|common|types|manager)(/|\\.ts$)",
    pathNot: "^node_modules/",
  }),
  ...ban("no-unknown-room", "A new room needs its place in the list above.", {
    path: "^src/",
    pathNot: pattern(rooms),
  }),
];

module.exports = {
  // Without a severity a broken rule is only a warning.
  forbidden: forbidden.map((rule) => Object.assign(rule, { severity: "error" })),
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
  },
};
