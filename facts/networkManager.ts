/** Connections of NetworkManager's that a person or a tool gave it in files of its own, as facts-networkmanager.sh tells them. */

/** One connection ("profile") for Ethernet that netplan didn't write and that is there after a boot. */
export interface NetworkManagerProfile {
  /** As nmcli shows it; it need not be unique. */
  readonly name: string;
  readonly uuid: string;
  /** Absolute path of its file. */
  readonly file: string;
  /** The netdev on which it is active. */
  readonly active?: string;
  /** The name, or the MAC in lower case, of the only netdev that it is for; undefined for one that takes any, or is active. */
  readonly boundTo?: string;
  /** Whether NetworkManager activates it by itself. */
  readonly automatic: boolean;
}

/** It stands in commands that a person may paste. */
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const ETHERNET = "802-3-ethernet";
/** NetworkManager makes those below /run by itself, or netplan does, and they are gone with a boot. */
const PERSISTENT = /^\/(etc|usr\/lib)\/NetworkManager\/system-connections\//;

/** @param text lines of `list_profiles`; "" where NetworkManager wasn't asked, for it has no such connection. */
export function readProfiles(text: string): readonly NetworkManagerProfile[] {
  const lines = text.split("\n");
  const details = readDetails(lines);
  return lines.flatMap((line): NetworkManagerProfile[] => {
    const [, terse] = /^profile (.*)$/.exec(line) ?? [];
    const [uuid = "", type, active = "", file = "", name = ""] = terseFields(terse ?? "");
    if (type !== ETHERNET || !PERSISTENT.test(file) || !UUID.test(uuid)) return [];
    const detail = details.get(uuid);
    const boundTo = detail?.get("connection.interface-name") || detail?.get(`${ETHERNET}.mac-address`)?.toLowerCase();
    const automatic = detail ? detail.get("connection.autoconnect") === "yes" : active !== "";
    return [{ name, uuid, file, automatic, ...(active && { active }), ...(boundTo && { boundTo }) }];
  });
}

/** By UUID, fields with their values. */
function readDetails(lines: readonly string[]): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const details = new Map<string, Map<string, string>>();
  let current = new Map<string, string>();
  for (const line of lines) {
    const [, terse] = /^detail (.+)$/.exec(line) ?? [];
    if (terse === undefined) continue;
    const [field = "", value = ""] = terseFields(terse);
    if (field === "connection.uuid") {
      current = new Map();
      details.set(value, current);
    }
    current.set(field, value);
  }
  return details;
}

/** nmcli's terse form has a colon between fields, and a backslash before one inside them. */
function terseFields(line: string): string[] {
  return [...line.matchAll(/((?:\\.|[^\\:])*)(?::|$)/g)].map(([, field = ""]) => field.replace(/\\(.)/g, "$1"));
}
