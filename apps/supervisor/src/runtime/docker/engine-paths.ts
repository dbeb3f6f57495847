import { hostname } from 'node:os';
import { existsSync } from 'node:fs';
import type Docker from 'dockerode';

type Mapping = { inside: string; onHost: string };

/** Translates paths of this process into paths of the engine's host, which differ when the supervisor is itself a container. */
export class EnginePaths {
  private constructor(private readonly mappings: Mapping[]) {}

  static async discover(docker: Docker): Promise<EnginePaths> {
    if (!existsSync('/.dockerenv')) return new EnginePaths([]);
    const self = await docker.getContainer(hostname()).inspect();
    const mappings = self.Mounts.map((mount) => ({ inside: mount.Destination, onHost: mount.Source }));
    return new EnginePaths(mappings.toSorted((a, b) => b.inside.length - a.inside.length));
  }

  translate(path: string): string {
    const mapping = this.mappings.find(({ inside }) => path === inside || path.startsWith(`${inside}/`));
    return mapping ? mapping.onHost + path.slice(mapping.inside.length) : path;
  }
}
