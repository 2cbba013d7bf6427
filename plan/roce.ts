/** The smallest MTU of a netdev with which RoCE's packets carry 4096 bytes, in bytes. */
export const ROCE_MTU = 4200;

/** What a packet of RoCE may carry, in bytes; its headers come out of the netdev's MTU. */
const [WHOLE, ...SMALLER] = [4096, 2048, 1024, 512] as const;
const HEADERS = ROCE_MTU - WHOLE;

/**
 * Why a mesh with this MTU is slower than it could be; none from `ROCE_MTU` on.
 *
 * @param mtu of the CX7 netdevs, in bytes.
 */
export function roceWarnings(mtu: number): readonly string[] {
  if (mtu >= ROCE_MTU) return [];
  const payload = SMALLER.find((bytes) => bytes <= mtu - HEADERS) ?? 256;
  return [
    `spark-mesh:network.mtu: ${mtu} is below ${ROCE_MTU}: RoCE's packets then carry ${payload} bytes instead of ${WHOLE}, ${WHOLE / payload} times as many for the same data, which costs bandwidth and processor time; 9000 is the convention, where every switch between takes jumbo frames`,
  ];
}
