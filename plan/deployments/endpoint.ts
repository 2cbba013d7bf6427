import { printable } from "../../config/printable";
import { differencesAbout } from "../difference";
import type { LaunchPlan } from "../launch/launch";
import type { Difference } from "../plan";
import type { Member } from "./members";

/** First answers may take longer than later ones, in seconds. */
const WARM_UP = 60;

/** What comes of asking the head for a completion. */
interface EndpointStanding {
  readonly differences: readonly Difference[];
  readonly warnings: readonly string[];
}

/**
 * Whether the deployment answers. A rank that doesn't run is said by itself, and is why the endpoint doesn't answer; a
 * server that still loads refuses until it has.
 *
 * @param readySeconds how long it may load.
 */
export function standingOfEndpoint(
  { name, endpoint: { port } }: LaunchPlan,
  members: readonly Member[],
  readySeconds: number,
): EndpointStanding {
  const [head] = members;
  const asked = head?.docker?.endpoints.find(({ deployment }) => deployment === name);
  const container = head?.containers.find((one) => one.name === (head.record?.container ?? head.launch.container));
  const isDown = members.some(
    ({ docker, containers }) => docker && !containers.some(({ status }) => status === "running"),
  );
  // Another wish may be asked for at another port than what runs.
  const isWished = head?.record?.digest === head?.launch.digest;
  if (!head || !isWished || !asked || asked.state === "answered" || !container || isDown) {
    return { differences: [], warnings: [] };
  }
  if (container.age < (asked.state === "refused" ? readySeconds : WARM_UP)) {
    const restarts = members.flatMap(({ host, containers }) =>
      containers
        .filter((one) => one.restarts > 0)
        .map((one) => `; docker restarted ${one.name} on ${host} ${one.restarts} times`),
    );
    const warning = `${head.host}: ${name} is loading, ${container.age} s of ${readySeconds} s; port ${port} doesn't answer yet`;
    return { differences: [], warnings: [printable([warning, ...restarts].join(""))] };
  }
  const found = printable([asked.state, asked.detail].filter((text) => text !== "").join(": "));
  const finding = { property: "answer", found, wanted: "a completion" };
  return { differences: differencesAbout(head.host, `endpoint ${name}`, [finding]), warnings: [] };
}
