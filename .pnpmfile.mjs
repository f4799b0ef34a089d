// Scalar's page is one file with everything in it: what it was built from is not installed.
export const hooks = {
  readPackage(manifest) {
    return manifest.name === '@scalar/api-reference' ? { ...manifest, dependencies: {} } : manifest;
  },
};
