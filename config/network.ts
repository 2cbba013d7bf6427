import type { NetworkConfig } from "./cluster";
import { judge, shown } from "./judge";
import * as schema from "./schema";
import { contains, privateRangeOf, subnet, subnetAround, subnetText } from "./subnets";

const FIRST_SUBNET = subnet("192.168.177.0/24");

/**
 * `network`, with its defaults: the first subnet is the pool's, the prefix length is the first subnet's.
 * Faults: lengths that contradict each other, a first subnet outside the pool, no room for two subnets.
 */
export function judgeNetwork(faults: string[], value: unknown): NetworkConfig | undefined {
  const entry = judge(faults, schema.network, value ?? {}, "network", { keys: Object.keys(schema.network.shape) });
  if (entry === undefined) return undefined;
  const { firstSubnet, pool, prefixLength: wishedLength, ...others } = entry;
  const wished = firstSubnet === undefined ? undefined : subnet(firstSubnet);
  const whole = pool === undefined ? undefined : subnet(pool);
  const prefixLength = wished?.prefixLength ?? wishedLength ?? 24;
  const first = wished ?? subnetAround((whole ?? FIRST_SUBNET).first, prefixLength);
  const before = faults.length;
  if (wishedLength !== undefined && wishedLength !== prefixLength) {
    faults.push(
      `network.prefixLength: found ${wishedLength}; allowed: ${prefixLength}, as in firstSubnet, or one of the two alone`,
    );
  }
  const room = whole ?? privateRangeOf(first);
  if (room && room.prefixLength >= prefixLength) {
    const [key, found] = whole
      ? ["pool", pool]
      : wished
        ? ["firstSubnet", firstSubnet]
        : ["prefixLength", prefixLength];
    const remedy = whole ? "a larger pool" : "a firstSubnet in 10.0.0.0/8";
    faults.push(
      `network.${key}: found ${shown(found)}; ${subnetText(room)} has no room for two subnets of /${prefixLength}; allowed: a longer prefix length, or ${remedy}`,
    );
  } else if (room && !contains(room, first)) {
    faults.push(`network.firstSubnet: found ${shown(firstSubnet)}; allowed: a subnet of network.pool, ${pool}`);
  }
  if (faults.length > before) return undefined;
  return { firstSubnet: subnetText(first), ...(pool !== undefined && { pool }), prefixLength, ...others };
}
