import type { Cx7Netdev } from "../../facts/hostFacts";
import { matches } from "./globs";
import { baseName, type Fields, fields } from "./netplanYaml";

/** Where a netplan file lays hands on CX7 netdevs. */
export interface Definition {
  /** `exact`: its id is the netdev's name. `match`: its match or set-name finds it. `member`: a bond, bridge or VLAN takes it. */
  readonly kind: "exact" | "match" | "member" | "connection";
  /** `ethernets.enp1s0f0np0` */
  readonly place: string;
  readonly id: string;
  /** Names of the CX7 netdevs that it is about. */
  readonly netdevs: readonly string[];
  /** Of a `connection`, which is NetworkManager's own to keep; undefined where the file doesn't say. */
  readonly uuid?: string;
}

const CX7_DRIVER = "mlx5_core";
const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

/** Every definition of a file that is about one of the netdevs, in the file's order. */
export function definitionsOf(path: string, network: Fields, netdevs: readonly Cx7Netdev[]): readonly Definition[] {
  return Object.entries(network).flatMap(([section, definitions]) =>
    Object.entries(fields(definitions)).flatMap(([id, value]): Definition[] => {
      const definition = fields(value);
      const isDefinition = section === "ethernets";
      const found = netdevs.filter((netdev) =>
        isDefinition ? names(id, definition, netdev) : takes(definition, netdev),
      );
      if (found.length === 0) return [];
      const about = { place: `${section}.${id}`, id, netdevs: found.map(({ name }) => name) };
      if (!isDefinition) return [{ kind: "member", ...about }];
      if (isConnection(path, definition)) return [{ kind: "connection", ...about, ...uuidOf(path, id, definition) }];
      return [{ kind: isExact(definition) ? "exact" : "match", ...about }];
    }),
  );
}

/** The `ethernets` definitions of a file that mean one netdev, by its id, and are nobody's but the file's writer's. */
export function exactDefinitions(path: string, { ethernets }: Fields): ReadonlyMap<string, Fields> {
  return new Map(
    Object.entries(fields(ethernets))
      .map(([id, definition]): [string, Fields] => [id, fields(definition)])
      .filter(([, definition]) => isExact(definition) && !isConnection(path, definition)),
  );
}

function isExact({ match, "set-name": setName }: Fields): boolean {
  return (match === undefined || match === null) && setName === undefined;
}

function names(id: string, definition: Fields, netdev: Cx7Netdev): boolean {
  const { match, "set-name": setName } = definition;
  if (setName === netdev.name) return true;
  if (match === undefined || match === null) return id === netdev.name;
  const { name, macaddress, driver } = fields(match);
  // An empty match is NetworkManager's "any netdev that nobody else defines".
  return matches(name, netdev.name) || matches(macaddress, netdev.mac) || matches(driver, CX7_DRIVER);
}

function takes({ interfaces, link }: Fields, netdev: Cx7Netdev): boolean {
  return link === netdev.name || (Array.isArray(interfaces) && interfaces.includes(netdev.name));
}

/** NetworkManager writes its connections to files of its own, and again whenever one of them is touched. */
function isConnection(path: string, { networkmanager }: Fields): boolean {
  return fields(networkmanager).uuid !== undefined || baseName({ path }).startsWith("90-NM-");
}

function uuidOf(path: string, id: string, { networkmanager }: Fields): Pick<Definition, "uuid"> {
  const uuid = [fields(networkmanager).uuid, id, baseName({ path })]
    .map((text) => UUID.exec(String(text))?.[0])
    .find((found) => found !== undefined);
  return uuid === undefined ? {} : { uuid };
}
