// Reads a list of FHIR resources as JSON from standard input; writes for each whether it is valid R4, and why not.
const fs = require("fs");
const { Fhir } = require("fhir");

const fhir = new Fhir();
const resources = JSON.parse(fs.readFileSync(0, "utf8"));
const results = resources.map((resource) => {
  const { valid, messages } = fhir.validate(resource, { errorOnUnexpected: true });
  const errors = messages.filter((message) => message.severity === "error" || message.severity === "fatal");
  return { valid: valid && errors.length === 0, errors: errors.map(({ location, message }) => `${location}: ${message}`) };
});
process.stdout.write(JSON.stringify(results));
