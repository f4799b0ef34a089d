import { globSync } from 'node:fs';
import { join } from 'node:path';
import type { DescEnum, DescFile, DescMessage, DescService } from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import { root } from '../run.ts';

const generated = 'packages/contracts/src/gen';

/** A package of the contracts: what its files declare, in the order of the files and of their lines. */
export interface ContractPackage {
  /** `orderflow.order.v1` */
  readonly name: string;
  readonly files: readonly DescFile[];
  readonly services: readonly DescService[];
  /** Also those inside of others, each after the one that it is in. */
  readonly types: readonly (DescMessage | DescEnum)[];
}

/** Loads every package of ours, sorted by name. */
export async function loadPackages(): Promise<ContractPackage[]> {
  const files: DescFile[] = [];
  for (const path of globSync(`${generated}/orderflow/**/*_pb.ts`, { cwd: root }).sort()) {
    const exported = Object.values((await import(join(root, path))) as Record<string, DescFile>);
    files.push(...exported.filter((each) => each?.kind === 'file'));
  }
  const byName = Map.groupBy(files, ({ proto }) => proto.package);
  return [...byName]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, files]) => ({
      name,
      files,
      services: files.flatMap(({ services }) => services),
      types: files.flatMap((file) =>
        [...nestedTypes(file)].filter((desc) => desc.kind === 'message' || desc.kind === 'enum'),
      ),
    }));
}

/** The name of a type inside of its package: `Order.State`. */
export function shortName({ typeName, file }: DescMessage | DescEnum): string {
  return typeName.slice(file.proto.package.length + 1);
}
