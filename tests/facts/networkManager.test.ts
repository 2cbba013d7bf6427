import { expect, it } from "vitest";
import { readProfiles } from "../../facts/networkManager";

const uuids = [
  "98940d3b-2d5a-4d73-aa2e-bda89ec53238",
  "704c6523-b75e-477d-b293-9deda6fd11f4",
  "31c3485c-0884-38a4-a5c7-3337c81a8774",
];
const folder = "/etc/NetworkManager/system-connections";
// As nmcli 1.52 printed it on a virtual Spark.
const said = [
  `profile ${uuids[0]}:802-3-ethernet:enp1s0f0np0:${folder}/lan-a.nmconnection:lan-a`,
  "profile 92493e44-94bd-43a6-9194-d87f78fbb553:loopback:lo:/run/NetworkManager/system-connections/lo.nmconnection:lo",
  `profile ${uuids[2]}:802-3-ethernet::/run/NetworkManager/system-connections/Wired connection 1.nmconnection:Wired connection 1`,
  `profile ${uuids[1]}:802-3-ethernet::${folder}/lan\\:b x.nmconnection:lan\\:b \\\\ x`,
  `detail connection.uuid:${uuids[1]}`,
  "detail connection.interface-name:",
  "detail connection.autoconnect:yes",
  "detail 802-3-ethernet.mac-address:02\\:5B\\:00\\:90\\:02\\:00",
  "",
].join("\n");

it("are those for Ethernet that are there after a boot", () => {
  expect(readProfiles(said)).toEqual([
    { name: "lan-a", uuid: uuids[0], file: `${folder}/lan-a.nmconnection`, active: "enp1s0f0np0", automatic: true },
    {
      name: "lan:b \\ x",
      uuid: uuids[1],
      file: `${folder}/lan:b x.nmconnection`,
      boundTo: "02:5b:00:90:02:00",
      automatic: true,
    },
  ]);
  expect(readProfiles("")).toEqual([]);
});

it("have no UUID that could be more than one in a command", () => {
  expect(readProfiles(`profile x; reboot:802-3-ethernet:enp1s0f0np0:${folder}/x:x\n`)).toEqual([]);
});
