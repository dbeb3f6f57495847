import { hostname } from 'node:os';
import type Docker from 'dockerode';
import { isNotFound } from './docker.errors.js';

type Mapping = { inside: string; onHost: string };

/** Translates paths of this process into paths of the engine's host, which differ when the supervisor is itself a container. */
export class EnginePaths {
  private constructor(
    private readonly mappings: Mapping[],
    /** Whether this process is a container of the engine that it talks to. */
    readonly isInEngine: boolean,
  ) {}

  static async discover(docker: Docker): Promise<EnginePaths> {
    // A container's host name is its id. A process in a container of another engine is a host to this one.
    const self = await docker.getContainer(hostname()).inspect().catch((error: unknown) => (isNotFound(error) ? undefined : Promise.reject(error)));
    const mappings = (self?.Mounts ?? []).map((mount) => ({ inside: mount.Destination, onHost: mount.Source }));
    return new EnginePaths(mappings.toSorted((a, b) => b.inside.length - a.inside.length), self !== undefined);
  }

  translate(path: string): string {
    const mapping = this.mappings.find(({ inside }) => path === inside || path.startsWith(`${inside}/`));
    return mapping ? mapping.onHost + path.slice(mapping.inside.length) : path;
  }
}
