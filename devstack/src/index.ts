export { defaultPorts, type Part, type PartName, type StackUrls } from './part.ts';
export { freePorts } from './ports.ts';
export { repositoryRoot } from './repository.ts';
export {
  attachStack,
  createStack,
  type PartStatus,
  partNames,
  type Stack,
  type StackOptions,
  storeNames,
} from './stack.ts';
export { acquireTestStack, privateTestStack } from './supervised.ts';
