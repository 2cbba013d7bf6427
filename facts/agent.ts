import { connect } from "node:net";

const listIdentities = Buffer.from([0, 0, 0, 1, 11]);
const identitiesAnswer = 12;

/** The public keys in an agent's answer; undefined until it is whole. */
function publicKeys(answer: Buffer): Buffer[] | undefined {
  if (answer.length < 5 || answer.length < 4 + answer.readUInt32BE(0)) return undefined;
  if (answer[4] !== identitiesAnswer) return [];
  const keys: Buffer[] = [];
  let offset = 9;
  for (let left = answer.readUInt32BE(5); left > 0 && offset + 4 <= answer.length; left--) {
    const length = answer.readUInt32BE(offset);
    keys.push(answer.subarray(offset + 4, offset + 4 + length));
    offset += 4 + length;
    offset += 4 + (offset + 4 <= answer.length ? answer.readUInt32BE(offset) : 0);
  }
  return keys;
}

/**
 * The public keys that the ssh-agent behind `socket` holds, in SSH's wire format; undefined where no agent answers
 * within two seconds. Asked over the socket itself: `ssh-add -l` would be one more process to wait for.
 */
export function agentKeys(socket: string): Promise<Buffer[] | undefined> {
  return new Promise((resolve) => {
    let answer: Buffer = Buffer.alloc(0);
    const connection = connect(socket);
    const finish = (keys: Buffer[] | undefined) => {
      connection.destroy();
      resolve(keys);
    };
    connection.setTimeout(2000, () => finish(undefined));
    connection.once("connect", () => connection.write(listIdentities));
    connection.on("data", (bytes: Buffer) => {
      answer = Buffer.concat([answer, bytes]);
      try {
        const keys = publicKeys(answer);
        if (keys) finish(keys);
      } catch (error) {
        if (error instanceof RangeError) finish([]);
        else throw error;
      }
    });
    connection.once("error", () => finish(undefined));
    connection.once("end", () => finish(undefined));
  });
}
