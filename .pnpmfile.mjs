// Scalar's page is one file with everything in it: what it was built from is not installed. Neither is what reports
// installations to a server: Spectral, which AsyncAPI's parser uses, has it.
export const hooks = {
  readPackage(manifest) {
    if (manifest.name === '@scalar/api-reference') return { ...manifest, dependencies: {} };
    const { '@scarf/scarf': _, ...dependencies } = manifest.dependencies ?? {};
    return { ...manifest, dependencies };
  },
};
