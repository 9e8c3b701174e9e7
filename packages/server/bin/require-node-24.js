// Read by whatever Node is there, however old: plain JavaScript, and nothing of ours is imported before the check.

if (Number(process.versions.node.split('.')[0]) < 24) {
  console.error(
    `Parley needs Node 24 or newer, and this is ${process.versions.node}. In the project's folder, "npm install" brings one ` +
      'along, which "npm start" and "npx parley" then use; or install Node 24 from https://nodejs.org.',
  );
  process.exit(1);
}

// Releases of Node 24 before 24.15 announce parts that Parley relies on as experimental, at every start.
const emitWarning = process.emitWarning;
process.emitWarning = (warning, ...details) => {
  const type = typeof details[0] === 'object' ? details[0]?.type : details[0];
  if (type !== 'ExperimentalWarning') emitWarning.call(process, warning, ...details);
};
